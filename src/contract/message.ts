import type { Duration } from "../internal/duration.ts";
import type { MessageHeaders } from "../internal/headers.ts";
import type { PublishBytesOptions, Send, SendResult } from "./send.ts";

/** How a message was settled. `reply`: replied to, and done. */
export type SettledOutcome = "ack" | "nack" | "reject" | "retry" | "reply";

export interface ReplyOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  /** Default: the message's `replyTo`. */
  readonly channel?: string;
}

/**
 * A received message, as handlers and middleware see it. Settling it here is done at once and wins over what the actor
 * returns or throws later; every further attempt to settle it does nothing.
 */
export interface Message {
  /** The sender's id; the same for every delivery of the message. */
  readonly id: string;
  /** The broker's own id of this entry, where it has one. */
  readonly brokerId: string | undefined;
  /** Name of the server in the app. */
  readonly server: string;
  readonly channel: string;
  readonly payload: Uint8Array;
  /** As sent; millrace's own bookkeeping is left out. Exact case. */
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  /** Which run of an actor this is, 1 = the first. */
  readonly attempt: number;
  /** How often the broker handed the message out, this time included. */
  readonly deliveries: number;
  /** Milliseconds since the epoch, where the broker keeps it. */
  readonly sentAt: number | undefined;
  /** Aborts on timeout, lost lease and at the end of a graceful stop; `signal.reason` is the error. */
  readonly signal: AbortSignal;
  readonly isSettled: boolean;
  /** Decided, perhaps not confirmed by the broker yet. */
  readonly outcome: SettledOutcome | undefined;
  /** Resolves when the broker confirmed the outcome; with `undefined` when the message was left unsettled or lost. */
  readonly settled: Promise<SettledOutcome | undefined>;
  /** The value of a header: exact name first, else the one that differs in case only. */
  header(name: string): string | undefined;
  /** Done: remove it. */
  ack(): Promise<void>;
  /** Failed: dead-letter it, with the error as the reason. */
  nack(error?: unknown): Promise<void>;
  /** Not now: back to the channel. */
  reject(): Promise<void>;
  /** Again after a delay. Errors: `CapabilityError` where the server cannot delay. */
  retry(after: Duration): Promise<void>;
  /** Sends bytes to the reply address, then acks; one atomic step where the broker can. Errors: `ReplyAddressError`. */
  reply(payload: Uint8Array | string, options?: ReplyOptions): Promise<void>;
  /** The same with a value, encoded by the actor's codec. */
  replyValue(value: unknown, options?: Omit<ReplyOptions, "contentType">): Promise<void>;
  /** Sends to the same server unless another is named. */
  readonly send: Send;
  publish(channel: string, payload: Uint8Array | string, options?: PublishBytesOptions): Promise<SendResult>;
  /** Called once the outcome is confirmed (`undefined`: left unsettled, or lost). Errors are logged. */
  afterSettle(callback: (outcome: SettledOutcome | undefined) => void | Promise<void>): void;
}
