import type { TimerHandle } from "../../internal/clock.ts";
import type { ConnectionState, SubscribeOptions, Subscription } from "../../server/server.ts";
import type { Broker } from "./broker.ts";
import type { Channel, Waiter } from "./channel.ts";
import type { Taker } from "./dispatcher.ts";
import type { Entry, Holder } from "./entry.ts";

/** The time is read once for so many messages. */
const stampEvery = 32;

export class MemorySubscription implements Subscription, Holder, Taker, Waiter {
  readonly #broker: Broker;
  readonly #options: SubscribeOptions;
  readonly #channels: readonly Channel[];
  readonly #maxUnsettled: number;
  readonly #onClosed: (subscription: MemorySubscription) => void;
  /** What was handed up and is not settled. Each entry knows its place, so that letting one go is O(1). */
  readonly #held: Entry[] = [];
  /** Which channel is asked first, so that a busy one does not starve the others. */
  #turn = 0;
  #inLine = false;
  #paused = false;
  #drained = false;
  #closedAt: number | undefined;
  #leaseTimer: TimerHandle | undefined;

  constructor(
    broker: Broker,
    channels: readonly Channel[],
    options: SubscribeOptions,
    onClosed: (subscription: MemorySubscription) => void,
  ) {
    this.#broker = broker;
    this.#options = options;
    this.#channels = channels;
    this.#maxUnsettled = options.maxUnsettled;
    this.#onClosed = onClosed;
    for (const channel of channels) channel.subscriptions.push(this);
  }

  get lastContact(): number {
    return this.#closedAt ?? this.#broker.settings.clock.monotonic();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  drain(): void {
    this.#drained = true;
  }

  async close(): Promise<void> {
    if (this.#closedAt !== undefined) return;
    const { clock } = this.#broker.settings;
    this.#closedAt = clock.monotonic();
    clock.clearTimer(this.#leaseTimer);
    for (const { subscriptions } of this.#channels) subscriptions.splice(subscriptions.indexOf(this), 1);
    const held = this.#held.splice(0);
    for (const entry of held) this.#letGo(entry);
    for (const [home, entries] of Map.groupBy(held, (entry) => entry.home)) home.restore(entries);
    for (const channel of this.#channels) this.#broker.tidy(channel);
    this.#onClosed(this);
  }

  /** Tells the other side of the connection. */
  notify(state: ConnectionState): void {
    this.#options.onStateChange(state);
  }

  /** There may be something to take. */
  wake(): void {
    if (this.#inLine || !this.#wants()) return;
    this.#inLine = true;
    this.#broker.dispatcher.add(this);
  }

  /** Hands up messages, at most `limit`, and returns how many it took. */
  take(limit: number): number {
    this.#inLine = false;
    let taken = 0;
    let now = 0;
    try {
      while (taken < limit && this.#wants()) {
        const entry = this.#next();
        if (entry === undefined) return taken;
        if (taken % stampEvery === 0) now = this.#broker.time();
        taken += 1;
        if (entry.expiresAt > 0 && entry.expiresAt <= now) this.#expire(entry);
        else this.#handUp(entry, now);
        // Others want some of this channel as well: back to the end of the line.
        if (entry.home.contended) return taken;
      }
      return taken;
    } finally {
      if (this.#hasReady()) this.wake();
    }
  }

  /** Lets go of a message that is settled. */
  release(entry: Entry): void {
    const held = this.#held;
    const last = held.pop() as Entry;
    if (last !== entry) {
      held[entry.heldIndex] = last;
      last.heldIndex = entry.heldIndex;
    }
    this.#letGo(entry);
    // With room left, all there was is taken already.
    if (held.length + 1 === this.#maxUnsettled && this.#hasReady()) this.wake();
  }

  #wants(): boolean {
    return this.#held.length < this.#maxUnsettled && !this.#paused && !this.#drained && this.#closedAt === undefined;
  }

  #hasReady(): boolean {
    const channels = this.#channels;
    for (let i = 0; i < channels.length; i += 1) if ((channels[i] as Channel).ready.size > 0) return true;
    return false;
  }

  #next(): Entry | undefined {
    const channels = this.#channels;
    for (let i = 0; i < channels.length; i += 1) {
      const place = this.#turn + i < channels.length ? this.#turn + i : this.#turn + i - channels.length;
      const entry = (channels[place] as Channel).ready.shift();
      if (entry === undefined) continue;
      this.#turn = place + 1 < channels.length ? place + 1 : 0;
      return entry;
    }
    return undefined;
  }

  #handUp(entry: Entry, now: number): void {
    const { leaseDuration } = this.#broker.settings;
    entry.holder = this;
    entry.heldIndex = this.#held.length;
    entry.deliveryCount += 1;
    entry.leaseUntil = now + leaseDuration;
    entry.home.inFlight += 1;
    this.#held.push(entry);
    if (this.#leaseTimer === undefined) this.#armLeases(leaseDuration);
    this.#options.onDelivery(entry);
  }

  #expire(entry: Entry): void {
    entry.home.expire(entry);
    this.#options.onExpired?.(entry.channel, entry.id);
  }

  #letGo(entry: Entry): void {
    entry.holder = undefined;
    entry.home.inFlight -= 1;
  }

  /** Leases are all of one length, so that a running timer is never too late for a new one. */
  #armLeases(delay: number): void {
    this.#leaseTimer = this.#broker.settings.clock.setTimer(this.#sweep, delay, { unref: true });
  }

  readonly #sweep = (): void => {
    this.#leaseTimer = undefined;
    const now = this.#broker.time();
    const lapsed: Entry[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#held) {
      if (entry.leaseUntil <= now) lapsed.push(entry);
      else if (entry.leaseUntil < next) next = entry.leaseUntil;
    }
    // Before anything is given out again, which would arm a timer of its own.
    if (next !== Number.POSITIVE_INFINITY) this.#armLeases(next - now);
    for (const entry of lapsed) this.release(entry);
    for (const [home, entries] of Map.groupBy(lapsed, (entry) => entry.home)) home.lapse(entries);
  };
}
