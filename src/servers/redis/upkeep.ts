import type { TimerHandle } from "../../internal/clock.ts";
import { suspectAfter } from "../../server/delivery.ts";
import type { MillraceError } from "../../server/errors.ts";
import { recordError } from "../../server/settle-reason.ts";
import { isReplyChannel, replyLifetime } from "./keys.ts";
import type { LaneOwner } from "./lane-owner.ts";
import { consumersScript, reclaimScript, recoverScript } from "./lua/lease.ts";
import { tickScript } from "./lua/tick.ts";
import type { Settings } from "./options.ts";
import { runScript } from "./script.ts";
import type { ChannelState, Source } from "./source.ts";
import type { Argument, Reply } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

type TakenEntry = readonly [entry: Buffer, fields: readonly Buffer[], count: number, counted: number];

type ReclaimReply = readonly [
  next: Buffer | null,
  own: readonly Buffer[],
  deleted: number,
  taken: readonly TakenEntry[],
];

/** Most messages that one call moves or takes over: longer ones would hold up everybody on the server. */
const batch = 250;
/** Every so many sweeps, consumers that are gone are removed. */
const cleanEvery = 12;
/** Milliseconds of silence after which a consumer that owns nothing is gone. */
const silence = 60_000;

/**
 * What workers do for their channels besides reading: create streams and groups, move messages that have become due, take over
 * what others left behind, remove consumers that are gone. Every worker does all of it; Redis sees to it that each step happens once.
 */
export class Upkeep {
  readonly #subscription: LaneOwner;
  readonly #channels: readonly ChannelState[];
  readonly #dueTimers = new Map<ChannelState, { readonly timer: TimerHandle; readonly at: number }>();
  #poll: TimerHandle | undefined;
  #nextSweep: number;
  /** Channels whose delayed messages cannot be moved at the moment. */
  readonly #failing = new Set<ChannelState>();
  #mustRecover = false;
  #nextLook = 0;
  /** Entries that were ours and that nobody settled or renewed. */
  readonly #abandoned = new Set<string>();
  /** Channels of which something was missing. */
  readonly #created = new Set<ChannelState>();
  #sweeps = 0;
  #isStopped = false;

  constructor(subscription: LaneOwner, channels: readonly ChannelState[]) {
    this.#subscription = subscription;
    this.#channels = channels;
    this.#nextSweep = 0;
  }

  /** Whether it is time to sweep. */
  get isDue(): boolean {
    return this.untilDue <= 0;
  }

  /** Milliseconds until the next sweep. */
  get untilDue(): number {
    return this.#nextSweep - this.#settings.clock.monotonic();
  }

