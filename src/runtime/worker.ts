import type { ActorPlan } from "../contract/actor-plan.ts";
import type { SettledOutcome } from "../contract/message.ts";
import type { DocsOptions } from "../http/docs-options.ts";
import { type Clock, inTime, sleep } from "../internal/clock.ts";
import { createDeferred, type Deferred } from "../internal/deferred.ts";
import { ConnectionError, WorkerFatalError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { recordError } from "../server/settle-reason.ts";
import { Consumer } from "./consumer.ts";
import { type HealthReport, reportHealth, type WorkerPhase } from "./health-report.ts";
import type { Producer, ServerEntry } from "./producer.ts";
import { createRoutes, type Routes } from "./routes.ts";
import { listenForSignals, type ProcessLike } from "./signals.ts";
import { Slots } from "./slots.ts";
import { type StallWatch, watchForStalls } from "./stall-watch.ts";
import { checkPlans } from "./start-checks.ts";
import type { HealthOptions, WorkerSettings } from "./worker-options.ts";
import type { WorkerCounts, WorkerState } from "./worker-state.ts";

export type WorkerResult = Readonly<WorkerCounts>;

/** A worker under one's own control; `app.runWorker()` does the same in one call. */
export interface Worker extends AsyncDisposable {
  /** Connects, subscribes, and resolves when it receives. Errors: those of the servers, `DuplicateNameError`, `CapabilityError`. */
  start(): Promise<void>;
  /** Stops gracefully; every call gives the same promise. */
  stop(): Promise<WorkerResult>;
  /** No new messages until `resume()`; running actors go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Takes no new messages any more and resolves when nothing runs; then `stop()` is instant. */
  drain(): Promise<void>;
  /** Resolves when the worker has stopped, for whatever reason; rejects with `WorkerFatalError`. */
  readonly finished: Promise<WorkerResult>;
  readonly counts: WorkerResult;
  health(): HealthReport;
}

export interface WorkerHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ids: () => string;
  readonly logger: Logger;
  readonly producer: Producer;
  readonly process: ProcessLike;
  readonly topicHeader: string | false;
  readonly maxPayloadBytes: number;
  readonly entries: readonly ServerEntry[];
  plans(): readonly ActorPlan[];
  /** Connects the entries; the function undoes what this call did. */
  connect(entries: readonly ServerEntry[], signal: AbortSignal): Promise<() => Promise<void>>;
  /** Keeps the process alive until the function is called: an idle embedded server has nothing open that would. */
  stayAlive(): () => void;
  serveHealth(options: HealthOptions, report: () => HealthReport): Promise<() => Promise<void>>;
  serveDocs(options: DocsOptions): Promise<() => Promise<void>>;
}

/** After the grace time: flushing settles, closing and disconnecting, whatever hangs. */
const closeTimeout = 2000;

