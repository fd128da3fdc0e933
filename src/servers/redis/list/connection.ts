import { ConnectionError, type MillraceError, NotConnectedError } from "../../../server/errors.ts";
import { type Logger, silentLogger } from "../../../server/logger.ts";
import type { ConnectionState, ConnectOptions, SubscribeOptions } from "../../../server/server.ts";
import { recordError, type SettleCode } from "../../../server/settle-reason.ts";
import { Link } from "../link.ts";
import { readServerFacts } from "../server-facts.ts";
import type { Argument, Dial, Reply } from "../transport.ts";
import { toTrouble } from "../trouble.ts";
import type { ListHost } from "./host.ts";
import type { ListSettings } from "./options.ts";
import { ListSubscription } from "./subscription.ts";

/** The connection for everything but blocking reads, and everybody on it. */
export class ListConnection implements ListHost {
  readonly settings: ListSettings;
  readonly dial: Dial;
  readonly link: Link;
  readonly #subscriptions = new Set<ListSubscription>();
  #logger: Logger = silentLogger;
  #state: ConnectionState = "closed";
  /** Connecting and disconnecting take turns, in the order of the calls. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(settings: ListSettings, dial: Dial) {
    this.settings = settings;
    this.dial = dial;
    this.link = new Link(
      { dial, clock: settings.clock, patience: settings.commandTimeout },
      {
        greet: async (transport) => void (await readServerFacts(transport)),
        onReady: () => this.#onReady(),
        onLost: (error) => this.#onLost(error),
        onDenied: (error) => this.#onDenied(error),
      },
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get logger(): Logger {
    return this.#logger;
  }

  connect(options: ConnectOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#connect(options));
  }

  disconnect(): Promise<void> {
    return this.#inTurn(() => this.#disconnect());
  }

  async subscribe(options: SubscribeOptions): Promise<ListSubscription> {
    this.requireOpen();
    const subscription = new ListSubscription(this, options);
    this.#subscriptions.add(subscription);
    try {
      await subscription.start();
    } catch (error) {
      await subscription.close();
      throw error;
    }
    return subscription;
  }

  forget(subscription: object): void {
    this.#subscriptions.delete(subscription as ListSubscription);
  }

  requireOpen(): void {
    if (this.link.isOpen) return;
    if (this.#state === "closed" || this.#state === "connecting") {
      throw new NotConnectedError(`redis (${this.dial.host})`);
    }
    throw new ConnectionError(`Redis at ${this.dial.host} cannot be reached at the moment.`);
  }

  async send(key: string, args: readonly Argument[]): Promise<Reply> {
    this.requireOpen();
    try {
      return await this.link.send(key, args);
    } catch (error) {
      const trouble = toTrouble(error);
      if (trouble.kind === "lost") this.link.fail(trouble.error);
      throw trouble.error;
    }
  }

  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void {
    this.#logger.warn({ event: "message.dropped", channel, id, reason }, "A message was dropped: a list keeps none.");
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
