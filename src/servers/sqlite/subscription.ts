import type { TimerHandle } from "../../internal/clock.ts";
import type { Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { LeaseLostError, type MillraceError } from "../../server/errors.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import type { ConnectionState, SubscribeOptions, Subscription } from "../../server/server.ts";
import type { SettleCode } from "../../server/settle-reason.ts";
import { type Claim, claimFrom, untilDue, wakeDue } from "./claim.ts";
import { type Claimer, type Committer, claimChunk } from "./committer.ts";
import type { DeliveryOwner, SqliteDelivery } from "./delivery.ts";
import { type ExpiredMessage, expireOverdue } from "./expire.ts";
import type { Settings } from "./options.ts";
import { ExtendWork, type Holder, ReplyWork, SettleWork, StartWork } from "./settle-work.ts";
import type { Store } from "./store.ts";
import { Task, type Transaction } from "./work.ts";

type Flow = "open" | "paused" | "drained" | "closed";

/** What a subscription needs of the connection that it belongs to. */
export interface SubscriptionHost {
  readonly settings: Settings;
  readonly committer: Committer;
  forget(subscription: SqliteSubscription): void;
  /** A failed message was not kept. */
  onDropped(channel: string, id: string, reason: SettleCode | undefined): void;
  /** Claiming fails (or works again), although the file is open. */
  onClaiming(error: MillraceError | undefined): void;
}

/** Takes messages of its channels whenever it has room, in the transactions of the committer. */
export class SqliteSubscription implements Subscription, Claimer, DeliveryOwner, Holder {
  readonly leaseDuration: number;
  readonly keepsDead: boolean;
  readonly #host: SubscriptionHost;
  readonly #options: SubscribeOptions;
  readonly #channels: string[];
  readonly #names: ReadonlySet<string>;
  /** Handed up and not settled. */
  readonly #held = new Set<SqliteDelivery>();
  /** Taken in the running transaction; handed up after its commit. */
  #claim: Claim = { deliveries: [], expired: [] };
  #backlog = true;
  /** Settled in the running transaction. */
  #freeing = 0;
  #flow: Flow = "open";
  #alarm: TimerHandle | undefined;
  #reported: ConnectionState | undefined;
  #isBlocked = false;
  #hasClaimed = false;
  #closing: Promise<void> | undefined;

  constructor(host: SubscriptionHost, options: SubscribeOptions) {
    this.#host = host;
    this.#options = options;
    this.#names = new Set(options.channels.map(({ name }) => name));
    this.#channels = [...this.#names];
    this.leaseDuration = host.settings.leaseDuration;
    this.keepsDead = host.settings.deadLimit > 0;
  }

  get lastContact(): number {
    return this.#host.committer.lastContact;
  }

  get #room(): number {
    return this.#options.maxUnsettled - this.#held.size + this.#freeing;
  }

  // What the worker does.

  pause(): void {
    if (this.#flow === "open") this.#flow = "paused";
  }

  resume(): void {
    if (this.#flow !== "paused") return;
    this.#flow = "open";
    this.wake();
  }

  drain(): void {
    if (this.#flow !== "closed") this.#flow = "drained";
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flow = "closed";
    this.#disarm();
    const { committer } = this.#host;
    // Settles that wait come first in the same queue: once the last of these works is done, they are flushed, too.
    const rest = [...this.#held].filter((delivery) => !delivery.settling && !delivery.lost);
    const works = rest.map((delivery) => committer.add(new SettleWork(this, delivery, "giveBack"), true));
    works.push(committer.add(new Task(() => undefined), true));
    for (const delivery of rest) delivery.lost = true;
    // What cannot be given back now comes back when its lease runs out.
    await Promise.allSettled(works);
    this.#held.clear();
    committer.removeClaimer(this);
    this.#host.forget(this);
    this.report("closed");
  }

  // What a delivery does.

  settle(delivery: SqliteDelivery, outcome: Outcome | RetryAfter, note: SettleNote): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    return this.#host.committer.add(new SettleWork(this, delivery, outcome, note), true);
  }

  start(delivery: SqliteDelivery): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    return this.#host.committer.add(new StartWork(this, delivery), true);
  }

  extend(delivery: SqliteDelivery): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    const end = this.#host.settings.clock.monotonic() + this.leaseDuration;
    return this.#host.committer.add(new ExtendWork(this, delivery, this.leaseDuration, end), true);
  }

  reply(
    delivery: SqliteDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    return this.#host.committer.add(new ReplyWork(this, delivery, message, channel, options), true);
  }

  freeing(): void {
    this.#freeing += 1;
  }

  dropped(delivery: SqliteDelivery, reason: SettleCode | undefined): void {
    this.#host.onDropped(delivery.channel, delivery.id, reason);
  }

  released(delivery: SqliteDelivery): void {
    this.#held.delete(delivery);
  }

  // What the committer does.

  get hungry(): boolean {
    return this.#backlog && this.#flow === "open" && this.#room > 0;
  }

  expect(channel: string): void {
    if (!this.#backlog && this.#names.has(channel)) this.#backlog = true;
  }

  /** Looks for messages in the next transaction. */
  wake(): void {
    this.#backlog = true;
    if (this.hungry) this.#host.committer.schedule();
  }

  claim(transaction: Transaction, limit: number, isLate: () => boolean): void {
    this.#hasClaimed = true;
    let room = Math.min(this.#room, limit);
    let backlog = false;
    const channels = this.#channels;
    for (let i = 0; i < channels.length; i += 1) {
      const channel = channels[i] as string;
      if (room > 0 && wakeDue(transaction, channel, this.#host.settings.batchSize)) backlog = true;
      // A fair part of the room for each channel; what one does not use is left for those after it.
      let share = Math.ceil(room / (channels.length - i));
      for (let first = true; share > 0 && (first || !isLate()); first = false) {
        const before = this.#claim.deliveries.length;
        const more = claimFrom(
          transaction,
          channel,
          Math.min(share, claimChunk),
          this.#claim,
          this,
          this.#host.settings,
        );
        const count = this.#claim.deliveries.length - before;
        share -= count;
        room -= count;
        if (!more) break;
      }
      // Either there was no room or no time to see the end of this channel, or it was left with something.
      if (share <= 0 || isLate()) backlog = true;
    }
    const first = channels.shift();
    if (first !== undefined) channels.push(first);
    this.#backlog = backlog;
    if (!backlog) this.#arm(untilDue(transaction, channels));
  }

  committed(): void {
    this.#freeing = 0;
    const claim = this.#claim;
    if (this.#hasClaimed) this.#unblock();
    this.#hasClaimed = false;
    if (claim.deliveries.length === 0 && claim.expired.length === 0) return;
    this.#claim = { deliveries: [], expired: [] };
    for (const delivery of claim.deliveries) this.#held.add(delivery);
    for (const delivery of claim.deliveries) {
      // The one before may have been the last that the worker wanted.
      if (this.#flow === "open") this.#options.onDelivery(delivery);
      else if (!delivery.settling && !delivery.lost) this.#return(delivery);
    }
    this.#tellExpired(claim.expired);
  }

  rolledBack(): void {
    this.#freeing = 0;
    this.#hasClaimed = false;
    this.#backlog = true;
    this.#claim = { deliveries: [], expired: [] };
  }

  blocked(error: MillraceError): void {
    this.#isBlocked = true;
    this.#host.onClaiming(error);
    this.report("reconnecting", error);
  }

  // What the connection does.

  report(state: ConnectionState, error?: unknown): void {
    if (this.#reported === state) return;
    this.#reported = state;
    this.#options.onStateChange(state, error);
  }

  /** Without a write lock: is there something for us, or when will there be? */
  probe(store: Store): void {
    if (this.#backlog || this.#flow !== "open" || this.#room <= 0) {
      this.#backlog = true;
      return;
    }
    const now = store.now();
    let next: number | undefined;
    for (const channel of this.#channels) {
      const row = store.statements.probe.get(channel, channel, now, channel) as {
        readonly some: number;
        readonly due: number | null;
      };
      if (row.some === 1 || (row.due !== null && row.due <= now)) {
        this.wake();
        return;
      }
      if (row.due !== null && (next === undefined || row.due < next)) next = row.due;
    }
    this.#arm(next === undefined ? undefined : Math.max(1, next - now));
  }

  /** Removes what expired, forgets what nobody will settle any more, and looks for leases that ran out. */
  sweep(): void {
    if (this.#flow === "closed") return;
    const { settings, committer } = this.#host;
    const overdue = settings.clock.monotonic() - this.leaseDuration;
    for (const delivery of this.#held) if (delivery.leaseEnd < overdue) this.#held.delete(delivery);
    const expire = new Task((transaction) =>
      this.#channels.flatMap((name) => expireOverdue(transaction, name, settings.batchSize, settings.keepExpired)),
    );
    committer.add(expire).then(
      (expired) => this.#tellExpired(expired),
      () => {}, // The next sweep tries again, and whoever needs the file reports its state.
    );
    this.wake();
  }

  #tellExpired(expired: readonly ExpiredMessage[]): void {
    for (const { channel, id } of expired) this.#options.onExpired?.(channel, id);
  }

  #return(delivery: SqliteDelivery): void {
    const work = new SettleWork(this, delivery, "reject", { started: false, ...this.#bookkeepingOf(delivery) });
    this.#host.committer.add(work, true).catch(() => {}); // Its lease brings it back then.
    delivery.lost = true;
  }

  #bookkeepingOf(delivery: SqliteDelivery): { readonly bookkeeping?: string } {
    const bookkeeping = delivery.headers["millrace"];
    return bookkeeping === undefined ? {} : { bookkeeping };
  }

  #unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#host.onClaiming(undefined);
    this.report("ready");
  }

  #arm(wait: number | undefined): void {
    this.#disarm();
    const { clock, sweepInterval } = this.#host.settings;
    // Later than the next sweep: that one looks again.
    if (wait === undefined || wait > sweepInterval + 1000 || this.#flow === "closed") return;
    this.#alarm = clock.setTimer(() => {
      this.#alarm = undefined;
      this.wake();
    }, wait);
  }

  #disarm(): void {
    this.#host.settings.clock.clearTimer(this.#alarm);
    this.#alarm = undefined;
  }
}
