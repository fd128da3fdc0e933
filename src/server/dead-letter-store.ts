import type { MessageHeaders } from "./delivery.ts";
import type { SettleCode, SettleReason } from "./settle-reason.ts";

export interface DeadLetter {
  /** Id of the message; also the key for `get` and `replay`. */
  readonly id: string;
  readonly channel: string;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  readonly reason: SettleReason;
  /** Milliseconds since the epoch. */
  readonly deadAt: number;
}

export interface DeadLetterFilter {
  readonly actor?: string;
  readonly reason?: SettleCode;
}

export interface ListOptions extends DeadLetterFilter {
  /** Default 20, at most 1000. */
  readonly limit?: number;
  /** The `next` of an earlier list. */
  readonly cursor?: string;
}

/** A plain array, newest first. `next` is there when more follow. */
export type DeadLetterList = readonly DeadLetter[] & { readonly next?: string };

export interface ReplayOptions {
  /** Attempts and deliveries already used up; default 0 = a fresh start. */
  readonly attempts?: number;
  /** Where to; default the channel they came from. */
  readonly channel?: string;
}

export interface DeadLetterStore {
  list(options?: ListOptions): Promise<DeadLetterList>;
  get(id: string): Promise<DeadLetter | undefined>;
  /**
   * Sends dead letters again and removes each only after its copy is confirmed. The copy keeps payload, headers and
   * content type, gets a new id and names the old one in the bookkeeping header. Returns the new ids.
   */
  replay(which: string | DeadLetterFilter, options?: ReplayOptions): Promise<readonly string[]>;
  purge(filter?: DeadLetterFilter): Promise<number>;
  count(): Promise<number>;
}
