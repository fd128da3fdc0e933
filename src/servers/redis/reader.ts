import type { TimerHandle } from "../../internal/clock.ts";
import type { LaneOwner } from "./lane-owner.ts";
import { Link } from "./link.ts";
import { takeScript } from "./lua/take.ts";
import { ReadConnection } from "./read-connection.ts";
import { fairEvery, readOrder, rotated } from "./read-order.ts";
import { runScript } from "./script.ts";
import type { ChannelState, Source } from "./source.ts";
import type { Argument, Reply, Transport } from "./transport.ts";
import { toTrouble } from "./trouble.ts";
import type { Upkeep } from "./upkeep.ts";

type Entries = readonly (readonly [id: Buffer, fields: readonly Buffer[]])[];

/** What a read says: streams, of each its entries; null when there are none. */
type Streams = readonly (readonly [key: Buffer, entries: Entries])[] | null;

type TakeReply = readonly [found: readonly (readonly [place: number, entries: Entries])[], last: readonly Buffer[]];

/** Milliseconds until the next try after an error, by kind. */
const pauses = { busy: 250, other: 1000 };
/** A read that was told to end before Redis knew of it is told again after so many milliseconds. */
const repeatInterrupt = 5;
/** After so many reads of the streams that are known to have more, all are looked at. */
const mostHotReads = 8;
/** With less room in all, one read at a time takes what there is. */
const worthOverlapping = 16;
/** With at least so much room in all, a read waits until this part of it is free, at most so many milliseconds. */
const worthWaiting = 16;
const longestWait = 5;

/**
 * Reads new entries, never more than there is room for. While there is a backlog, reads ride with the settles over their
 * connection, two at a time so that Redis answers one while we handle the other. When the backlog is gone, one read blocks on a connection of its
 * own, and nothing is polled.
 */
export class Reader {
  lastContact: number;
  readonly #subscription: LaneOwner;
  readonly #channels: readonly ChannelState[];
  readonly #upkeep: Upkeep;
  readonly #link: Link;
  readonly #consumer: string;
  /** What is under way that cannot overlap with anything else. */
  #turn: Promise<void> | undefined;
  /** Something changed while it was under way. */
  #mustFill = false;
  /** Reads of a backlog under way. */
  #hotPending = 0;
  #isBlocked = false;
  readonly #connection = new ReadConnection();
  /** Reads of a part of the streams since all were looked at. */
  #hotReads = 0;
  /** Taken since a lower level came first. */
  #sinceFair = 0;
  #round = 0;
  #refill: TimerHandle | undefined;
  #hasWaited = false;
  #onQuiet: (() => void) | undefined;

  constructor(subscription: LaneOwner, channels: readonly ChannelState[], upkeep: Upkeep) {
    const { settings, dial } = subscription.connection;
    this.#subscription = subscription;
    this.#channels = channels;
    this.#upkeep = upkeep;
    this.#consumer = subscription.consumer;
    this.lastContact = settings.clock.monotonic();
    this.#link = new Link(
      { dial, clock: settings.clock, patience: settings.commandTimeout + settings.blockTime, usage: "reads" },
      {
        greet: (transport) => this.#greet(transport),
        onReady: () => subscription.linkChanged(),
        onLost: (error) => subscription.linkChanged(error),
        onDenied: (error) => subscription.linkDenied(error),
      },
    );
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** How many streams it reads. */
  get sourceCount(): number {
    return this.#sources().length;
  }

  /** A key by which commands find the server that has ours. */
  get #key(): string {
    return (this.#channels[0] as ChannelState).normal.key;
  }

  open(): Promise<void> {
    return this.#link.open(this.#subscription.connection.settings.connectTimeout);
  }

  close(): void {
    this.#subscription.connection.settings.clock.clearTimer(this.#refill);
    this.#link.close();
  }

