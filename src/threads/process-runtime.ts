import { fileURLToPath } from "node:url";
import { OptionError } from "../server/errors.ts";
import { pack, unpack } from "./packed.ts";
import { entryName, entryUrl, loadPeer } from "./peer.ts";
import { type ProcessPool, type ProcessPoolOptions, poolSize } from "./pool-options.ts";
import type { TaskOutcome } from "./task-call.ts";
import type { TaskRuntime } from "./task-runtime.ts";

/** The part of tinypool that is used. */
export interface TinypoolModule {
  readonly Tinypool: new (options: TinypoolOptions) => TinypoolPool;
}

interface TinypoolOptions {
  readonly runtime: "child_process";
  readonly serialization: "advanced";
  readonly maxThreads: number;
  readonly minThreads: number;
  readonly idleTimeout: number;
  readonly env: Record<string, string>;
  readonly execArgv: string[];
}

interface TinypoolPool extends ProcessPool {
  readonly threads: { readonly length: number };
  on(event: "error", listener: (error: unknown) => void): unknown;
  destroy(): Promise<void>;
}

export type LoadTinypool = () => Promise<TinypoolModule>;

let lastId = 0;

export function processRuntime(given: ProcessPool | ProcessPoolOptions, load: LoadTinypool): TaskRuntime<ProcessPool> {
  const own = "run" in given ? given : undefined;
  const options = "run" in given ? {} : given;
  if (
    (own as { readonly options?: { readonly runtime?: unknown } } | undefined)?.options?.runtime === "worker_threads"
  ) {
    throw new OptionError('This pool runs threads: give it runtime: "child_process", or use inWorkerThread.');
  }
  for (const name of Object.keys(options.resourceLimits ?? {})) {
    if (name !== "maxOldGenerationSizeMb") throw new OptionError(`A process has no pool.resourceLimits.${name}.`);
  }
  const size = poolSize(options);
  const filename = fileURLToPath(entryUrl);
  const name = entryName("runInProcess");
  return {
    kind: "process",
    clone: pack,
    size,
    own,
    open: async () => {
      const { Tinypool } = await loadPeer("tinypool", "inChildProcess", load);
      const pool = new Tinypool({
        runtime: "child_process",
        serialization: "advanced",
        maxThreads: size.max,
        minThreads: size.min,
        idleTimeout: size.idle,
        env: environment(options),
        execArgv: flags(options),
      });
      return {
        pool,
        threadCount: () => pool.threads.length,
        onLoss: (callback) => void pool.on("error", callback),
        destroy: () => pool.destroy(),
      };
    },
    submit: (pool, call, signal, onStart) => {
      lastId += 1;
      const id = String(lastId);
      let started = false;
      const channel = {
        postMessage(message: unknown): void {
          if (started || (message as { readonly millraceTaskStarted?: unknown } | null)?.millraceTaskStarted !== id)
            return;
          started = true;
          onStart?.();
        },
      };
      const packed = { ...call, input: pack(call.input), id };
      return {
        outcome: pool.run(packed, { filename, name, signal, channel }).then((packed) => unpack(packed) as TaskOutcome),
        started: () => started,
      };
    },
  };
}

/** Without one, the pool starts processes with no environment at all, not even a `PATH`. */
function environment(options: ProcessPoolOptions): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.env ?? process.env)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

const evaluating = new Set(["-e", "--eval", "-p", "-pe", "--print"]);

/** The flags of this process, but not the code it was started with: the child would run that in place of the task. */
function flags(options: ProcessPoolOptions): string[] {
  const inherited = options.execArgv ?? process.execArgv;
  const kept = inherited.filter(
    (flag, index) =>
      !evaluating.has(flag) && !evaluating.has(inherited[index - 1] ?? "") && !flag.startsWith("--input-type"),
  );
  const heap = options.resourceLimits?.maxOldGenerationSizeMb;
  return heap === undefined ? kept : [...kept, `--max-old-space-size=${Math.ceil(heap)}`];
}
