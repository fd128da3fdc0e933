import type { MessageHeaders } from "../../internal/headers.ts";
import type { Delivery, Lease, Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { LeaseLostError } from "../../server/errors.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import type { SettleReason } from "../../server/settle-reason.ts";

/** The channel of an entry, as far as entries and their holders need it. */
export interface Home {
  readonly name: string;
  /** Wall-clock time that `sent` counts from. */
  readonly startedAt: number;
  readonly leaseDuration: number;
  /** Several subscriptions compete for it. */
  readonly contended: boolean;
  inFlight: number;
  /** Milliseconds on the scale of `due`, `expiresAt` and `leaseUntil`. */
  time(): number;
  sendTo(channel: string, message: OutgoingMessage, options: PublishOptions | undefined): void;
  putBack(entry: Entry, delay: number, note: SettleNote | undefined): void;
  lapse(entries: readonly Entry[]): void;
  restore(entries: readonly Entry[]): void;
  promote(entry: Entry): void;
  expire(entry: Entry): void;
  bury(entry: Entry, reason: SettleReason | undefined): void;
}

/** Who holds an entry while it is handed out. */
export interface Holder {
  release(entry: Entry): void;
}

/**
 * A message in a channel and, once handed out, its own delivery and lease: one object per message, all else on the
 * prototype. A message that comes again is a copy, so that an old delivery can never settle the new one.
 */
export class Entry implements Delivery, Lease {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  readonly home: Home;
  readonly priority: number;
  /** Wall-clock time of sending, relative to the start of the server: a small integer costs no allocation. */
  readonly sent: number;
  deliveryCount = 0;
  lapses = 0;
  /** Place in line: lanes are in this order, and it decides between equal times. */
  sequence = 0;
  /** Since when it is, or from when on it will be, ready. 0 = since it was sent. Milliseconds since the start. */
  due = 0;
  /** Milliseconds since the start; 0 = never. */
  expiresAt = 0;
  /** Who holds it; `undefined` before and after. */
  holder: Holder | undefined = undefined;
  heldIndex = 0;
  leaseUntil = 0;

  constructor(home: Home, message: OutgoingMessage, headers: MessageHeaders, priority: number, sent: number) {
    this.id = message.id;
    this.payload = message.payload;
    this.headers = headers;
    this.contentType = message.contentType;
    this.replyTo = message.replyTo;
    this.home = home;
    this.priority = priority;
    this.sent = sent;
  }

  get channel(): string {
    return this.home.name;
  }

  get sentAt(): number {
    return this.home.startedAt + this.sent;
  }

  get lease(): Lease {
    return this;
  }

  /** Of the lease. */
  get duration(): number {
    return this.home.leaseDuration;
  }

  extend(): void | Promise<void> {
    if (this.holder === undefined) return this.#lost();
    this.leaseUntil = this.home.time() + this.duration;
  }

  settle(outcome: Outcome | RetryAfter, note?: SettleNote): void | Promise<void> {
    const holder = this.holder;
    if (holder === undefined) return this.#lost();
    holder.release(this);
    if (outcome === "ack") return;
    if (outcome === "nack") this.home.bury(this, note?.reason);
    else this.home.putBack(this, outcome === "reject" ? 0 : outcome.retryAfter, note);
  }

  reply(message: OutgoingMessage, channel: string, options?: PublishOptions): void | Promise<void> {
    const holder = this.holder;
    if (holder === undefined) return this.#lost();
    this.home.sendTo(channel, message, options);
    holder.release(this);
  }

  /** The same message for its next delivery. */
  again(headers: MessageHeaders = this.headers): Entry {
    const copy = new Entry(this.home, this, headers, this.priority, this.sent);
    copy.deliveryCount = this.deliveryCount;
    copy.lapses = this.lapses;
    copy.sequence = this.sequence;
    copy.due = this.due;
    copy.expiresAt = this.expiresAt;
    return copy;
  }

  #lost(): Promise<never> {
    return Promise.reject(new LeaseLostError());
  }
}
