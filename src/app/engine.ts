import type { AsyncApiDocument } from "../asyncapi/document.ts";
import type { Actor } from "../contract/actor.ts";
import type { ActorPlan } from "../contract/actor-plan.ts";
import type { Codec } from "../contract/codec.ts";
import type { Dependency, DependencyDefinition } from "../contract/dependency.ts";
import type { ProducerMiddleware } from "../contract/middleware.ts";
import type { Operation, Sendable } from "../contract/operation.ts";
import type { Router } from "../contract/router.ts";
import { serveDocs } from "../http/docs-server.ts";
import { serveHealth } from "../http/health-server.ts";
import { type Clock, inTime } from "../internal/clock.ts";
import { createUuidSource } from "../internal/uuid.ts";
import type { PlanEnvironment } from "../runtime/compile-actor.ts";
import { compileRouters } from "../runtime/compile-routers.ts";
import { DependencyScope } from "../runtime/dependency-scope.ts";
import { createProducer, type Producer, type ServerEntry } from "../runtime/producer.ts";
import { createRequester, type Requester } from "../runtime/requester.ts";
import { type SendTarget, targetOfOperation, targetOfPlan } from "../runtime/send-target.ts";
import type { ProcessLike } from "../runtime/signals.ts";
import { createWorker, type Worker } from "../runtime/worker.ts";
import { type WorkerOptions, workerSettings } from "../runtime/worker-options.ts";
import { NotFoundError, OptionError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import type { BrokerServer } from "../server/server.ts";
import { recordError } from "../server/settle-reason.ts";
import { type Connections, createConnections } from "./connections.ts";

/** Closing reply subscriptions and connections, whatever hangs. */
const closeTimeout = 2000;

/** Everything that a running app is made of; a test client makes a second one with other servers and another clock. */
export interface EngineOptions {
  readonly root: Router<boolean>;
  readonly producerMiddleware: readonly ProducerMiddleware[];
  readonly codec: Codec | undefined;
  readonly topicHeader: string | false;
  readonly publishTimeout: number;
  readonly maxPayloadBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly process: ProcessLike;
  /** Name of the default server. */
  defaultServer(): string | undefined;
  /** The server of that name, or the default one. Errors: `NotFoundError`. */
  server(name: string | undefined): BrokerServer;
  serverNames(): readonly string[];
  /** See `WorkerHost`. */
  stayAlive(): () => void;
  /** The AsyncAPI document; the same object until something is registered. */
  document(): AsyncApiDocument;
  /** Called for every operation that is sent. */
  onOperation?(operation: Operation): void;
}

export interface Engine {
  readonly producer: Producer;
  readonly requester: Requester;
  readonly connections: Connections;
  readonly overrides: Map<Dependency, DependencyDefinition["resolve"]>;
  /** Resolves app-wide dependencies anew from now on. */
  renewAppScope(): void;
  entry(name: string | undefined): ServerEntry;
  plans(): readonly ActorPlan[];
  worker(options: WorkerOptions<PropertyKey>): Worker;
  close(): Promise<void>;
}

function countEntries(router: Router<boolean>): number {
  return router["~entries"].reduce(
    (sum, entry) => sum + (entry.kind === "actor" ? 1 : 1 + countEntries(entry.router)),
    0,
  );
}

export function createEngine(options: EngineOptions): Engine {
  const { clock, logger, root, random } = options;
  const ids = createUuidSource(() => clock.now());
  const overrides: Engine["overrides"] = new Map();
  const onDisposeError = (error: unknown): void => {
    logger.error({ event: "dependency.dispose.error", err: recordError(error) });
  };
  let closing = new AbortController();
  const appScope = new DependencyScope(
    {
      message: undefined,
      get signal() {
        return closing.signal;
      },
      payload: () => undefined,
      headers: () => undefined,
    },
    { overrides, onDisposeError },
  );
  const environment: PlanEnvironment = {
    appScope,
    overrides,
    maxPayloadBytes: options.maxPayloadBytes,
    onDisposeError,
  };
  const connections = createConnections(logger, async () => {
    closing.abort();
    closing = new AbortController();
    await appScope.dispose();
  });
  const targets = new WeakMap<object, SendTarget>();
  let compiled: readonly ActorPlan[] = [];
  let compiledEntries = -1;

  /** Actors may be added until they are needed: what was compiled is good as long as the tree has not grown. */
  function plans(): readonly ActorPlan[] {
    const entries = countEntries(root);
    if (entries !== compiledEntries) {
      compiled = compileRouters(root, environment);
      compiledEntries = entries;
    }
    return compiled;
  }

  function entry(name: string | undefined): ServerEntry {
    const wanted = name ?? options.defaultServer();
    const server = options.server(wanted);
    return connections.entry(wanted ?? "", server);
  }

  function findTarget(to: Sendable): SendTarget {
    const kind = (to as { readonly "~kind"?: string } | undefined)?.["~kind"];
    if (kind === "operation") {
      options.onOperation?.(to as Operation);
      return targetOfOperation(to as Operation);
    }
    if (kind !== "actor") throw new OptionError("send() expects an operation or an actor as its first argument.");
    const { "~definition": definition } = to as Actor;
    const plan = plans().find((candidate) => candidate.definition === definition);
    if (plan === undefined) {
      throw new NotFoundError(`Actor ${to.name} is not part of this app: include its router, or send its operation.`);
    }
    return targetOfPlan(plan);
  }

  function target(to: Sendable): SendTarget {
    const known = typeof to === "object" && to !== null ? targets.get(to) : undefined;
    if (known !== undefined) return known;
    const found = findTarget(to);
    targets.set(to, found);
    return found;
  }

  const producer = createProducer({
    ...{ clock, ids, target, server: entry },
    middleware: options.producerMiddleware,
    topicHeader: options.topicHeader,
    publishTimeout: options.publishTimeout,
    maxPayloadBytes: options.maxPayloadBytes,
    codec: options.codec,
  });
  const requester = createRequester({
    ...{ clock, ids, logger, producer, target, server: entry },
    codec: options.codec,
    maxPayloadBytes: options.maxPayloadBytes,
  });

  return {
    producer,
    requester,
    connections,
    overrides,
    renewAppScope: () => appScope.renew(),
    entry,
    plans,
    worker(given) {
      const settings = workerSettings(given);
      const names = new Set(given.servers ?? [given.server]);
      const entries = [...names].map((name) => entry(name as string | undefined));
      for (const plan of plans()) {
        if (plan.server !== undefined && !options.serverNames().includes(plan.server)) {
          throw new NotFoundError(
            `Actor ${plan.name} is bound to the server ${plan.server}, which the app does not have.`,
          );
        }
      }
      return createWorker(
        {
          ...{ clock, random, ids, logger, producer, plans, entries },
          process: options.process,
          stayAlive: options.stayAlive,
          topicHeader: options.topicHeader,
          maxPayloadBytes: options.maxPayloadBytes,
          connect: (wanted, signal) => connections.acquire(wanted, signal),
          serveHealth: (health, report) => serveHealth(health, report, logger),
          serveDocs: (docs) => serveDocs(docs, { document: options.document, logger }),
        },
        settings,
      );
    },
    async close() {
      const closed = requester.close().then(() => connections.releaseLazy());
      // Whatever hangs, a process that wants to end must be able to.
      await inTime(clock, closed, closeTimeout);
    },
  };
}
