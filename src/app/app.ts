import type { AsyncApiDocument } from "../asyncapi/document.ts";
import type { AsyncApiOptions } from "../asyncapi/document-source.ts";
import { generateDocument } from "../asyncapi/generate-document.ts";
import type { PageOptions } from "../asyncapi/page/page-options.ts";
import { standalonePage } from "../asyncapi/page/standalone.ts";
import type { Given } from "../contract/actor.ts";
import type { AppInfo } from "../contract/app-info.ts";
import { type Channel, mergeChannels, toChannel } from "../contract/channel.ts";
import type { Operation, Sendable } from "../contract/operation.ts";
import type { ActorRegistrar, HasRetry, Router } from "../contract/router.ts";
import { createRouter } from "../contract/router.ts";
import type {
  PayloadOf,
  PublishBytesOptions,
  PublishJsonOptions,
  ReplyOf,
  RequestArguments,
  SendArguments,
  SendResult,
  ServerMap,
} from "../contract/send.ts";
import { topicHeaderOption } from "../contract/topic.ts";
import { createDocsHandler, type DocsHandler } from "../http/docs-handler.ts";
import type { DocsHandlerOptions } from "../http/docs-options.ts";
import { systemClock } from "../internal/clock.ts";
import type { GivenOptions, ServerEntry } from "../runtime/producer.ts";
import { requireFeature } from "../runtime/publish-options.ts";
import type { Worker, WorkerResult } from "../runtime/worker.ts";
import type { WorkerOptions } from "../runtime/worker-options.ts";
import type { DeadLetterStore } from "../server/dead-letter-store.ts";
import { CapabilityError, OptionError, PublishManyError } from "../server/errors.ts";
import { type Logger, silentLogger } from "../server/logger.ts";
import { durationOption, integerOption } from "../server/option.ts";
import type { ChannelStats } from "../server/server.ts";
import type { AnyServer, AppOptions, ServersOf } from "./app-options.ts";
import { checkedDeadLetters } from "./dead-letters.ts";
import { createDefaultLogger } from "./default-logger.ts";
import { cacheDocument } from "./document-cache.ts";
import { createEngine, type Engine, type EngineOptions } from "./engine.ts";
import { createOperationRegistry, type OperationRegistry } from "./operation-registry.ts";
import { createServerRegistry, type ServerRegistry } from "./server-registry.ts";

/** An open connection; close it to let go. `await using` works, too. */
export interface Connection extends AsyncDisposable {
  close(): Promise<void>;
}

export interface App<S extends ServerMap = ServerMap, D extends keyof S = keyof S, YD = boolean>
  extends ActorRegistrar<YD>,
    AsyncDisposable {
  readonly info: AppInfo;
  readonly servers: S;
  readonly registry: ServerRegistry;
  readonly operations: OperationRegistry;
  /** Channels of the actors, one per address: the first that is documented, in the order of registration. */
  readonly channels: readonly Channel[];
  /** Adds a router's actors. Errors: `RouterCycleError`. */
  include(router: Router<boolean>): this;
  /** Opens connections (default: to all servers) for as long as the result is not closed. Counted: may be nested. */
  connect(server?: keyof S): Promise<Connection>;
  /** Closes what sending and requesting opened. Connections of `connect()` and of running workers stay. */
  close(): Promise<void>;
  /** Receives until a signal, the limit or an error; then stops gracefully. Errors: `WorkerFatalError`, those of starting. */
  runWorker(options?: WorkerOptions<keyof S>): Promise<WorkerResult>;
  /** `runWorker`, then `close`: the whole life of a worker process. */
  run(options?: WorkerOptions<keyof S>): Promise<WorkerResult>;
  /** A worker to start, pause and stop by hand. */
  createWorker(options?: WorkerOptions<keyof S>): Worker;
  /**
   * Sends a message and resolves when the broker has it for sure. Connects on first use. Errors: `ValidationError`,
   * `EncodeError`, `CapabilityError`, `PublishError` (its `outcome` tells whether the message may be there).
   *
   * @example await app.send(welcome, { userId: 7 }, { delay: "10m" });
   */
  send<T extends Sendable>(to: T, payload: PayloadOf<T>, ...options: SendArguments<T, S, D>): Promise<SendResult>;
  /** Sends many at once, in one round trip where the broker can. Errors: `PublishManyError` with each one's fate. */
  sendMany<T extends Sendable>(
    to: T,
    payloads: readonly PayloadOf<T>[],
    ...options: SendArguments<T, S, D>
  ): Promise<readonly SendResult[]>;
  /** Sends and waits for the reply. Errors: those of `send`, `RequestTimeoutError` (default 30 s), `CapabilityError`. */
  request<T extends Sendable>(to: T, payload: PayloadOf<T>, ...options: RequestArguments<T, S, D>): Promise<ReplyOf<T>>;
  /** Sends bytes as they are, without topic and validation. */
  publish(channel: string, payload: Uint8Array | string, options?: PublishBytesOptions<S, D>): Promise<SendResult>;
  /** Sends a value, encoded by the app's codec, without topic and validation. */
  publishJson(channel: string, value: unknown, options?: PublishJsonOptions<S, D>): Promise<SendResult>;
  /**
   * Describes the app as an AsyncAPI 3 document, a plain JSON value, from what is registered now: its actors, the operations
   * that it was given or has sent, its servers without credentials. Made anew by every call; connects to nothing. Errors:
   * `OptionError` for a schema that no message can fulfil (a plain `z.date()`), and with `strict` for every schema that
   * JSON Schema cannot say completely.
   */
  asyncapi(options?: AsyncApiOptions): AsyncApiDocument;
  /** The documentation as one HTML file that needs nothing else, neither network nor script. Errors: those of `asyncapi`. */
  asyncapiHtml(options?: PageOptions): string;
  /**
   * The documentation for an HTTP server of your own: the page, `asyncapi.json` and `asyncapi.yaml`. A worker serves the
   * same on a port with the option `docs`. Follows what is registered later. Errors: `OptionError`.
   *
   * @example
   * const docs = app.docsHandler({ path: "/docs" });
   * hono.all("/docs/*", (context) => docs.fetch(context.req.raw));
   */
  docsHandler(options?: DocsHandlerOptions): DocsHandler;
  deadLetters(channel: string | Channel, options?: { readonly server?: keyof S }): DeadLetterStore;
  inspect(channel: string | Channel, options?: { readonly server?: keyof S }): Promise<ChannelStats>;
  /** Removes all waiting messages of a channel; dead letters stay. Returns how many. */
  purge(channel: string | Channel, options?: { readonly server?: keyof S }): Promise<number>;
  readonly "~internals": AppInternals;
}