  /** Reads if there is room and reason to. */
  fill(): void {
    if (this.#hotPending === 2) return;
    if (this.#turn !== undefined) {
      this.#mustFill = true;
      return;
    }
    const { isOpen, room, connection } = this.#subscription;
    if (!isOpen || room <= 0 || !this.#link.isOpen || !connection.link.isOpen) return;
    this.#mustFill = false;
    const hot = this.#hotSources();
    if (hot.length > 0) this.#readHot(hot);
    else if (this.#hotPending === 0) this.#turn = this.#read().then(this.#onDone, this.#onFailed);
  }

  readonly #onDone = (again: boolean): void => {
    this.#turn = undefined;
    this.#tellQuiet();
    if (again || this.#mustFill) this.fill();
  };

  readonly #onFailed = (error: unknown): void => {
    this.#turn = undefined;
    this.#tellQuiet();
    void this.#explain(error);
  };

  /** Ends a blocked read, so that the next one sees what has changed. */
  interrupt(): void {
    if (!this.#isBlocked) return;
    const turn = this.#turn;
    const { connection } = this.#subscription;
    const { clock } = connection.settings;
    connection.link.send(this.#key, ["CLIENT", "UNBLOCK", this.#connection.id]).then(
      (ended) => {
        // The read may still be on its way: another connection, another order.
        if (ended === 0 && turn === this.#turn) {
          clock.setTimer(() => turn === this.#turn && this.interrupt(), repeatInterrupt, { unref: true });
        }
      },
      () => {}, // It ends by itself after `blockTime`.
    );
  }

  /** Resolves once no read is under way. Only while the subscription is not open. */
  async quiet(): Promise<void> {
    while ((this.#turn !== undefined || this.#hotPending > 0) && !this.#subscription.isOpen) {
      this.interrupt();
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
  }

  #tellQuiet(): void {
    const tell = this.#onQuiet;
    this.#onQuiet = undefined;
    tell?.();
  }

  async #greet(transport: Transport): Promise<void> {
    if (await this.#connection.renew(transport, this.#key)) this.#upkeep.recoverSoon();
  }

  /** @returns whether to go on at once */
  async #read(): Promise<boolean> {
    if (this.#upkeep.isDue) {
      await this.#upkeep.sweep();
      if (this.#subscription.room <= 0) return false;
    }
    for (const channel of this.#channels) if (channel.isStale) await this.#upkeep.refresh(channel);
    const sources = this.#sources();
    if (sources.length === 0) return false;
    if (this.#hasUrgent()) {
      const taken = await this.#take(sources);
      if (taken > 0) return true;
      for (const channel of this.#channels) channel.hasUrgent = false;
    }
    return this.#block(sources);
  }

  #hasUrgent(): boolean {
    return this.#channels.some(({ hasUrgent, isBroken }) => hasUrgent && !isBroken);
  }

  #sources(): Source[] {
    const channels = this.#channels;
    if (channels.length === 1) return (channels[0] as ChannelState).sources.filter(({ isThere }) => isThere);
    return channels.flatMap(({ sources, isBroken }) => (isBroken ? [] : sources.filter(({ isThere }) => isThere)));
  }

  /** Streams that had more at the last look, unless something else must be done first. */
  #hotSources(): readonly Source[] {
    const sources = this.#sources();
    const hot = sources.filter(({ isHot }) => isHot);
    if (hot.length === 0 || this.#upkeep.isDue || this.#hasUrgent()) return [];
    if (hot.length < sources.length && this.#hotReads >= mostHotReads) return [];
    return this.#channels.some(({ isStale }) => isStale) ? [] : hot;
  }

  /** From streams that had more, together with what is being settled. */
  #readHot(hot: readonly Source[]): void {
    const { connection, capacity } = this.#subscription;
    const overlap = capacity >= worthOverlapping && capacity >= 2 * hot.length;
    const part = overlap ? Math.ceil(capacity / 2) : capacity;
    while (this.#hotPending < (overlap ? 2 : 1)) {
      const { room } = this.#subscription;
      // A read for a few while another one is under way only makes work.
      if (room <= 0 || (this.#hotPending > 0 && room < part / 2)) return;
      // Enough are at hand: a few more slots will be free in a moment.
      if (room < capacity / worthWaiting && !this.#hasWaited) return this.#wait();
      const share = Math.floor(Math.min(room, part) / hot.length);
      // Less room than streams: these first, the others next time.
      const chosen = share > 0 ? hot : rotated(hot, this.#round).slice(0, room);
      this.#round += 1;
      this.#hotReads += 1;
      const count = Math.min(Math.max(1, share), connection.settings.batchSize);
      this.#hotPending += 1;
      this.#send(connection.link, chosen, count, undefined).then(this.#onHot, this.#onHotFailed);
    }
  }

  /** For more room, but not for long: the other messages may take an hour. */
  #wait(): void {
    const { clock } = this.#subscription.connection.settings;
    this.#refill ??= clock.setTimer(() => {
      this.#refill = undefined;
      this.#hasWaited = true;
      this.fill();
      this.#hasWaited = false;
    }, longestWait);
  }

  readonly #onHot = (): void => {
    this.#hotPending -= 1;
    this.#tellQuiet();
    this.fill();
  };

  readonly #onHotFailed = (error: unknown): void => {
    this.#hotPending -= 1;
    for (const source of this.#sources()) source.isHot = false;
    this.#tellQuiet();
    if (this.#hotPending === 0) void this.#explain(error);
  };

  /** Waits for the next entry. */
  async #block(sources: readonly Source[]): Promise<boolean> {
    const { safeRoom, connection } = this.#subscription;
    if (safeRoom <= 0) return false;
    this.#hotReads = 0;
    // Other lanes want some of the room as well.
    const share = Math.floor(safeRoom / Math.max(sources.length, this.#subscription.sourceCount));
    const time = Math.max(1, Math.min(connection.settings.blockTime, this.#upkeep.untilDue));
    if (share === 0) return this.#watch(sources, time);
    await this.#send(this.#link, sources, Math.min(share, connection.settings.batchSize), time);
    return true;
  }

  /** With less room than streams a blocking read could bring too many: this one only tells that there is something. */
  async #watch(sources: readonly Source[], time: number): Promise<boolean> {
    if ((await this.#take(sources)) > 0) return true;
    const args = ["XREAD", "COUNT", "1", "BLOCK", String(Math.ceil(time)), "STREAMS"];
    for (const { key } of sources) args.push(key);
    for (const { lastId } of sources) args.push(lastId);
    this.#isBlocked = true;
    try {
      await this.#link.send(this.#key, args);
    } finally {
      this.#isBlocked = false;
    }
    this.#contact();
    return true;
  }

  /** Reads up to `count` of each stream and hands them up. */
  #send(link: Link, sources: readonly Source[], count: number, block: number | undefined): Promise<void> {
    const subscription = this.#subscription;
    const { settings } = subscription.connection;
    const args: Argument[] = ["XREADGROUP", "GROUP", settings.group, this.#consumer, "COUNT", String(count)];
    if (block !== undefined) args.push("BLOCK", String(Math.ceil(block)));
    args.push("STREAMS");
    for (const { key } of sources) args.push(key);
    for (let i = 0; i < sources.length; i += 1) args.push(">");
    this.#isBlocked = block !== undefined;
    const leaseEnd = settings.clock.monotonic() + subscription.leaseDuration;
    const reserved = count * sources.length;
    const over = (): void => {
      this.#isBlocked = false;
      subscription.reserve(-reserved);
    };
    subscription.reserve(reserved);
    return link.send(this.#key, args).then(
      (reply) => {
        over();
        this.#accept(sources, reply as Reply as Streams, count, leaseEnd);
      },
      (error: unknown) => {
        over();
        throw error;
      },
    );
  }

  /** Hands up what a read brought. */
  #accept(sources: readonly Source[], streams: Streams, count: number, leaseEnd: number): void {
    this.#contact();
    for (let i = 0; i < sources.length; i += 1) (sources[i] as Source).isHot = false;
    if (streams === null) return;
    const found = streams.map(([key, entries]) => ({ source: sourceOf(sources, key), entries }));
    if (found.length > 1) found.sort((a, b) => b.source.level - a.source.level);
    for (const { source, entries } of found) {
      source.isHot = entries.length >= count;
      if (source !== source.channel.normal) source.channel.hasUrgent = true;
    }
    for (const { source, entries } of found) this.#handUp(source, entries, leaseEnd);
  }

  /** By priority, and exactly as many as there is room for: a script looks at one stream after the other. */
  async #take(sources: readonly Source[]): Promise<number> {
    const { connection, room, leaseDuration } = this.#subscription;
    const { settings } = connection;
    const most = Math.min(room, settings.batchSize);
    this.#round += 1;
    const isFair = !settings.strict && (most >= fairEvery || this.#sinceFair + most >= fairEvery);
    const order = readOrder(sources, most, this.#round, isFair);
    const leaseEnd = settings.clock.monotonic() + leaseDuration;
    const keys = order.map(({ source }) => source.key);
    const args = [settings.group, this.#consumer, String(most), ...order.map(({ most: first }) => String(first))];
    this.#subscription.reserve(most);
    let reply: TakeReply;
    try {
      reply = (await runScript(connection.link, takeScript, keys, args)) as TakeReply;
    } finally {
      this.#subscription.reserve(-most);
    }
    this.#contact();
    const [found, last] = reply;
    if (found.length === 0) {
      for (const [i, { source }] of order.entries()) source.lastId = String(last[i] ?? "0-0");
      return 0;
    }
    let total = 0;
    for (const [place, entries] of found) {
      total += entries.length;
      this.#handUp((order[place - 1] as (typeof order)[number]).source, entries, leaseEnd);
    }
    this.#sinceFair = isFair ? 0 : this.#sinceFair + total;
    return total;
  }

  #handUp(source: Source, entries: Entries, leaseEnd: number): void {
    for (let i = 0; i < entries.length; i += 1) {
      const [id, fields] = entries[i] as Entries[number];
      this.#subscription.deliver(source, id.toString("latin1"), fields, 1, true, leaseEnd);
    }
  }

  #contact(): void {
    this.lastContact = this.#subscription.connection.settings.clock.monotonic();
    this.#subscription.healthy();
  }

  async #explain(thrown: unknown): Promise<void> {
    const trouble = toTrouble(thrown);
    const subscription = this.#subscription;
    if (subscription.isClosed) return;
    if (trouble.kind === "lost" || trouble.kind === "node") {
      // A server that must not be written to answers: then it is our turn to leave it.
      this.#link.fail(trouble.error);
      if (trouble.error.cause instanceof Error && /READONLY/.test(trouble.error.cause.message)) {
        subscription.connection.link.fail(trouble.error);
      }
      return;
    }
    try {
      if (trouble.kind === "group" || trouble.kind === "type") {
        await this.#upkeep.repair();
        if (this.#sources().length === 0) throw trouble.error;
        this.fill();
        return;
      }
    } catch (error) {
      const { error: known } = toTrouble(error);
      subscription.troubled(known, pauses.other);
      return;
    }
    subscription.troubled(trouble.error, trouble.kind === "busy" ? pauses.busy : pauses.other);
  }
}

function sourceOf(sources: readonly Source[], key: Buffer): Source {
  if (sources.length === 1) return sources[0] as Source;
  const name = key.toString();
  return sources.find((source) => source.key === name) as Source;
}
