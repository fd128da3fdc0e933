import type { App } from "../app/app.ts";
import { createEngine } from "../app/engine.ts";
import type { Dependency, DependencyContext } from "../contract/dependency.ts";
import type { ServerMap } from "../contract/send.ts";
import type { Awaitable } from "../internal/awaitable.ts";
import type { Duration } from "../internal/duration.ts";
import { createVirtualClock, type VirtualClock } from "../internal/virtual-clock.ts";
import { NotFoundError, OptionError } from "../server/errors.ts";
import { silentLogger } from "../server/logger.ts";
import type { BrokerServer } from "../server/server.ts";
import { type InMemoryServer, inMemory } from "../servers/memory/index.ts";
import type { ProcessedMessage, RecordFilter, SentMessage } from "./record.ts";
import { createRecorder, type RecordedEvent } from "./recorder.ts";
import { step } from "./step.ts";

export interface TestClientOptions {
  /** `true` (default): sending also processes, with everything that the actors send on. `false`: `processNext` and others. */
  readonly autoProcess?: boolean;
  /** With `autoProcess`: an error of an actor is thrown by the send that caused it. Default true. */
  readonly throwOnError?: boolean;
  /** With `autoProcess`: a message that no actor wants makes its send throw `NotFoundError`. Default true. */
  readonly throwOnUnrouted?: boolean;
  /** Where the virtual clock starts, milliseconds since the epoch. Default: now. */
  readonly startAt?: Date | number;
}

type Sending = "send" | "sendMany" | "publish" | "publishJson" | "request" | "deadLetters" | "inspect" | "purge";

/** An app in a test: the real core on in-memory servers, with a clock of its own. */
export interface TestClient<S extends ServerMap = ServerMap, D extends keyof S = keyof S>
  extends Pick<App<S, D>, Sending>,
    AsyncDisposable {
  readonly clock: VirtualClock;
  /** Processes the next ready message; `undefined` when there is none. */
  processNext(): Promise<ProcessedMessage | undefined>;
  /** Processes all ready messages and those that they cause. */
  processAll(): Promise<readonly ProcessedMessage[]>;
  /** The same, and lets time pass until nothing waits for its time either: retries and delays included. */
  drain(): Promise<readonly ProcessedMessage[]>;
  /** Lets time pass; with `autoProcess` what becomes due is processed. */
  advance(duration: Duration): Promise<void>;
  /** What was sent, oldest first. Copies. */
  sent(filter?: RecordFilter): readonly SentMessage[];
  /** What was processed, oldest first; one entry for every run. */
  processed(filter?: RecordFilter): readonly ProcessedMessage[];
  /** Log events, oldest first. */
  readonly events: readonly RecordedEvent[];
  /** Replaces a dependency until the result is disposed of (or called `dispose`). */
  override<T>(
    dependency: Dependency<T>,
    resolve: (context: DependencyContext<unknown, unknown, unknown>) => Awaitable<T>,
  ): Override;
  /** Forgets what was recorded, not what waits in channels. */
  clear(): void;
  /** Ends the test: the app is as before. */
  close(): Promise<void>;
}

export interface Override extends Disposable {
  dispose(): void;
}

interface Replaced {
  readonly memory: InMemoryServer;
  /** The same as the app sees it, with the envelope that the replaced server writes. */
  readonly shown: BrokerServer;
}

function replaceServers(app: App, clock: VirtualClock): Map<string, Replaced> {
  const { registry } = app["~internals"];
  const servers = new Map<string, Replaced>();
  for (const name of registry.names) {
    // The type knows only what the replaced server promises; the memory server leaves out what that one cannot do.
    const { features, topicHeader, envelope }: BrokerServer = registry.get(name);
    // An envelope brings its own header for topics, and takes no other one.
    const isOwn = topicHeader === undefined || (envelope !== undefined && topicHeader !== false);
    const memory = inMemory({ clock, features, ...(isOwn ? {} : { topicHeader }) });
    const plain: BrokerServer = memory;
    servers.set(name, { memory, shown: envelope === undefined ? plain : envelope.wrap(plain, clock) });
  }
  return servers;
}

/** Rounds without anything to process after which a request lets time pass. */
const quietRounds = 3;

/** However long delays are, a test that makes messages without end must not run without end. */
const drainLimit = 100_000;

/**
 * Runs an app in a test, in this process, without its brokers: the same producer, routing, middleware, runner and
 * settlement on in-memory servers that can do what the real ones can, and a virtual clock, so that hours of delay run in
 * milliseconds. While it is open `app.send` and the like go to it, too; close it at the end of the test.
 *
 * @example
 * const client = createTestClient(app);
 * await client.send(welcome, { userId: 7 });
 * expect(client.processed({ operation: welcome })).toMatchObject([{ outcome: "ack" }]);
 * await client.close();
 */
