import { randomUUID } from "node:crypto";
import { type Clock, inTime, type TimerHandle } from "../../internal/clock.ts";
import type { Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { type MillraceError, ServerCorruptError } from "../../server/errors.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import type { ConnectionState, SubscribeOptions, Subscription } from "../../server/server.ts";
import { recordError, type SettleCode } from "../../server/settle-reason.ts";
import { type DeliveryOwner, RedisDelivery } from "./delivery.ts";
import type { Holder } from "./holder.ts";
import type { LaneOwner, SubscriptionHost } from "./lane-owner.ts";
import { Reader } from "./reader.ts";
import { Settler } from "./settler.ts";
import { type ChannelState, createChannelState, type Source } from "./source.ts";
import { Upkeep } from "./upkeep.ts";

/** Channels that are read together, over one connection. */
interface Lane {
  readonly channels: readonly ChannelState[];
  readonly reader: Reader;
  readonly upkeep: Upkeep;
}

type Flow = "open" | "paused" | "drained" | "closed";

/** Fewer messages than this are never many. */
const crowd = 64;
/** Milliseconds to wait for a read that was told to end. */
const quietLimit = 1000;
/** Milliseconds for the last settles: a stop must not wait until a silent connection is found out. */
const flushLimit = 2000;

/** Takes messages of its channels whenever it has room. */
export class RedisSubscription implements Subscription, DeliveryOwner, Holder, LaneOwner {
  readonly consumer: string = `millrace-${randomUUID()}`;
  readonly connection: SubscriptionHost;
  readonly channels: readonly ChannelState[];
  readonly leaseDuration: number;
  readonly isAtomicReply: boolean;
  readonly #options: SubscribeOptions;
  readonly #clock: Clock;
  readonly #settler: Settler;
  readonly #lanes: readonly Lane[];
  /** Handed up and not settled. Each knows its place, so that letting one go is O(1). */
  readonly #held: RedisDelivery[] = [];
  /** Of those, how many have their settling written. */
  #freeing = 0;
  /** Room that reads under way may need. */
  #reserved = 0;
  #flow: Flow = "open";
  /** A read does not end although it was told to. */
  #isStuck = false;
  #reported: ConnectionState | undefined;
  #closing: Promise<void> | undefined;
  #retry: TimerHandle | undefined;

  constructor(connection: SubscriptionHost, options: SubscribeOptions) {
    const { settings } = connection;
    this.connection = connection;
    this.#options = options;
    this.#clock = settings.clock;
    this.leaseDuration = settings.leaseDuration;
    this.isAtomicReply = !connection.dial.isCluster;
    const names = new Set(options.channels.map(({ name }) => name));
    this.channels = [...names].map((name) => createChannelState(connection.keysOf(name)));
    const { link, publisher } = connection;
    this.#settler = new Settler(settings, link, publisher, this, () => connection.hasXackdel);
    // In a cluster the channels live on different servers, and a blocking read is for one of them.
    const groups = connection.dial.isCluster ? this.channels.map((channel) => [channel]) : [this.channels];
    this.#lanes = groups.map((channels) => {
      const upkeep = new Upkeep(this, channels);
      return { channels, upkeep, reader: new Reader(this, channels, upkeep) };
    });
  }

  get lastContact(): number {
    // The one that has been silent for longest: a worker is as well as the worst of its connections.
    return Math.min(...this.#lanes.map(({ reader }) => reader.lastContact));
  }

  get isOpen(): boolean {
    return this.#flow === "open";
  }

  get isClosed(): boolean {
    return this.#flow === "closed";
  }

  /** How many more messages may be asked for over the connection that settles are written to, after those that are written. */
  get room(): number {
    // Lanes have servers of their own: what one reads may arrive before another one has settled.
    return this.#lanes.length > 1 ? this.safeRoom : this.safeRoom + this.#freeing;
  }

  /** How many more may be asked for over any connection. */
  get safeRoom(): number {
    return this.#options.maxUnsettled - this.#held.length - this.#reserved;
  }

  /** The most that it ever holds. */
  get capacity(): number {
    return this.#options.maxUnsettled;
  }

  get isCrowded(): boolean {
    return this.#held.length >= crowd && this.#held.length > this.capacity / 2;
  }

  /** How many streams are read in all. */
  get sourceCount(): number {
    return this.#lanes.reduce((sum, { reader }) => sum + reader.sourceCount, 0);
  }

  /** Keeps room for what a read may bring. */
  reserve(count: number): void {
    const wasFull = this.safeRoom <= 0;
    this.#reserved += count;
    // Other lanes may have found no room meanwhile.
    if (wasFull && count < 0 && this.#lanes.length > 1) queueMicrotask(() => this.#fill());
  }

  /** Creates what is missing and begins to read. */
  async start(): Promise<void> {
    await Promise.all(this.#lanes.map(({ upkeep }) => upkeep.prepare()));
    if (this.channels.every(({ isBroken }) => isBroken)) {
      const names = this.channels.map(({ keys }) => keys.stream).join(", ");
      throw new ServerCorruptError(`These keys hold something else than a stream: ${names}.`);
    }
    await Promise.all(this.#lanes.map(({ reader }) => reader.open()));
    for (const { upkeep } of this.#lanes) upkeep.start();
    this.linkChanged();
  }

  // What the worker does.

  async pause(): Promise<void> {
    if (this.#flow === "open") this.#flow = "paused";
    await this.#quiet();
  }

  resume(): void {
    if (this.#flow !== "paused") return;
    this.#flow = "open";
    this.#fill();
  }

  async drain(): Promise<void> {
    if (this.#flow === "open" || this.#flow === "paused") this.#flow = "drained";
    await this.#quiet();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flow = "closed";
    this.#clock.clearTimer(this.#retry);
    if (!this.#isStuck) await this.#quiet();
    for (const { upkeep } of this.#lanes) upkeep.stop();
    // What cannot be given back now comes back when its lease runs out.
    for (const delivery of [...this.#held]) if (!delivery.settling && !delivery.lost) this.#giveBack(delivery);
    const isFlushed = await inTime(this.#clock, this.#settler.idle(), flushLimit);
    for (const { reader } of this.#lanes) reader.close();
    // Who does not answer is not asked for more.
    if (isFlushed) await inTime(this.#clock, Promise.all(this.#lanes.map(({ upkeep }) => upkeep.leave())), quietLimit);
    this.#held.length = 0;
    this.connection.forget(this);
    this.report("closed");
  }

  async #quiet(): Promise<void> {
    const quiet = Promise.all(this.#lanes.map(({ reader }) => reader.quiet()));
    this.#isStuck = !(await inTime(this.#clock, quiet, quietLimit));
  }

  get #isConnected(): boolean {
    return this.connection.link.isOpen && this.#lanes.every(({ reader }) => reader.isOpen);
  }

  #fill(): void {
    for (let i = 0; i < this.#lanes.length; i += 1) (this.#lanes[i] as Lane).reader.fill();
  }

  #laneOf(channel: ChannelState): Lane {
    return this.#lanes.find(({ channels }) => channels.includes(channel)) as Lane;
  }

  #giveBack(delivery: RedisDelivery): void {
    this.#settler.giveBack(delivery).catch(() => {}); // Its lease brings it back then.
    delivery.lost = true;
  }

  // What a delivery does.

  settle(delivery: RedisDelivery, outcome: Outcome | RetryAfter, note: SettleNote): Promise<void> {
    return this.#settler.settle(delivery, outcome, note);
  }

  begin(delivery: RedisDelivery): Promise<void> {
    return this.#settler.count(delivery, true);
  }

  extend(delivery: RedisDelivery): Promise<void> {
    return this.#settler.extend(delivery);
  }

  reply(
    delivery: RedisDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ): Promise<void> {
    return this.#settler.reply(delivery, message, channel, options);
  }

  // What the settler tells.

  freeing(delivery: RedisDelivery): void {
    if (delivery.isFreeing) return;
    delivery.isFreeing = true;
    this.#freeing += 1;
  }

  stillHeld(delivery: RedisDelivery): void {
    if (!delivery.isFreeing) return;
    delivery.isFreeing = false;
    this.#freeing -= 1;
  }

  released(delivery: RedisDelivery): void {
    const index = delivery.heldIndex;
    if (index < 0) return;
    this.stillHeld(delivery);
    delivery.heldIndex = -1;
    const last = this.#held.pop() as RedisDelivery;
    if (last !== delivery) {
      this.#held[index] = last;
      last.heldIndex = index;
    }
  }

  changed(): void {
    this.#fill();
  }

  returned(channel: ChannelState, delay: number): void {
    if (delay > 0) this.#laneOf(channel).upkeep.expectDue(channel, delay);
  }

  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void {
    this.connection.onDropped(channel, id, reason);
  }

  onEvicted(channel: string, count: number): void {
    this.connection.onEvicted(channel, count);
  }

  // What the reader and the upkeep tell.

  /** Hands up entries that are pending for us. */
  deliver(
    source: Source,
    entry: string,
    fields: readonly Buffer[],
    count: number,
    counted: boolean,
    leaseEnd: number,
  ): void {
    const delivery = new RedisDelivery(this, source, entry, fields, count, counted, leaseEnd);
    delivery.heldIndex = this.#held.length;
    this.#held.push(delivery);
    if (delivery.lifetime !== undefined && delivery.sentAt + delivery.lifetime <= this.connection.redisTime()) {
      this.#expire(delivery);
      return;
    }
    // The one before may have been the last that the worker wanted.
    if (this.#flow !== "open") {
      this.#giveBack(delivery);
      return;
    }
    if (!delivery.counted && counted) this.#settler.count(delivery, false).catch(() => {});
    this.#options.onDelivery(delivery);
  }

  /** Those of these entries that nobody handles. */
  strays(entries: readonly string[]): string[] {
    const held = new Set(this.#held.map(({ entry }) => entry));
    return entries.filter((entry) => !held.has(entry));
  }

  /**
   * Lets go of what nobody has settled or renewed for long after its lease; returns their entries. Only what was found so twice:
   * after a stall of the process, renewals come as late as we do.
   */
  abandoned(): string[] {
    const overdue = this.#clock.monotonic() - this.leaseDuration / 2;
    const left: RedisDelivery[] = [];
    for (const delivery of this.#held) {
      if (delivery.leaseEnd >= overdue || delivery.settling) delivery.isOverdue = false;
      else if (delivery.isOverdue) left.push(delivery);
      else delivery.isOverdue = true;
    }
    for (const delivery of left) {
      delivery.lost = true;
      this.released(delivery);
    }
    return left.map(({ entry }) => entry);
  }

  /** Something about a channel changed that a blocked read does not see. */
  expect(name: string, isUrgent: boolean, delay: number): void {
    const channel = this.channels.find(({ keys }) => keys.channel === name);
    if (channel === undefined || this.#flow === "closed") return;
    const { upkeep } = this.#laneOf(channel);
    if (delay > 0) upkeep.expectDue(channel, delay);
    else if (isUrgent) upkeep.expectUrgent(channel);
  }

  /** There is something to read, or something to read differently. */
  replan(): void {
    for (const { reader } of this.#lanes) reader.interrupt();
    this.#fill();
  }

  linkChanged(error?: MillraceError): void {
    if (this.#flow === "closed") return;
    if (this.#isConnected) {
      this.report("ready");
      this.#fill();
    } else this.report("reconnecting", error);
  }

  linkDenied(error: MillraceError): void {
    for (const { reader } of this.#lanes) reader.close();
    this.report("failed", error);
  }

  /** A read or the upkeep failed although there is a connection: tries again soon. */
  troubled(error: MillraceError, delay: number): void {
    if (this.#reported !== "reconnecting") {
      this.connection.logger.error({ event: "consumer.read.failed", err: recordError(error) });
    }
    this.report("reconnecting", error);
    this.#clock.clearTimer(this.#retry);
    this.#retry = this.#clock.setTimer(() => this.#fill(), delay);
  }

  /** A read worked. */
  healthy(): void {
    if (this.#reported !== "ready" && this.#isConnected) this.report("ready");
  }

  report(state: ConnectionState, error?: unknown): void {
    if (this.#reported === state || this.#reported === "closed") return;
    this.#reported = state;
    this.#options.onStateChange(state, error);
  }

  #expire(delivery: RedisDelivery): void {
    this.#settler.expire(delivery).then(
      () => this.#options.onExpired?.(delivery.channel, delivery.id),
      () => {}, // Whoever gets it next finds it expired, too.
    );
  }
}