/** For `millrace/testing`. */
export interface AppInternals {
  readonly engineOptions: EngineOptions;
  readonly registry: ServerRegistry;
  /** Lets another engine take over; the function ends that. */
  substitute(engine: Engine): () => void;
}

function registerServers(registry: ServerRegistry, options: AppOptions): void {
  const { server, servers, defaultServer } = options;
  if (server !== undefined && servers !== undefined) throw new OptionError("Give either server or servers, not both.");
  if (server !== undefined) registry.register("default", server);
  for (const [name, one] of Object.entries(servers ?? {})) registry.register(name, one);
  if (defaultServer !== undefined) registry.setDefault(defaultServer);
}

/**
 * Makes an app: servers, actors and what they share. Does nothing yet: connections open with `connect`, `run` or the
 * first `send`. Errors: `OptionError`, `DuplicateNameError`.
 *
 * @example
 * const app = createApp({ server: sqlite({ path: "jobs.db" }) });
 */
export function createApp<
  One extends AnyServer | undefined = undefined,
  S extends ServerMap = ServerMap,
  D extends keyof S & string = keyof S & string,
  K extends keyof AppOptions = never,
>(
  options: AppOptions<One, S, D> & Given<K> = {} as AppOptions<One, S, D> & Given<K>,
): App<ServersOf<One, S>, ([One] extends [AnyServer] ? "default" : D) & keyof ServersOf<One, S>, HasRetry<K, false>> {
  // Within, servers and options are what they are for everybody; only the caller knows their precise types.
  const app = buildApp(options as AppOptions);
  return app as unknown as ReturnType<typeof createApp<One, S, D, K>>;
}