  /** Creates streams and groups that are not there, and learns which levels are in use. Errors are ours. */
  async prepare(): Promise<void> {
    try {
      await Promise.all(this.#channels.map((channel) => this.#prepare(channel)));
    } catch (error) {
      throw toTrouble(error).error;
    }
  }

  start(): void {
    this.#schedulePoll();
  }

  stop(): void {
    this.#isStopped = true;
    const { clock } = this.#settings;
    clock.clearTimer(this.#poll);
    for (const { timer } of this.#dueTimers.values()) clock.clearTimer(timer);
    this.#dueTimers.clear();
  }

  /** The connection broke: entries may have been delivered that never arrived. */
  recoverSoon(): void {
    this.#mustRecover = true;
    this.#nextSweep = 0;
  }

  /** A group or a stream is gone, or a key holds something else. */
  async repair(): Promise<void> {
    const { connection } = this.#subscription;
    const channels = this.#channels;
    for (const channel of channels) {
      for (const source of channel.sources) source.isThere = false;
      // Should it not work out now, the next read tries again.
      channel.isStale = true;
    }
    this.#created.clear();
    await Promise.all(channels.map((channel) => this.#prepare(channel)));
    const names = [...this.#created].map(({ keys }) => keys.channel);
    if (names.length === 0) return;
    connection.logger.warn(
      { event: "consumer.group.recreated", group: this.#settings.group, channels: names },
      "Streams or their consumer group were gone and were created again.",
    );
  }

  /** A message of this channel will be due in so many milliseconds. */
  expectDue(channel: ChannelState, delay: number): void {
    const { clock, pollInterval } = this.#settings;
    // Later than the next look: that one tells.
    if (this.#isStopped || delay > 2 * pollInterval) return;
    const at = clock.monotonic() + delay;
    const known = this.#dueTimers.get(channel);
    if (known !== undefined && known.at <= at) return;
    clock.clearTimer(known?.timer);
    const timer = clock.setTimer(() => {
      this.#dueTimers.delete(channel);
      void this.#tick(channel);
    }, delay + 1);
    this.#dueTimers.set(channel, { timer, at });
  }

  /** A message of another level than the ordinary one was sent to this channel. */
  expectUrgent(channel: ChannelState): void {
    channel.hasUrgent = true;
    if (channel.sources.every(({ isThere }) => isThere)) return;
    channel.isStale = true;
    this.#subscription.replan();
  }

  /** Finds streams of a channel that were not there before. */
  async refresh(channel: ChannelState): Promise<void> {
    if (!channel.normal.isThere) return this.#prepare(channel);
    channel.isStale = false;
    await this.#tick(channel);
  }

  /** Takes over what was left behind, as far as there is room. */
  async sweep(): Promise<void> {
    const { clock, sweepInterval } = this.#settings;
    // Workers that were started together shall not sweep together.
    this.#nextSweep = clock.monotonic() + sweepInterval * (0.9 + Math.random() * 0.1);
    const mustRecover = this.#mustRecover;
    this.#mustRecover = false;
    this.#sweeps += 1;
    try {
      for (const source of this.#sources()) {
        if (mustRecover) await this.#recover(source, await this.#own(source));
        await this.#reclaim(source);
      }
    } catch (error) {
      // With the next sweep: until then, there may be other things that can be done.
      this.#mustRecover ||= mustRecover;
      throw error;
    }
    if (this.#sweeps % cleanEvery === 1) await this.#clean();
  }

  /** Removes our consumer, unless something is still pending for it. */
  async leave(): Promise<void> {
    const { connection, consumer } = this.#subscription;
    if (!connection.link.isOpen) return;
    const never = String(Number.MAX_SAFE_INTEGER);
    const left = this.#sources().map((source) => this.#run(consumersScript, source, [never, consumer]));
    await Promise.allSettled(left);
  }

  get #settings(): Settings {
    return this.#subscription.connection.settings;
  }

  #sources(): Source[] {
    return this.#channels.flatMap(({ sources, isBroken }) =>
      isBroken ? [] : sources.filter(({ isThere }) => isThere),
    );
  }

  #run(script: string, source: Source, args: readonly Argument[]): Promise<Reply> {
    return runScript(this.#subscription.connection.link, script, [source.key], [this.#settings.group, ...args]);
  }

  async #prepare(channel: ChannelState): Promise<void> {
    try {
      await this.#create(channel.normal);
      await this.#look(channel);
      channel.isBroken = false;
    } catch (error) {
      const trouble = toTrouble(error);
      if (trouble.kind !== "type") throw error;
      this.#setBroken(channel, trouble.error);
    }
    channel.isStale = false;
  }

  #setBroken(channel: ChannelState, error: Error): void {
    if (channel.isBroken) return;
    channel.isBroken = true;
    this.#subscription.connection.logger.error(
      { event: "channel.failed", channel: channel.keys.channel, err: { name: error.name, message: error.message } },
      "A key of the channel holds something else than it should; the others go on.",
    );
  }

  /** Creates the stream and the group, whichever is missing. */
  async #create(source: Source): Promise<void> {
    const { link } = this.#subscription.connection;
    const { group, groupStart } = this.#settings;
    try {
      await link.send(source.key, ["XGROUP", "CREATE", source.key, group, groupStart, "MKSTREAM"]);
      this.#created.add(source.channel);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
    }
    if (isReplyChannel(source.channel.keys.channel)) {
      await link.send(source.key, ["PEXPIRE", source.key, String(replyLifetime)]);
    }
    source.isThere = true;
  }

  #schedulePoll(): void {
    const { clock, pollInterval } = this.#settings;
    if (this.#isStopped) return;
    this.#poll = clock.setTimer(
      () => {
        this.#findAbandoned();
        void Promise.all(this.#channels.map((channel) => this.#tick(channel))).then(() => this.#schedulePoll());
      },
      pollInterval * (0.9 + Math.random() * 0.1),
    );
  }

  #findAbandoned(): void {
    const { clock, leaseDuration } = this.#settings;
    if (clock.monotonic() < this.#nextLook) return;
    this.#nextLook = clock.monotonic() + leaseDuration / 4;
    const left = this.#subscription.abandoned();
    if (left.length === 0) return;
    for (const entry of left) this.#abandoned.add(entry);
    this.recoverSoon();
    this.#subscription.replan();
  }

  async #tick(channel: ChannelState): Promise<void> {
    if (this.#isStopped || !this.#subscription.connection.link.isOpen) return;
    try {
      if (channel.isBroken) await this.#create(channel.normal);
      await this.#look(channel);
      this.#failing.delete(channel);
      if (channel.isBroken) {
        channel.isBroken = false;
        this.#subscription.replan();
      }
    } catch (error) {
      const { kind, error: known } = toTrouble(error);
      if (kind === "type") this.#setBroken(channel, known);
      // A lost connection and a lost group show in the next read, which reports them.
      else if (kind !== "lost" && kind !== "node" && kind !== "group") this.#tellFailing(channel, known);
    }
  }

  /** Once, until it works again: reads go on, but delayed messages do not come. */
  #tellFailing(channel: ChannelState, error: MillraceError): void {
    if (this.#failing.has(channel)) return;
    this.#failing.add(channel);
    this.#subscription.connection.logger.error(
      { event: "channel.upkeep.failed", channel: channel.keys.channel, err: recordError(error) },
      "Delayed messages of the channel cannot be moved at the moment.",
    );
  }

  /** Moves what is due, and sees which streams have messages. */
  async #look(channel: ChannelState): Promise<void> {
    const { connection } = this.#subscription;
    const { keys, sources, normal } = channel;
    const names = [keys.delayed, keys.sequence, ...sources.map(({ key }) => key)];
    const levels = sources.map(({ level }) => String(level));
    for (let moved = batch; moved === batch; ) {
      const reply = await runScript(connection.link, tickScript, names, [
        String(batch),
        String(normal.place),
        ...levels,
      ]);
      const [time, count, wait, ...lengths] = reply as readonly number[];
      moved = count ?? 0;
      connection.setRedisTime(time as number);
      if (wait !== undefined && wait >= 0) this.expectDue(channel, wait);
      await this.#notice(channel, lengths);
    }
  }

