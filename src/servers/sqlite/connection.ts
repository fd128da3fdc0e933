import type { DatabaseSync } from "node:sqlite";
import type { TimerHandle } from "../../internal/clock.ts";
import { sleep } from "../../internal/clock.ts";
import { ConnectionError, type MillraceError, NotConnectedError } from "../../server/errors.ts";
import { type Logger, silentLogger } from "../../server/logger.ts";
import type { ConnectionState, ConnectOptions, SubscribeOptions } from "../../server/server.ts";
import { recordError, type SettleCode } from "../../server/settle-reason.ts";
import { Committer } from "./committer.ts";
import type { Settings } from "./options.ts";
import { Store } from "./store.ts";
import { SqliteSubscription, type SubscriptionHost } from "./subscription.ts";
import { sweepKeys, sweepReplies } from "./sweep.ts";
import { type Trouble, toTrouble } from "./trouble.ts";
import { Task } from "./work.ts";

/** Milliseconds until the next attempt to open the file again; doubled up to the longest until one proves to work. */
const retry = { first: 50, longest: 2000 };

/** The open file and everybody on it: opens it, keeps watch over it, and opens it again when it was lost. */
export class Connection implements SubscriptionHost {
  readonly settings: Settings;
  readonly committer: Committer;
  readonly #subscriptions = new Set<SqliteSubscription>();
  #logger: Logger = silentLogger;
  #state: ConnectionState = "closed";
  /** Connecting and disconnecting take turns, in the order of the calls. */
  #queue: Promise<unknown> = Promise.resolve();
  #Database: typeof DatabaseSync | undefined;
  #version = -1;
  #poll: TimerHandle | undefined;
  #sweep: TimerHandle | undefined;
  #reopen: TimerHandle | undefined;
  #reopenDelay = retry.first;
  /** The file was lost, and no transaction has shown yet that it can be used again. */
  #isLost = false;

  constructor(settings: Settings) {
    this.settings = settings;
    this.committer = new Committer(
      settings,
      {
        onTrouble: (trouble, store) => this.#lose(trouble, store),
        onProven: () => this.#onProven(),
        onEvicted: (channel, count) =>
          this.#logger.warn(
            { event: "dead_letter.dropped", channel, count, maxSize: settings.deadLimit },
            "The oldest dead letters are dropped: deadLetter.maxSize is reached.",
          ),
      },
      this.#notConnected(),
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  connect(options: ConnectOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#connect(options));
  }

  disconnect(): Promise<void> {
    return this.#inTurn(() => this.#disconnect());
  }

  subscribe(options: SubscribeOptions): SqliteSubscription {
    this.requireOpen();
    const subscription = new SqliteSubscription(this, options);
    this.#subscriptions.add(subscription);
    this.committer.addClaimer(subscription);
    subscription.report("ready");
    this.#startPolling();
    return subscription;
  }

  /** The open file. Throws when there is none. */
  requireOpen(): Store {
    const { store } = this.committer;
    if (store !== undefined) return store;
    if (this.#state === "closed" || this.#state === "connecting") throw this.#notConnected();
    throw new ConnectionError(`SQLite file ${JSON.stringify(this.settings.path)} cannot be used at the moment.`);
  }

  /** Reads outside of a transaction: never waits for writers. */
  async read<T>(run: (store: Store) => T): Promise<T> {
    const store = this.requireOpen();
    const { clock, busyTimeout } = this.settings;
    for (const end = clock.monotonic() + busyTimeout; ; ) {
      try {
        store.verify();
        return run(store);
      } catch (error) {
        const trouble = toTrouble(error, store.path);
        if (trouble.kind !== "busy" || clock.monotonic() >= end) throw trouble.error;
        await sleep(clock, 1 + Math.random() * 10);
      }
    }
  }

  forget(subscription: SqliteSubscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size === 0) this.#poll = this.#stop(this.#poll);
  }

  onDropped(channel: string, id: string, reason: SettleCode | undefined): void {
    this.#logger.warn(
      { event: "message.dropped", channel, id, reason },
      "A failed message was dropped: deadLetter is false.",
    );
  }

  onClaiming(error: MillraceError | undefined): void {
    if (error !== undefined && this.#state === "ready") this.#state = "reconnecting";
    else if (error === undefined && this.#state === "reconnecting" && this.committer.store !== undefined) {
      this.#state = "ready";
    }
  }

  #notConnected(): NotConnectedError {
    return new NotConnectedError(`sqlite (${this.settings.path})`);
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(run);
    this.#queue = turn.catch(() => {}); // The caller of this turn has the error; the next one starts afresh.
    return turn;
  }

