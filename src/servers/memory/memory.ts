import type { Awaitable } from "../../internal/awaitable.ts";
import type { DeadLetterStore } from "../../server/dead-letter-store.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import { DuplicateMessageError, NotConnectedError } from "../../server/errors.ts";
import { silentLogger } from "../../server/logger.ts";
import { integerOption } from "../../server/option.ts";
import type {
  BrokerServer,
  ChannelStats,
  ConnectionState,
  ConnectOptions,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
} from "../../server/server.ts";
import type { ServerInfo } from "../../server/server-info.ts";
import { Broker } from "./broker.ts";
import { MemoryDeadLetters } from "./dead-letters.ts";
import { type MemoryFeatures, shrinkFeatures } from "./features.ts";
import { type InMemoryOptions, readSettings } from "./options.ts";
import { MemorySubscription } from "./subscription.ts";

/** The memory server has no parameters of its own for a send. */
export type InMemoryParams = Readonly<Record<never, never>>;

/** What {@link inMemory} returns: every optional ability is there. */
export interface InMemoryServer extends BrokerServer<InMemoryParams, MemoryFeatures> {
  publishBatch(
    channel: string,
    messages: readonly OutgoingMessage[],
    options?: PublishOptions<InMemoryParams>,
  ): Awaitable<readonly (Receipt | Error)[]>;
  /** Dead letters of a channel. They can be looked at without a connection. */
  deadLetters(channel: string): DeadLetterStore;
  inspect(channel: string): Promise<ChannelStats>;
  purge(channel: string): Promise<number>;
}

const serverName = "in-memory";

function infoOf(options: InMemoryOptions): ServerInfo {
  const {
    leaseDuration: _1,
    deadLetter: _2,
    onExpired: _3,
    clock: _4,
    features: _5,
    topicHeader: _6,
    ...metadata
  } = options;
  return { title: "In-memory server", ...metadata, protocol: serverName, host: "localhost", protocolVersion: "1.0.0" };
}

class MemoryServer implements InMemoryServer {
  readonly info: ServerInfo;
  readonly features: MemoryFeatures;
  readonly topicHeader: string | false | undefined;
  readonly #broker: Broker;
  readonly #subscriptions: Set<MemorySubscription> = new Set();
  #connected = false;

  constructor(options: InMemoryOptions) {
    this.info = infoOf(options);
    this.topicHeader = options.topicHeader;
    const settings = readSettings(options);
    this.features = shrinkFeatures(options.features, settings.deadLimit > 0);
    this.#broker = new Broker(settings);
  }

  get state(): ConnectionState {
    return this.#connected ? "ready" : "closed";
  }

  async connect(options: ConnectOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#connected) return;
    this.#connected = true;
    this.#broker.start(options.logger ?? silentLogger);
  }

  async disconnect(): Promise<void> {
    if (!this.#connected) return;
    this.#connected = false;
    this.#broker.stop();
    const open = [...this.#subscriptions];
    // All in one step: what one gives back must not go to another that is about to close.
    await Promise.all(open.map((subscription) => subscription.close()));
    for (const subscription of open) subscription.notify("closed");
  }

  /** Takes the message at once, hence returns no promise unless it is refused. */
  publish(channel: string, message: OutgoingMessage, options?: PublishOptions<InMemoryParams>): Awaitable<Receipt> {
    if (!this.#connected) return Promise.reject(new NotConnectedError(serverName));
    if (options === undefined) {
      this.#broker.channel(channel).send(message);
      return { id: message.id };
    }
    const result = this.#send(channel, message, options);
    return result instanceof Error ? Promise.reject(result) : result;
  }

  publishBatch(
    channel: string,
    messages: readonly OutgoingMessage[],
    options: PublishOptions<InMemoryParams> = {},
  ): Awaitable<readonly (Receipt | Error)[]> {
    if (!this.#connected) return Promise.reject(new NotConnectedError(serverName));
    return messages.map((message) => this.#send(channel, message, options));
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (!this.#connected) throw new NotConnectedError(serverName);
    integerOption("maxUnsettled", options.maxUnsettled, { min: 1, infinite: true });
    const names = new Set(options.channels.map((channel) => channel.name));
    const channels = Array.from(names, (name) => this.#broker.channel(name));
    const subscription = new MemorySubscription(this.#broker, channels, options, (closed) => {
      this.#subscriptions.delete(closed);
    });
    this.#subscriptions.add(subscription);
    subscription.notify("ready");
    // Only once the caller has the subscription in its hands: it may want to pause it first.
    setImmediate(() => subscription.wake());
    return subscription;
  }

  deadLetters(channel: string): DeadLetterStore {
    return new MemoryDeadLetters(this.#broker, channel, () => this.#connected);
  }

  async inspect(channel: string): Promise<ChannelStats> {
    const existing = this.#broker.existing(channel);
    return existing?.stats() ?? { ready: 0, inFlight: 0, delayed: 0, dead: 0, oldestAge: undefined };
  }

  async purge(channel: string): Promise<number> {
    const existing = this.#broker.existing(channel);
    if (existing === undefined) return 0;
    const removed = existing.purge();
    this.#broker.tidy(existing);
    return removed;
  }

  #send(name: string, message: OutgoingMessage, options: PublishOptions<InMemoryParams>): Receipt | Error {
    const { dedupe } = options;
    if (dedupe !== undefined) {
      const earlier = this.#broker.dedupe.claim(name, dedupe, message.id);
      if (earlier !== undefined) {
        if (dedupe.onDuplicate === "throw") return new DuplicateMessageError(dedupe.key);
        return { id: earlier, duplicate: true };
      }
    }
    this.#broker.channel(name).send(message, options);
    return { id: message.id };
  }
}

/**
 * A server in the memory of this process: for tests, development, and work that may die with the process. It does what
 * a broker does (leases, delays, priorities, expiry, deduplication, dead letters) and keeps its promises; only
 * durability is missing. The messages live in the returned object: they survive `disconnect()`, and another
 * `inMemory()` has others. Payloads and headers are kept as they are given, not copied: do not change them afterwards.
 *
 * @example
 * const app = createApp({ server: inMemory() });
 */
export function inMemory(options: InMemoryOptions = {}): InMemoryServer {
  return new MemoryServer(options);
}
