import { ConnectionError, type MillraceError, NotConnectedError } from "../../server/errors.ts";
import { type Logger, silentLogger } from "../../server/logger.ts";
import type { ConnectionState, ConnectOptions, SubscribeOptions, Subscription } from "../../server/server.ts";
import { recordError, type SettleCode } from "../../server/settle-reason.ts";
import { type ChannelKeys, channelKeys } from "./keys.ts";
import type { SubscriptionHost } from "./lane-owner.ts";
import { Link } from "./link.ts";
import type { Settings } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { runScript } from "./script.ts";
import { readServerFacts } from "./server-facts.ts";
import { RedisSubscription } from "./subscription.ts";
import type { Argument, Dial, Reply, Transport } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** Keys are remembered for so many channels; addresses for replies come and go. */
const mostKeys = 10_000;

/** The connection for everything but blocking reads, and everybody on it. */
export class RedisConnection implements SubscriptionHost {
  readonly settings: Settings;
  readonly dial: Dial;
  readonly link: Link;
  readonly publisher: Publisher;
  readonly #subscriptions = new Set<RedisSubscription>();
  readonly #keys = new Map<string, ChannelKeys>();
  #logger: Logger = silentLogger;
  #state: ConnectionState = "closed";
  /** Connecting and disconnecting take turns, in the order of the calls. */
  #queue: Promise<unknown> = Promise.resolve();
  #hasXackdel = false;
  /** Redis's time minus our monotonic time, milliseconds. */
  #offset: number | undefined;
  #hasWarned = false;

  constructor(settings: Settings, dial: Dial) {
    this.settings = settings;
    this.dial = dial;
    this.link = new Link(
      { dial, clock: settings.clock, patience: settings.commandTimeout },
      {
        greet: (transport) => this.#greet(transport),
        onReady: () => this.#onReady(),
        onLost: (error) => this.#onLost(error),
        onDenied: (error) => this.#onDenied(error),
      },
    );
    this.publisher = new Publisher(settings, this.link, (channel) => this.keysOf(channel), {
      requireOpen: () => this.requireOpen(),
      onSent: (channel, isUrgent, delay) => {
        for (const subscription of this.#subscriptions) subscription.expect(channel, isUrgent, delay);
      },
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get logger(): Logger {
    return this.#logger;
  }

  get hasXackdel(): boolean {
    return this.#hasXackdel;
  }

  /** Milliseconds since the epoch by Redis's clock, as well as we know it. */
  redisTime(): number {
    const { clock } = this.settings;
    return this.#offset === undefined ? clock.now() : clock.monotonic() + this.#offset;
  }

  /** Redis said what time it is. */
  setRedisTime(time: number): void {
    this.#offset = time - this.settings.clock.monotonic();
  }

  keysOf(channel: string): ChannelKeys {
    let keys = this.#keys.get(channel);
    if (keys === undefined) {
      if (this.#keys.size >= mostKeys) this.#keys.clear();
      keys = channelKeys(this.settings, channel);
      this.#keys.set(channel, keys);
    }
    return keys;
  }

  connect(options: ConnectOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#connect(options));
  }

  disconnect(): Promise<void> {
    return this.#inTurn(() => this.#disconnect());
  }

  async subscribe(options: SubscribeOptions): Promise<RedisSubscription> {
    this.requireOpen();
    const subscription = new RedisSubscription(this, options);
    this.#subscriptions.add(subscription);
    try {
      await subscription.start();
    } catch (error) {
      await subscription.close();
      throw error;
    }
    return subscription;
  }

  forget(subscription: Subscription): void {
    this.#subscriptions.delete(subscription as RedisSubscription);
  }

  /** Throws when there is no connection. */
  requireOpen(): void {
    if (this.link.isOpen) return;
    if (this.#state === "closed" || this.#state === "connecting") throw this.#notConnected();
    throw new ConnectionError(`Redis at ${this.dial.host} cannot be reached at the moment.`);
  }

  /** Runs a script for somebody who waits for it; errors are ours. */
  async run(script: string, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    this.requireOpen();
    return this.#ours(runScript(this.link, script, keys, args));
  }

  /** Sends a command for somebody who waits for it; errors are ours. */
  async send(key: string, args: readonly Argument[]): Promise<Reply> {
    this.requireOpen();
    return this.#ours(this.link.send(key, args));
  }

  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void {
    this.#logger.warn(
      { event: "message.dropped", channel, id, reason },
      "A failed message was dropped: deadLetter is false.",
    );
  }

  onEvicted(channel: string, count: number): void {
    this.#logger.warn(
      { event: "dead_letter.dropped", channel, count, maxSize: this.settings.deadLimit },
      "The oldest dead letters are dropped: deadLetter.maxSize is reached.",
    );
  }

  async #ours(reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply;
    } catch (error) {
      const trouble = toTrouble(error);
      if (trouble.kind === "lost") this.link.fail(trouble.error);
      throw trouble.error;
    }
  }

  #notConnected(): NotConnectedError {
    return new NotConnectedError(`redis (${this.dial.host})`);
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(run);
    this.#queue = turn.catch(() => {}); // The caller of this turn has the error; the next one starts afresh.
    return turn;
  }

  async #connect({ signal, logger }: ConnectOptions): Promise<void> {
    if (this.link.isOpen || this.#state === "reconnecting") return;
    signal?.throwIfAborted();
    if (logger !== undefined) this.#logger = logger;
    this.#state = "connecting";
    try {
      await this.link.open(this.settings.connectTimeout, signal);
    } catch (error) {
      this.#state = this.#subscriptions.size > 0 ? "failed" : "closed";
      if (signal?.aborted === true) throw signal.reason;
      throw this.#explain(error);
    }
  }

  /** Names the server: the client's own messages do not. */
  #explain(error: unknown): MillraceError {
    const { kind, error: known } = toTrouble(error);
    if (known.code === "MISSING_PEER" || known.code === "INVALID_OPTION") return known;
    const text = kind === "denied" ? known.message : `Cannot connect to Redis at ${this.dial.host}: ${known.message}`;
    return new ConnectionError(text, { cause: known });
  }

  async #greet(transport: Transport): Promise<void> {
    const facts = await readServerFacts(transport);
    // Other nodes of a cluster may be older than the one that was asked.
    this.#hasXackdel = facts.hasXackdel && !this.dial.isCluster;
    this.setRedisTime(facts.time);
    if (facts.evicts !== undefined && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#logger.warn(
        { event: "redis.eviction_policy", policy: facts.evicts },
        `Redis may evict queued messages when its memory is full: set maxmemory-policy to noeviction instead of ${facts.evicts}.`,
      );
    }
  }

  #onReady(): void {
    const wasLost = this.#state === "reconnecting";
    this.#state = "ready";
    if (wasLost) this.#logger.info({ event: "server.connected", host: this.dial.host });
    for (const subscription of this.#subscriptions) subscription.linkChanged();
  }

  #onLost(error: MillraceError): void {
    this.#state = "reconnecting";
    this.#logger.error({ event: "server.reconnect.scheduled", host: this.dial.host, err: recordError(error) });
    for (const subscription of this.#subscriptions) subscription.linkChanged(error);
  }

  #onDenied(error: MillraceError): void {
    this.#state = "failed";
    this.#logger.error({ event: "server.failed", host: this.dial.host, err: recordError(error) });
    for (const subscription of this.#subscriptions) subscription.linkDenied(error);
  }

  async #disconnect(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.link.close();
    this.#state = "closed";
  }
}
