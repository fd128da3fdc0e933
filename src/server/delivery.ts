import type { MessageHeaders } from "../internal/headers.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { SettleReason } from "./settle-reason.ts";

export type { MessageHeaders } from "../internal/headers.ts";

/** What becomes of a message: done, dead-lettered, or back to its channel at once. */
export type Outcome = "ack" | "nack" | "reject";

/** Back to its channel, not before this many milliseconds have passed. */
export interface RetryAfter {
  readonly retryAfter: number;
}

export interface SettleNote {
  /** With `nack`: why. Stored with the dead letter. */
  readonly reason?: SettleReason;
  /**
   * With `reject` and `retryAfter`: the value that the reserved `millrace` header shall have when the message comes
   * again (`undefined` = none). Ours to keep, the broker's to carry.
   */
  readonly bookkeeping?: string;
  /** `false`: the message was never given to a handler. Servers that can then do not count the delivery. */
  readonly started?: boolean;
}

/** A message on its way to a broker. */
export interface OutgoingMessage {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
}

/** The time for which the broker considers a message ours. */
export interface Lease {
  /** Milliseconds. Core renews at a third of it. */
  readonly duration: number;
  /**
   * Renews the lease for another `duration`. Calls of one tick are sent together by the server. Rejects with
   * `LeaseLostError` when the message is no longer ours; any other rejection means "not known, try again".
   */
  extend(): void | PromiseLike<void>;
}

/** One received message, as a server hands it up. */
export interface Delivery {
  readonly channel: string;
  readonly payload: Uint8Array;
  /** As received, the reserved `millrace` header included. */
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  /** The sender's id, kept across redelivery and replay. */
  readonly id: string | undefined;
  /** The broker's own id of this entry, where it has one. */
  readonly brokerId?: string | undefined;
  /** How often the broker handed the message out, this time included. Absent: it does not count. */
  readonly deliveryCount: number | undefined;
  /**
   * How many deliveries in a row, before this one, ended without a settle call (crash, lost lease). Absent: core
   * derives it from `deliveryCount` and the results that it recorded itself.
   */
  readonly lapses?: number | undefined;
  /**
   * Why nobody can read the message: the server found it broken. Core gives it to no handler and makes it a dead letter
   * with the reason `decode`.
   */
  readonly unreadable?: Error | undefined;
  /** When the message was sent, milliseconds since the epoch, where the broker keeps it. */
  readonly sentAt?: number | undefined;
  /**
   * Tells the broker the outcome. Core calls it at most once at a time, and again only after it rejected. Returns
   * nothing when the outcome is already applied, otherwise a promise of the broker's confirmation. Rejects with
   * `LeaseLostError` when the message is no longer ours.
   */
  settle(outcome: Outcome | RetryAfter, note?: SettleNote): void | PromiseLike<void>;
  /** Absent: the broker does not lease messages. */
  readonly lease?: Lease | undefined;
  /**
   * Present where the server counts a delivery of a suspect (see `suspectAfter`) only when its handler starts. Core
   * waits for it before it runs the handler, so that neighbours of a message that kills the process are not blamed.
   */
  begin?(): void | PromiseLike<void>;
  /** Publish and settle as one atomic step. Absent: core publishes, waits for the confirmation, then acks. */
  readonly reply?:
    | ((message: OutgoingMessage, channel: string, options?: PublishOptions) => void | PromiseLike<void>)
    | undefined;
}

/** A message that lapsed this many times in a row is suspected of killing its worker, and such run one at a time. */
export const suspectAfter = 2;