function infoOf(options: AppInfo): AppInfo {
  const { title = "millrace", version = "0.0.0", description, termsOfService, contact, license, tags } = options;
  const given = {
    title,
    version,
    description,
    termsOfService,
    contact,
    license,
    tags,
    externalDocs: options.externalDocs,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function buildApp(options: AppOptions): App {
  const { middleware, retry } = options;
  for (const kind of ["actor", "producer"] as const) {
    const given: unknown = middleware?.[kind];
    if (given !== undefined && !Array.isArray(given)) {
      throw new OptionError(`Expected middleware.${kind} of the app to be an array of functions.`);
    }
  }
  if (typeof middleware === "function" || Array.isArray(middleware)) {
    throw new OptionError("Expected middleware of the app to be { actor: [...], producer: [...] }.");
  }
  const { channel, timeout, codec, keepAlive, deliveryLimit } = options;
  const clock = options.runtime?.clock ?? systemClock;
  const defaultLogger = createDefaultLogger(process.stderr, () => clock.now());
  const logger: Logger = options.logger === false ? silentLogger : (options.logger ?? defaultLogger);
  const registry = createServerRegistry();
  const operations = createOperationRegistry(options.operations);
  // Registered by being sent, at a time that differs from run to run.
  const sent = new Set<Operation>();
  const tried = createOperationRegistry();
  registerServers(registry, options);
  const defaults = { channel, timeout, codec, keepAlive, deliveryLimit, retry, middleware: middleware?.actor };
  const set = Object.entries(defaults).filter(([, value]) => value !== undefined);
  const root: Router<boolean> = createRouter(Object.fromEntries(set));
  const document = cacheDocument(
    () => app.asyncapi(),
    () => [own.plans(), operations.all.length, ...registry.names],
  );
  const engineOptions: EngineOptions = {
    root,
    document,
    producerMiddleware: middleware?.producer ?? [],
    codec,
    topicHeader: topicHeaderOption("topicHeader of the app", options.topicHeader ?? "topic"),
    publishTimeout: durationOption("publishTimeout", options.publishTimeout ?? "10s", { min: 1 }),
    maxPayloadBytes: integerOption("maxPayloadBytes", options.maxPayloadBytes ?? 2 ** 20, { min: 1, infinite: true }),
    clock,
    random: options.runtime?.random ?? Math.random,
    logger,
    process: options.runtime?.process ?? process,
    defaultServer: () => registry.default,
    server: (name) => registry.get(name),
    serverNames: () => registry.names,
    stayAlive() {
      const timer = setInterval(() => {}, 2 ** 30);
      return () => clearInterval(timer);
    },
    onOperation(operation) {
      if (engine !== own) {
        // A test that sends must not change what the app says of itself; names are checked all the same.
        (operations.has(operation.name) ? operations : tried).register(operation);
        return;
      }
      if (!operations.has(operation.name)) sent.add(operation);
      operations.register(operation);
    },
  };
  const own = createEngine(engineOptions);
  let engine = own;

  async function ready(name: PropertyKey | undefined): Promise<ServerEntry> {
    const entry = engine.entry(name as string | undefined);
    await entry.ready();
    return entry;
  }

  function createWorker(given: WorkerOptions<PropertyKey> = {}): Worker {
    defaultLogger.enable();
    return engine.worker(given);
  }

  async function runWorker(given?: WorkerOptions<PropertyKey>): Promise<WorkerResult> {
    const worker = createWorker(given);
    await worker.start();
    return worker.finished;
  }

  const app: App = {
    info: infoOf(options),
    get servers() {
      return Object.fromEntries(registry.names.map((name) => [name, registry.get(name)]));
    },
    registry,
    operations,
    get channels() {
      const channels = new Map<string, Channel>();
      for (const { channel: one } of engine.plans()) {
        const known = channels.get(one.address);
        channels.set(one.address, known === undefined ? one : mergeChannels(known, one));
      }
      return [...channels.values()];
    },
    actor: root.actor,
    include(router) {
      root.include(router);
      return this;
    },
    async connect(name) {
      const names = name === undefined ? registry.names : [name as string];
      const release = await engine.connections.acquire(names.map((one) => engine.entry(one)));
      return { close: release, [Symbol.asyncDispose]: release };
    },
    close: () => engine.close(),
    runWorker,
    async run(given) {
      try {
        return await runWorker(given);
      } finally {
        await engine.close();
      }
    },
    createWorker,
    send: (to, payload, ...[given]) => engine.producer.send(to, payload, given as GivenOptions | undefined),
    async sendMany(to, payloads, ...[given]) {
      const results = await engine.producer.sendMany(to, payloads, given as GivenOptions | undefined);
      const sent = results.filter((result): result is SendResult => !(result instanceof Error));
      if (sent.length < results.length) throw new PublishManyError<SendResult>(results);
      return sent;
    },
    async request(to, payload, ...[given]) {
      const reply = await engine.requester.request(to, payload, given as GivenOptions | undefined);
      return reply as ReplyOf<typeof to>;
    },
    publish: (address, payload, given) => engine.producer.publish(address, payload, given as GivenOptions | undefined),
    publishJson: (address, value, given) =>
      engine.producer.publishJson(address, value, given as GivenOptions | undefined),
    asyncapi(given) {
      const byName = [...sent].sort((a, b) => (a.name < b.name ? -1 : 1));
      return generateDocument(
        {
          info: app.info,
          servers: new Map(registry.names.map((name) => [name, registry.get(name)])),
          plans: own.plans(),
          operations: [...operations.all.filter((operation) => !sent.has(operation)), ...byName],
          topicHeader: engineOptions.topicHeader,
          codec,
          toJsonSchema: options.toJsonSchema,
        },
        given,
      );
    },
    asyncapiHtml: (given) => standalonePage(document(), given),
    docsHandler: (given) => createDocsHandler({ document, logger }, given),
    deadLetters(address, given) {
      const entry = engine.entry(given?.server);
      return checkedDeadLetters(entry, toChannel(address).address);
    },
    async inspect(address, given) {
      const { name, server } = await ready(given?.server);
      requireFeature(name, server.features, "inspect", "inspect()");
      const stats = server.inspect?.(toChannel(address).address);
      if (stats === undefined) throw new CapabilityError(name, "inspect", `Server ${name} cannot inspect channels.`);
      return stats;
    },
    async purge(address, given) {
      const { name, server } = await ready(given?.server);
      requireFeature(name, server.features, "purge", "purge()");
      const purged = server.purge?.(toChannel(address).address);
      if (purged === undefined) throw new CapabilityError(name, "purge", `Server ${name} cannot purge channels.`);
      return purged;
    },
    [Symbol.asyncDispose]: () => engine.close(),
    "~internals": {
      engineOptions,
      registry,
      substitute(other) {
        if (engine !== own) throw new OptionError("This app already has a test client: close the first one.");
        engine = other;
        return () => {
          engine = own;
        };
      },
    },
  };
  return app;
}