  async #connect({ signal, logger }: ConnectOptions): Promise<void> {
    if (this.committer.store !== undefined) return;
    signal?.throwIfAborted();
    if (logger !== undefined) this.#logger = logger;
    this.#reopen = this.#stop(this.#reopen);
    this.#state = "connecting";
    try {
      // Not at the top of the file: Node 22 prints a warning when the module is loaded.
      this.#Database ??= (await import("node:sqlite")).DatabaseSync;
      this.#use(await this.#open(this.#Database, signal));
      this.#onReady();
    } catch (error) {
      this.#state = this.#subscriptions.size > 0 ? "failed" : "closed";
      throw error;
    }
  }

  async #open(Database: typeof DatabaseSync, signal: AbortSignal | undefined): Promise<Store> {
    const { clock, busyTimeout, create } = this.settings;
    for (const end = clock.monotonic() + busyTimeout; ; ) {
      try {
        return Store.open(Database, this.settings, create);
      } catch (error) {
        const trouble = error as Trouble;
        if (trouble.kind !== "busy" || clock.monotonic() >= end) throw trouble.error;
      }
      await sleep(clock, 2 + Math.random() * 20, signal);
      signal?.throwIfAborted();
    }
  }

  #use(store: Store): void {
    this.#version = -1;
    this.committer.attach(store);
    this.#startSweeping();
    for (const subscription of this.#subscriptions) subscription.wake();
    if (this.#subscriptions.size > 0) this.#startPolling();
  }

  #onReady(): void {
    this.#state = "ready";
    this.#isLost = false;
    for (const subscription of this.#subscriptions) subscription.report("ready");
  }

  /** A file that can be opened may still refuse every statement: only a transaction tells. */
  #onProven(): void {
    this.#reopenDelay = retry.first;
    if (!this.#isLost) return;
    this.#onReady();
    this.#logger.info({ event: "server.connected", path: this.settings.path });
  }

  /** Sees to it that there is a transaction on this connection, even when nobody wants one. */
  #prove(store: Store): void {
    const tryAgain = (): void => {
      if (this.committer.store === store) this.#prove(store);
    };
    this.committer.add(new Task(() => undefined)).catch(tryAgain);
  }

  async #disconnect(): Promise<void> {
    this.#reopen = this.#stop(this.#reopen);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    const { store } = this.committer;
    if (store !== undefined) {
      const last = [true, false].map((urgent) => this.committer.add(new Task(() => undefined), urgent));
      await Promise.allSettled(last);
    }
    this.#sweep = this.#stop(this.#sweep);
    this.#poll = this.#stop(this.#poll);
    this.#reopen = this.#stop(this.#reopen);
    this.committer.detach(this.#notConnected());
    store?.close();
    this.#state = "closed";
  }

  /** The file cannot be used any more: tell everybody, and try to open it again unless that is hopeless. */
  #lose({ kind, error }: Trouble, store?: Store): void {
    store?.close();
    this.#isLost = true;
    this.#sweep = this.#stop(this.#sweep);
    this.#poll = this.#stop(this.#poll);
    this.#state = kind === "broken" ? "failed" : "reconnecting";
    const event = kind === "broken" ? "server.failed" : "server.reconnect.scheduled";
    this.#logger.error({ event, path: this.settings.path, err: recordError(error) });
    for (const subscription of this.#subscriptions) subscription.report(this.#state, error);
    if (kind !== "broken") this.#reopenLater();
  }

  #reopenLater(): void {
    const delay = this.#reopenDelay;
    this.#reopenDelay = Math.min(delay * 2, retry.longest);
    this.#stop(this.#reopen);
    this.#reopen = this.settings.clock.setTimer(
      () => {
        this.#reopen = undefined;
        try {
          // Never creates: what was confirmed is in the file that is missing, and an empty new one would hide that.
          const store = Store.open(this.#Database as typeof DatabaseSync, this.settings, false);
          this.#use(store);
          this.#prove(store);
        } catch (error) {
          const trouble = error as Trouble;
          if (trouble.kind === "broken") this.#lose(trouble);
          else this.#reopenLater();
        }
      },
      delay,
      { unref: this.#subscriptions.size === 0 },
    );
  }

  #stop(timer: TimerHandle | undefined): undefined {
    this.settings.clock.clearTimer(timer);
    return undefined;
  }

  #startPolling(): void {
    if (this.#poll !== undefined || this.committer.store === undefined) return;
    this.#poll = this.settings.clock.setTimer(() => {
      this.#poll = undefined;
      this.#look();
      if (this.#subscriptions.size > 0) this.#startPolling();
    }, this.settings.pollInterval);
  }

  /** Did another process write to the file? Also what keeps `lastContact` honest while nothing happens. */
  #look(): void {
    const { store } = this.committer;
    if (store === undefined) return;
    try {
      store.verify();
      const version = store.dataVersion();
      this.committer.lastContact = this.settings.clock.monotonic();
      if (version === this.#version) return;
      for (const subscription of this.#subscriptions) subscription.probe(store);
      this.#version = version;
    } catch (error) {
      this.#onReadError(toTrouble(error, store.path), store);
    }
  }

  #onReadError(trouble: Trouble, store: Store): void {
    if (trouble.kind === "busy") return; // The next look tells.
    this.committer.detach(trouble.error);
    this.#lose(trouble, store);
  }

  #startSweeping(): void {
    const { clock, sweepInterval } = this.settings;
    this.#stop(this.#sweep);
    // Processes that were started together shall not sweep together.
    const delay = sweepInterval * (0.9 + Math.random() * 0.1);
    this.#sweep = clock.setTimer(
      () => {
        for (const subscription of this.#subscriptions) subscription.sweep();
        const { batchSize } = this.settings;
        for (const run of [sweepKeys, sweepReplies]) {
          const task = new Task((transaction) => run(transaction, batchSize));
          this.committer.add(task).catch(() => {}); // The next sweep tries again.
        }
        if (this.committer.store !== undefined) this.#startSweeping();
      },
      delay,
      { unref: true },
    );
  }
}
