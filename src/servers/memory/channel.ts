import { createHeaders, type MessageHeaders } from "../../internal/headers.ts";
import { bookkeepingHeader, parseBookkeeping } from "../../server/bookkeeping.ts";
import type { OutgoingMessage, SettleNote } from "../../server/delivery.ts";
import { priority } from "../../server/priority.ts";
import type { ChannelStats, PublishOptions } from "../../server/server.ts";
import type { SettleCode, SettleReason } from "../../server/settle-reason.ts";
import { DeadLetterLog } from "./dead-letter-log.ts";
import { Entry, type Home } from "./entry.ts";
import type { Settings } from "./options.ts";
import { ReadyQueue } from "./ready-queue.ts";

const defaultPriority = priority["normal"];

function withBookkeeping(headers: MessageHeaders, value: string | undefined): MessageHeaders {
  if (headers[bookkeepingHeader] === value) return headers;
  return createHeaders({ ...headers, [bookkeepingHeader]: value });
}

/** What a channel needs of the server that it is in. */
export interface ChannelHost {
  readonly settings: Settings;
  readonly startedAt: number;
  time(): number;
  timeIn(delay: number): number;
  nextSequence(): number;
  /** A message came from outside. */
  published(): void;
  channel(name: string): Channel;
  addDelayed(entry: Entry): void;
  removeDelayed(channel: Channel): number;
  dropped(entry: Entry, reason: SettleReason): void;
  evicted(channel: string, count: number): void;
}

/** Someone who takes messages when told that there are some. */
export interface Waiter {
  wake(): void;
}

/** One queue: what is ready, who wants it, and what failed. Delayed messages wait in the broker's own queue. */
export class Channel implements Home {
  readonly name: string;
  readonly ready: ReadyQueue = new ReadyQueue();
  readonly subscriptions: Waiter[] = [];
  readonly dead: DeadLetterLog;
  inFlight = 0;
  delayed = 0;
  readonly startedAt: number;
  readonly leaseDuration: number;
  readonly #host: ChannelHost;
  /** Who is asked first for the next message, so that several idle subscriptions take turns. */
  #turn = 0;

  constructor(host: ChannelHost, name: string) {
    this.#host = host;
    this.name = name;
    this.startedAt = host.startedAt;
    this.leaseDuration = host.settings.leaseDuration;
    this.dead = new DeadLetterLog(host.settings.deadLimit, (count) => host.evicted(name, count));
  }

  get contended(): boolean {
    return this.subscriptions.length > 1;
  }

  time(): number {
    return this.#host.time();
  }

  sendTo(channel: string, message: OutgoingMessage, options: PublishOptions | undefined): void {
    this.#host.channel(channel).send(message, options);
  }

  /** Takes a new message. */
  send(message: OutgoingMessage, options?: PublishOptions): Entry {
    const host = this.#host;
    const sent = host.settings.clock.now() - host.startedAt;
    const entry = new Entry(this, message, message.headers, options?.priority ?? defaultPriority, sent);
    entry.sequence = host.nextSequence();
    host.published();
    if (options === undefined) {
      this.#enqueue(entry);
      return entry;
    }
    if (options.expiresIn !== undefined) entry.expiresAt = host.timeIn(options.expiresIn);
    if (options.delay !== undefined && options.delay > 0) this.#delay(entry, options.delay);
    else this.#enqueue(entry);
    return entry;
  }

  /**
   * Takes back a message that is for later: at the end of its priority, now or after a delay. One that no handler has
   * seen goes to its old place: whoever fetched it ahead of time must not cost it its turn.
   */
  putBack(entry: Entry, delay: number, note: SettleNote | undefined): void {
    const copy = entry.again(withBookkeeping(entry.headers, note?.bookkeeping));
    // A delivery that nobody looked at is none: neither the count nor the row of lapses changes.
    if (note?.started === false) copy.deliveryCount -= 1;
    else copy.lapses = 0;
    if (note?.started === false && delay === 0) {
      this.ready.restore([copy]);
      this.wake();
      return;
    }
    copy.sequence = this.#host.nextSequence();
    if (delay > 0) {
      this.#delay(copy, delay);
    } else {
      copy.due = this.#host.time();
      this.#enqueue(copy);
    }
  }

  /** Takes back messages whose lease ended, to the front: they were first. */
  lapse(entries: readonly Entry[]): void {
    const copies = entries.map((entry) => entry.again());
    for (const copy of copies) copy.lapses += 1;
    this.ready.restore(copies);
    this.wake();
  }

  /** Takes back messages that a closed subscription held, to the front, as if they had never been handed out. */
  restore(entries: readonly Entry[]): void {
    const copies = entries.map((entry) => entry.again());
    for (const copy of copies) copy.deliveryCount -= 1;
    this.ready.restore(copies);
    this.wake();
  }

  /** The time of a delayed message has come. */
  promote(entry: Entry): void {
    this.delayed -= 1;
    entry.sequence = this.#host.nextSequence();
    this.#enqueue(entry);
  }

  bury(entry: Entry, reason: SettleReason = this.#reason(entry, "rejected")): void {
    if (this.#host.settings.deadLimit === 0) this.#host.dropped(entry, reason);
    else this.dead.add(entry, reason, this.#host.settings.clock.now());
  }

  /** Removes an expired message that would have been next. */
  expire(entry: Entry): void {
    if (this.#host.settings.keepExpired) this.bury(entry, this.#reason(entry, "expired"));
  }

  purge(): number {
    const delayed = this.#host.removeDelayed(this);
    this.delayed -= delayed;
    return this.ready.clear() + delayed;
  }

  stats(): ChannelStats {
    const { settings, startedAt } = this.#host;
    const wall = settings.clock.now() - startedAt;
    const time = this.#host.time();
    const ages = this.ready.heads().map((head) => (head.due > 0 ? time - head.due : wall - head.sent));
    return {
      ready: this.ready.size,
      inFlight: this.inFlight,
      delayed: this.delayed,
      dead: this.dead.size,
      oldestAge: ages.length === 0 ? undefined : Math.max(0, ...ages),
    };
  }

  /** Nobody would notice if it were created anew. */
  get disposable(): boolean {
    return (
      this.subscriptions.length === 0 &&
      this.ready.size === 0 &&
      this.inFlight === 0 &&
      this.delayed === 0 &&
      this.dead.size === 0
    );
  }

  /** Tells those who wait that there is something. */
  wake(): void {
    const subscriptions = this.subscriptions;
    const count = subscriptions.length;
    if (count === 0) return;
    if (count === 1) {
      (subscriptions[0] as Waiter).wake();
      return;
    }
    this.#turn = (this.#turn + 1) % count;
    for (let i = 0; i < count; i += 1) (subscriptions[(this.#turn + i) % count] as Waiter).wake();
  }

  #enqueue(entry: Entry): void {
    this.ready.push(entry);
    this.wake();
  }

  #delay(entry: Entry, delay: number): void {
    this.delayed += 1;
    entry.due = this.#host.timeIn(delay);
    this.#host.addDelayed(entry);
  }

  #reason(entry: Entry, code: SettleCode): SettleReason {
    const now = this.#host.settings.clock.now();
    const book = parseBookkeeping(entry.headers[bookkeepingHeader]);
    return {
      code,
      attempts: book.attempts,
      deliveries: entry.deliveryCount,
      firstFailureAt: book.firstFailureAt > 0 ? book.firstFailureAt : now,
      lastFailureAt: now,
    };
  }
}