export function createTestClient<S extends ServerMap, D extends keyof S, YD>(
  given: App<S, D, YD>,
  options: TestClientOptions = {},
): TestClient<S, D> {
  // Only the caller's types know which servers there are; inside, all are alike.
  const app = given as unknown as App;
  const { autoProcess = true, throwOnError = true, throwOnUnrouted = true, startAt } = options;
  const start = startAt instanceof Date ? startAt.getTime() : (startAt ?? Date.now());
  if (!Number.isFinite(start)) throw new OptionError("Expected startAt to be a Date or milliseconds since 1970.");
  const clock = createVirtualClock({ start });
  const internals = app["~internals"];
  const replaced = replaceServers(app, clock);
  const servers = new Map([...replaced].map(([name, { memory }]) => [name, memory]));
  const recorder = createRecorder(silentLogger);
  const own = internals.engineOptions;
  const engine = createEngine({
    ...own,
    root: recorder.wrap(own.root),
    producerMiddleware: [...own.producerMiddleware, recorder.producer],
    clock,
    logger: recorder.logger,
    stayAlive: () => () => {},
    server(name) {
      const server = name === undefined ? undefined : replaced.get(name)?.shown;
      if (server === undefined) throw new NotFoundError(`No server named ${name}.`);
      return server;
    },
  });
  const restore = internals.substitute(engine);
  const host = { engine, servers, clock };
  let queue: Promise<unknown> = Promise.resolve();
  let closed = false;

  /** Steps are taken one after the other, whoever asks: two workers at once would race for the messages. */
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = queue.then(action);
    queue = result.catch(() => {});
    return result;
  }

  async function run(limit: number): Promise<ProcessedMessage[]> {
    const before = recorder.processed.length;
    await step(host, limit);
    return recorder.processed.slice(before);
  }

  async function settleDown(): Promise<void> {
    const firstEvent = recorder.events.length;
    const processed = await run(Number.POSITIVE_INFINITY);
    const failed = processed.find((message) => message.error !== undefined);
    if (throwOnError && failed !== undefined) throw failed.error;
    const lost = recorder.events.slice(firstEvent).find((event) => event.event === "message.unrouted");
    if (throwOnUnrouted && lost !== undefined) {
      throw new NotFoundError(`No actor found for a message on channel ${String(lost["channel"])}.`);
    }
  }

  async function afterSending<T>(sending: Promise<T>): Promise<T> {
    const result = await sending;
    if (autoProcess) await inTurn(settleDown);
    return result;
  }

  async function drainAll(): Promise<ProcessedMessage[]> {
    const all = await run(Number.POSITIVE_INFINITY);
    for (let passes = 0; await hasDelayed(); passes += 1) {
      if (passes >= drainLimit || !(await clock.runToNextTimer())) break;
      all.push(...(await run(Number.POSITIVE_INFINITY)));
    }
    return all;
  }

  async function hasDelayed(): Promise<boolean> {
    const channels = new Set(engine.plans().map((plan) => plan.channel.address));
    for (const server of servers.values()) {
      for (const channel of channels) if ((await server.inspect(channel)).delayed > 0) return true;
    }
    return false;
  }

  /** Answers a request while it waits: the reply comes only when its actor has run. */
  async function answering<T>(pending: Promise<T>): Promise<T> {
    let over = false;
    let quiet = 0;
    const done = pending.finally(() => {
      over = true;
    });
    done.catch(() => {});
    while (!over) {
      const ran = await inTurn(() => run(Number.POSITIVE_INFINITY));
      // Nothing left to do and no reply: what it waits for is the end of its time.
      if (ran.length === 0 && !over) quiet += 1;
      if (quiet > quietRounds) await clock.runToNextTimer();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    return done;
  }

  const client: TestClient = {
    clock,
    send: (to, payload, ...rest) => afterSending(app.send(to, payload, ...rest)),
    sendMany: (to, payloads, ...rest) => afterSending(app.sendMany(to, payloads, ...rest)),
    publish: (channel, payload, given) => afterSending(app.publish(channel, payload, given)),
    publishJson: (channel, value, given) => afterSending(app.publishJson(channel, value, given)),
    request(to, payload, ...rest) {
      const pending = app.request(to, payload, ...rest);
      return autoProcess ? answering(pending) : pending;
    },
    deadLetters: (channel, given) => app.deadLetters(channel, given),
    inspect: (channel, given) => app.inspect(channel, given),
    purge: (channel, given) => app.purge(channel, given),
    processNext: () => inTurn(async () => (await run(1))[0]),
    processAll: () => inTurn(() => run(Number.POSITIVE_INFINITY)),
    drain: () => inTurn(drainAll),
    async advance(duration) {
      await clock.advance(duration);
      if (autoProcess) await inTurn(settleDown);
    },
    sent: (filter) => recorder.filterSent(filter),
    processed: (filter) => recorder.filterProcessed(filter),
    events: recorder.events,
    override(dependency, resolve) {
      const before = engine.overrides.get(dependency);
      engine.overrides.set(dependency, resolve);
      engine.renewAppScope();
      const dispose = (): void => {
        if (before === undefined) engine.overrides.delete(dependency);
        else engine.overrides.set(dependency, before);
        engine.renewAppScope();
      };
      return { dispose, [Symbol.dispose]: dispose };
    },
    clear: () => recorder.clear(),
    async close() {
      if (closed) return;
      closed = true;
      await queue;
      await engine.close();
      restore();
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
  return client as unknown as TestClient<S, D>;
}
