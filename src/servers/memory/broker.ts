import { createUuidSource } from "../../internal/uuid.ts";
import { type Logger, silentLogger } from "../../server/logger.ts";
import type { SettleReason } from "../../server/settle-reason.ts";
import { AlarmQueue } from "./alarm-queue.ts";
import { Channel, type ChannelHost } from "./channel.ts";
import { DedupeBook } from "./dedupe-book.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Entry } from "./entry.ts";
import type { Settings } from "./options.ts";

/** A warning for the first dropped dead letter of a channel, and then for every so many. */
const warnEvery = 1000;

/** All state of one memory server. It outlives its connections. */
export class Broker implements ChannelHost {
  readonly settings: Settings;
  readonly dispatcher: Dispatcher = new Dispatcher();
  readonly dedupe: DedupeBook;
  /** Wall-clock time of creation. */
  readonly startedAt: number;
  readonly newId: () => string;
  logger: Logger = silentLogger;
  readonly #channels: Map<string, Channel> = new Map();
  /** Its timer counts as a reason to stay alive, but only while someone is connected: as a broker's socket would. */
  readonly #delayed: AlarmQueue<Entry>;
  readonly #base: number;
  #sequence = 0;

  constructor(settings: Settings) {
    const { clock } = settings;
    this.settings = settings;
    this.startedAt = clock.now();
    // Own time starts at 1, so that 0 can stand for "none".
    this.#base = clock.monotonic() - 1;
    this.newId = createUuidSource(() => clock.now());
    this.dedupe = new DedupeBook(clock);
    this.#delayed = new AlarmQueue({
      clock,
      time: () => clock.monotonic() - this.#base,
      onDue: (entry: Entry) => entry.home.promote(entry),
      unref: false,
    });
    this.#delayed.stop();
  }

  /** Milliseconds of monotonic time, whole ones: small integers cost no allocation. */
  time(): number {
    return Math.floor(this.settings.clock.monotonic() - this.#base);
  }

  /** The time after a delay, never early. */
  timeIn(delay: number): number {
    return Math.ceil(this.settings.clock.monotonic() - this.#base + delay);
  }

  published(): void {
    this.dispatcher.published();
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  start(logger: Logger): void {
    this.logger = logger;
    this.#delayed.start();
  }

  stop(): void {
    this.logger = silentLogger;
    this.#delayed.stop();
  }

  /** The channel of this name, created on demand. */
  channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new Channel(this, name);
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** The channel of this name if there is one. */
  existing(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** Forgets a channel that holds nothing and that nobody listens to; reply addresses would pile up otherwise. */
  tidy(channel: Channel): void {
    if (channel.disposable) this.#channels.delete(channel.name);
  }

  addDelayed(entry: Entry): void {
    this.#delayed.push(entry);
  }

  removeDelayed(channel: Channel): number {
    return channel.delayed === 0 ? 0 : this.#delayed.removeWhere((entry) => entry.home === channel);
  }

  /** A failed message was not kept. */
  dropped(entry: Entry, reason: SettleReason): void {
    const { channel, id } = entry;
    this.logger.warn(
      { event: "message.dropped", channel, id, reason: reason.code },
      "A failed message was dropped: deadLetter is false.",
    );
  }

  /** The oldest dead letter of a channel had to make room; `count` so far. */
  evicted(channel: string, count: number): void {
    if (count % warnEvery !== 1) return;
    this.logger.warn(
      { event: "dead_letter.dropped", channel, count, maxSize: this.settings.deadLimit },
      "The oldest dead letters are dropped: deadLetter.maxSize is reached.",
    );
  }
}