export function createWorker(host: WorkerHost, settings: WorkerSettings): Worker {
  const { clock, logger } = host;
  const counts: WorkerCounts = { processed: 0, acked: 0, nacked: 0, rejected: 0, retried: 0, expired: 0, abandoned: 0 };
  const finished = createDeferred<WorkerResult>();
  finished.promise.catch(() => {});
  const starting = new AbortController();
  const undo: (() => void | Promise<void>)[] = [];
  let consumers: Consumer[] = [];
  let watches: StallWatch[] = [];
  let phase: WorkerPhase = "idle";
  let paused = false;
  let fatal: WorkerFatalError | undefined;
  let begun: Promise<void> | undefined;
  let beginning = true;
  let stopping: Promise<WorkerResult> | undefined;
  let idle: Deferred<void> | undefined;

  const state: WorkerState = {
    ...{ clock, logger, random: host.random, ids: host.ids, producer: host.producer },
    debug: logger.isLevelEnabled?.("debug") === true,
    slots: new Slots(settings.concurrency, settings.messagesLimit),
    concurrency: settings.concurrency,
    prefetch: settings.prefetch,
    cancelTimeout: settings.cancelTimeout,
    deliveryLimit: settings.deliveryLimit,
    topicHeader: host.topicHeader,
    maxPayloadBytes: host.maxPayloadBytes,
    unrouted: settings.unrouted,
    counts,
    suspect: { running: false },
    zombies: new Map(),
    onRunEnded() {
      if (counts.processed >= settings.messagesLimit && stopping === undefined) void stop();
      else if (idle !== undefined) checkIdle();
    },
    onSettled(outcome) {
      counts[countOf[outcome]] += 1;
    },
    onReleased() {
      if (idle !== undefined) checkIdle();
    },
    onFatal(error) {
      if (fatal !== undefined) return;
      fatal =
        error instanceof WorkerFatalError ? error : new WorkerFatalError("The worker cannot go on.", { cause: error });
      logger.error({ event: "worker.fatal", err: recordError(fatal) });
      void stop();
    },
  };

  function isIdle(): boolean {
    return consumers.every((consumer) => consumer.running === 0 && consumer.unsettled === 0);
  }

  function checkIdle(): void {
    if (idle !== undefined && isIdle()) {
      idle.resolve();
      idle = undefined;
    }
  }

  /** Resolves to whether everything that was taken is finished and confirmed within the time. */
  async function waitIdle(timeout: number): Promise<boolean> {
    if (isIdle()) return true;
    idle ??= createDeferred();
    await inTime(clock, idle.promise, timeout);
    return isIdle();
  }

  async function connectPatiently(): Promise<() => Promise<void>> {
    for (let pause = 100; ; pause = Math.min(pause * 2, 10_000)) {
      try {
        return await host.connect(host.entries, starting.signal);
      } catch (error) {
        if (!(error instanceof ConnectionError) || starting.signal.aborted) throw error;
        logger.warn({ event: "server.connect.retry", pause, err: recordError(error) });
        await sleep(clock, pause, starting.signal);
        if (starting.signal.aborted) throw error;
      }
    }
  }

  function routesByEntry(): { readonly entry: ServerEntry; readonly routes: Routes }[] {
    const plans = host.plans();
    return host.entries.flatMap((entry) => {
      const own = plans.filter((plan) => plan.server === undefined || plan.server === entry.name);
      if (own.length === 0) return [];
      checkPlans(own, entry.name, entry.server);
      const onError = (plan: ActorPlan, error: unknown): void => {
        logger.error({ event: "routing.error", server: entry.name, actor: plan.name, err: recordError(error) });
      };
      return [{ entry, routes: createRoutes(own, entry.name, entry.server.topicHeader ?? host.topicHeader, onError) }];
    });
  }

  function ageOf(contact: number | undefined): number | undefined {
    return contact === undefined ? undefined : Math.max(0, clock.monotonic() - contact);
  }

  function health(): HealthReport {
    return reportHealth({
      phase,
      paused,
      counts,
      zombies: state.zombies.size,
      stallTimeout: settings.stallTimeout,
      consumers: consumers.map((consumer, index) => ({
        server: consumer.serverName,
        connection: host.entries.find((entry) => entry.name === consumer.serverName)?.server.state ?? "closed",
        subscription: consumer.state,
        channels: consumer.channels,
        running: consumer.running,
        waiting: consumer.waiting,
        held: consumer.unsettled,
        contactAge: ageOf(consumer.lastContact),
        stalled: watches[index]?.reason,
      })),
    });
  }

  async function begin(): Promise<void> {
    const parts = routesByEntry();
    if (settings.signals.length > 0) {
      const onFirst = (signal: NodeJS.Signals): void => {
        logger.info({ event: "worker.stop.requested", signal });
        void stop();
      };
      const onSecond = (signal: NodeJS.Signals): void => logger.error({ event: "worker.stop.forced", signal });
      undo.push(listenForSignals(host.process, settings.signals, onFirst, onSecond));
    }
    const { signal } = settings;
    if (signal !== undefined) {
      const onAbort = (): void => void stop();
      signal.addEventListener("abort", onAbort, { once: true });
      undo.push(() => signal.removeEventListener("abort", onAbort));
      if (signal.aborted) onAbort();
    }
    if (settings.health !== undefined) undo.push(await host.serveHealth(settings.health, health));
    if (settings.docs !== undefined) undo.push(await host.serveDocs(settings.docs));
    if (parts.length === 0) {
      logger.warn({ event: "worker.no_actors", servers: host.entries.map((entry) => entry.name) });
      void stop();
      return;
    }
    undo.push(host.stayAlive());
    const release = await connectPatiently();
    undo.push(release);
    consumers = parts.map(({ entry, routes }) => new Consumer(state, entry, routes));
    for (const consumer of consumers) {
      if (starting.signal.aborted) return;
      if (paused) await consumer.pause();
      await consumer.start();
    }
    watches = consumers.map((consumer, index) =>
      watchForStalls({
        ...{ clock, logger, consumer, timeout: settings.stallTimeout, onFatal: state.onFatal },
        server: parts[index]?.entry.server as ServerEntry["server"],
      }),
    );
  }

  async function start(): Promise<void> {
    if (phase !== "idle") throw new WorkerFatalError(`The worker is ${phase}; create a new one to start again.`);
    phase = "starting";
    logger.info({ event: "worker.start", servers: host.entries.map((entry) => entry.name) });
    begun = begin().finally(() => {
      beginning = false;
    });
    begun.catch(() => {});
    try {
      // A start that hangs does not keep a stop from ending.
      await Promise.race([begun, finished.promise.then(nothing, nothing)]);
    } catch (error) {
      if (stopping !== undefined) return;
      for (const consumer of consumers) consumer.halt();
      stopping = close(false);
      await stopping.catch(() => {});
      throw error;
    }
    if (stopping !== undefined) return;
    phase = "running";
    const { concurrency, prefetch } = settings;
    logger.info({ event: "worker.ready", concurrency, prefetch, servers: consumers.map((one) => one.serverName) });
  }

  function stop(): Promise<WorkerResult> {
    if (stopping === undefined) {
      for (const consumer of consumers) consumer.halt();
      stopping = close(true);
      stopping.catch(() => {});
    }
    return stopping;
  }

  async function quietly(what: string, action: () => void | Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      logger.error({ event: `worker.${what}.error`, err: recordError(error) });
    }
  }

  async function drainAll(): Promise<void> {
    await Promise.all(consumers.map((consumer) => quietly("drain", () => consumer.drain())));
  }

  async function finishRunning(grace: number): Promise<void> {
    const drained = within(drainAll(), closeTimeout, "drain");
    if (!(await waitIdle(grace))) {
      logger.error({ event: "worker.drain.timeout", running: state.slots.running });
      for (const consumer of consumers) consumer.abortRunning();
      if (!(await waitIdle(settings.cancelTimeout))) for (const consumer of consumers) consumer.abandonRunning();
    }
    // Not before: a server that does not answer must not eat up the time that handlers have left.
    await drained;
  }

  async function within(pending: Promise<unknown>, timeout: number, what: string): Promise<void> {
    if (!(await inTime(clock, pending, timeout))) logger.error({ event: `worker.${what}.timeout`, timeout });
  }

  async function closeAll(): Promise<void> {
    await waitIdle(closeTimeout / 2);
    await Promise.all(consumers.map((consumer) => quietly("close", () => consumer.close())));
    await undoAll();
    // Should a start that hangs get through in the end, it must not leave a connection open.
    if (beginning) begun?.then(undoAll, undoAll);
  }

  async function undoAll(): Promise<void> {
    for (const action of undo.splice(0).reverse()) await quietly("close", action);
  }

  async function close(graceful: boolean): Promise<WorkerResult> {
    // Let whoever asked for the stop finish its turn: a message that reached the limit must still be counted as ended.
    await Promise.resolve();
    phase = "stopping";
    starting.abort(new WorkerFatalError("The worker was stopped while it started."));
    for (const watch of watches) watch.stop();
    logger.info({ event: "worker.drain.start", running: state.slots.running });
    // A stop in the middle of the start waits for it, so that nothing is opened behind its back.
    if (graceful && begun !== undefined)
      await within(
        begun.catch(() => {}),
        closeTimeout,
        "start",
      );
    await finishRunning(graceful ? settings.shutdownTimeout : 0);
    await within(closeAll(), closeTimeout, "close");
    phase = fatal === undefined ? "stopped" : "failed";
    logger.info({ event: "worker.stop.complete", ...counts });
    if (fatal !== undefined) {
      finished.reject(fatal);
      throw fatal;
    }
    const result = { ...counts };
    finished.resolve(result);
    return result;
  }

  return {
    start,
    stop,
    async pause() {
      paused = true;
      await Promise.all(consumers.map((consumer) => consumer.pause()));
      logger.info({ event: "consumer.paused" });
    },
    async resume() {
      paused = false;
      await Promise.all(consumers.map((consumer) => consumer.resume()));
      logger.info({ event: "consumer.resumed" });
    },
    async drain() {
      await drainAll();
      await waitIdle(Number.POSITIVE_INFINITY);
    },
    finished: finished.promise,
    get counts() {
      return { ...counts };
    },
    health,
    async [Symbol.asyncDispose]() {
      if (phase !== "idle") await stop();
    },
  };
}

const nothing = (): void => {};

const countOf: Readonly<Record<SettledOutcome, "acked" | "nacked" | "rejected" | "retried">> = {
  ack: "acked",
  reply: "acked",
  nack: "nacked",
  reject: "rejected",
  retry: "retried",
};
