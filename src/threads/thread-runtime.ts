import { fileURLToPath } from "node:url";
import { OptionError } from "../server/errors.ts";
import { entryName, entryUrl, loadPeer } from "./peer.ts";
import { type PoolOptions, poolSize, type ThreadPool } from "./pool-options.ts";
import { stage, type TaskOutcome } from "./task-call.ts";
import type { OpenPool, TaskRuntime } from "./task-runtime.ts";

/** The part of piscina that is used. */
export interface PiscinaModule {
  readonly Piscina: new (options: PiscinaOptions) => PiscinaPool;
}

interface PiscinaOptions {
  readonly maxThreads: number;
  readonly minThreads: number;
  readonly idleTimeout: number;
  readonly atomics: "disabled";
  readonly resourceLimits?: NonNullable<PoolOptions["resourceLimits"]>;
  readonly env?: Record<string, string>;
  readonly execArgv?: string[];
}

interface PiscinaPool extends ThreadPool {
  readonly threads: { readonly length: number };
  on(event: "error" | "workerDestroy", listener: (value: unknown) => void): unknown;
  destroy(): Promise<void>;
}

export type LoadPiscina = () => Promise<PiscinaModule>;

export function threadRuntime(given: ThreadPool | PoolOptions, load: LoadPiscina): TaskRuntime<ThreadPool> {
  const own = "run" in given ? given : undefined;
  const options = "run" in given ? {} : given;
  if (
    (own as { readonly options?: { readonly runtime?: unknown } } | undefined)?.options?.runtime === "child_process"
  ) {
    throw new OptionError("A pool of processes cannot run threads: use inChildProcess.");
  }
  const size = poolSize(options);
  const filename = fileURLToPath(entryUrl);
  const name = entryName("runInThread");
  return {
    kind: "thread",
    clone: structuredClone,
    size,
    own,
    open: async () => {
      const { Piscina } = await loadPeer("piscina", "inWorkerThread", load);
      const pool = new Piscina({
        maxThreads: size.max,
        minThreads: size.min,
        idleTimeout: size.idle,
        // Otherwise an idle thread blocks: what a task left running (a connection pool, a timer) would stand still until
        // the next message and then fail that one.
        atomics: "disabled",
        ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
        ...(options.env === undefined ? {} : { env: { ...options.env } }),
        ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
      });
      return openPiscina(pool);
    },
    submit: (pool, call, signal, onStart) => {
      // A flag in shared memory: cheaper than a port for each run, and readable at once when a thread is lost.
      const reached = new Int32Array(new SharedArrayBuffer(4));
      if (onStart !== undefined) {
        const wait = Atomics.waitAsync(reached, 0, stage.waiting);
        if (wait.async) void wait.value.then(onStart);
      }
      return {
        outcome: pool.run({ ...call, stage: reached }, { filename, name, signal }) as Promise<TaskOutcome>,
        started: () => Atomics.load(reached, 0) !== stage.waiting,
        isUncloneable: () => Atomics.load(reached, 0) === stage.uncloneable,
        release: () => void Atomics.notify(reached, 0),
      };
    },
  };
}

function openPiscina(pool: PiscinaPool): OpenPool<ThreadPool> {
  return {
    pool,
    threadCount: () => pool.threads.length,
    onLoss: (callback) => {
      pool.on("error", callback);
      pool.on("workerDestroy", () => callback(undefined)); // also those that exit without an error
    },
    destroy: () => pool.destroy(),
  };
}
