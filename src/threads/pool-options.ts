import { availableParallelism } from "node:os";
import type { Duration } from "../internal/duration.ts";
import { OptionError } from "../server/errors.ts";
import { durationOption, integerOption } from "../server/option.ts";

/** A pool of threads of your own, such as a `Piscina`. It is never closed by millrace. */
export interface ThreadPool {
  run(
    task: unknown,
    options: { readonly filename: string; readonly name: string; readonly signal: AbortSignal },
  ): Promise<unknown>;
}

/** A pool of processes of your own: a `Tinypool` with `runtime: "child_process"`. It is never closed by millrace. */
export interface ProcessPool {
  run(
    task: unknown,
    options: {
      readonly filename: string;
      readonly name: string;
      readonly signal: AbortSignal;
      /** Gets what the process sends; it tells when the run begins, from which on `timeout` counts. */
      readonly channel: { postMessage(message: unknown): void };
    },
  ): Promise<unknown>;
}

/** The pool that a handler makes for itself on its first call. */
export interface PoolOptions {
  /** Tasks at a time. Default: the number of cores minus one, at least 1. More than there are cores slows them all. */
  readonly maxThreads?: number;
  /** Threads kept while idle. Default 0. */
  readonly minThreads?: number;
  /** How long a thread above `minThreads` is kept without work. Default 30 s; `0` pays a start (~50 ms) for most tasks. */
  readonly idleTimeout?: Duration;
  /** Memory limits of each thread in MiB. A task above them fails alone. Default: those of Node. */
  readonly resourceLimits?: ThreadLimits;
  /** Environment of the threads. Default: a copy of `process.env`; what a thread changes in it stays there. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for Node. Default: those of this process. */
  readonly execArgv?: readonly string[];
}

export interface ThreadLimits {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly codeRangeSizeMb?: number;
  readonly stackSizeMb?: number;
}

/** The same for processes, where `maxThreads` and `minThreads` count processes. */
export interface ProcessPoolOptions extends Omit<PoolOptions, "resourceLimits"> {
  /** Heap limit of each process in MiB (`--max-old-space-size`). */
  readonly resourceLimits?: Pick<ThreadLimits, "maxOldGenerationSizeMb">;
}

export interface PoolSize {
  readonly max: number;
  readonly min: number;
  /** Milliseconds that a Node timer can wait. */
  readonly idle: number;
}

const longestTimer = 2 ** 31 - 1;

export function poolSize(options: PoolOptions): PoolSize {
  const max = integerOption("pool.maxThreads", options.maxThreads ?? Math.max(1, availableParallelism() - 1), {
    min: 1,
  });
  const min = integerOption("pool.minThreads", options.minThreads ?? 0, { min: 0, max });
  const idle = durationOption("pool.idleTimeout", options.idleTimeout ?? "30s", { infinite: true });
  for (const [name, value] of Object.entries(options.resourceLimits ?? {})) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new OptionError(
        `Expected pool.resourceLimits.${name} to be a number of MiB above 0, got ${String(value)}.`,
      );
    }
  }
  return { max, min, idle: Math.min(idle, longestTimer) };
}
