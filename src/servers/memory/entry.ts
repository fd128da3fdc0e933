import type { MessageHeaders } from "../../internal/headers.ts";
import type { Delivery, Lease, Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { LeaseLostError } from "../../server/errors.ts";
import type { Channel } from "./channel.ts";
import type { MemorySubscription } from "./subscription.ts";

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
  readonly home: Channel;
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
  holder: MemorySubscription | undefined = undefined;
  heldIndex = 0;
  leaseUntil = 0;

  constructor(home: Channel, message: OutgoingMessage, headers: MessageHeaders, priority: number, sent: number) {
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
    return this.home.broker.startedAt + this.sent;
  }

  get lease(): Lease {
    return this;
  }

  /** Of the lease. */
  get duration(): number {
    return this.home.broker.settings.leaseDuration;
  }

  extend(): void | Promise<void> {
    if (this.holder === undefined) return this.#lost();
    this.leaseUntil = this.home.broker.time() + this.duration;
  }

  settle(outcome: Outcome | RetryAfter, note?: SettleNote): void | Promise<void> {
    const holder = this.holder;
    if (holder === undefined) return this.#lost();
    holder.release(this);
    if (outcome === "ack") return;
    if (outcome === "nack") this.home.bury(this, note?.reason);
    else this.home.putBack(this, outcome === "reject" ? 0 : outcome.retryAfter, note);
  }

  reply(message: OutgoingMessage, channel: string): void | Promise<void> {
    const holder = this.holder;
    if (holder === undefined) return this.#lost();
    this.home.broker.channel(channel).send(message);
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