  async #notice(channel: ChannelState, lengths: readonly number[]): Promise<void> {
    for (const [i, source] of channel.sources.entries()) {
      if (source === channel.normal) continue;
      const length = lengths[i] ?? -1;
      if (length > 0) channel.hasUrgent = true;
      if (length < 0 || source.isThere) continue;
      await this.#create(source);
      this.#subscription.replan();
    }
  }

  async #reclaim(source: Source): Promise<void> {
    const { subscription, lease } = { subscription: this.#subscription, lease: String(this.#settings.leaseDuration) };
    for (let start: string | null = "-"; start !== null && subscription.safeRoom > 0 && subscription.isOpen; ) {
      const most = Math.min(batch, subscription.safeRoom);
      const args: string[] = [subscription.consumer, lease, String(most), start, String(suspectAfter)];
      const sentAt = this.#settings.clock.monotonic();
      subscription.reserve(most);
      let reply: ReclaimReply;
      try {
        reply = (await this.#run(reclaimScript, source, args)) as ReclaimReply;
      } finally {
        subscription.reserve(-most);
      }
      const [next, own, deleted, taken] = reply;
      if (deleted > 0) this.#tellDeleted(source, deleted);
      this.#handUp(source, taken, sentAt);
      await this.#recover(source, own.map(String));
      start = next === null ? null : String(next);
    }
  }

  /** Entries of ours, as Redis sees it. */
  async #own(source: Source): Promise<string[]> {
    const { connection, consumer } = this.#subscription;
    const args = ["XPENDING", source.key, this.#settings.group, "-", "+", "10000", consumer];
    const reply = (await connection.link.send(source.key, args)) as readonly (readonly [Buffer])[];
    return reply.map(([entry]) => String(entry));
  }

  /** Hands up those of our entries that nobody has. */
  async #recover(source: Source, own: readonly string[]): Promise<void> {
    const subscription = this.#subscription;
    const strays = own.length === 0 ? [] : subscription.strays(own).slice(0, Math.max(0, subscription.safeRoom));
    for (const isCounted of [false, true]) {
      const entries = strays.filter((entry) => this.#abandoned.has(entry) === isCounted);
      if (entries.length === 0) continue;
      const sentAt = this.#settings.clock.monotonic();
      const args = [subscription.consumer, isCounted ? "1" : "0", ...entries];
      this.#handUp(source, (await this.#run(recoverScript, source, args)) as readonly TakenEntry[], sentAt);
      for (const entry of entries) this.#abandoned.delete(entry);
    }
  }

  #handUp(source: Source, taken: readonly TakenEntry[], sentAt: number): void {
    for (const [entry, fields, count, counted] of taken) {
      const leaseEnd = sentAt + this.#settings.leaseDuration;
      this.#subscription.deliver(source, String(entry), fields, count, counted === 1, leaseEnd);
    }
  }

  #tellDeleted(source: Source, count: number): void {
    this.#subscription.connection.logger.warn(
      { event: "message.deleted", channel: source.channel.keys.channel, count },
      "Messages were deleted from their stream before they were settled; they are lost.",
    );
  }

  async #clean(): Promise<void> {
    const idle = String(Math.max(silence, 10 * this.#settings.leaseDuration));
    await Promise.all(this.#sources().map((source) => this.#run(consumersScript, source, [idle, ""])));
  }
}
