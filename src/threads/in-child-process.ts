import type { Duration } from "../internal/duration.ts";
import { createTaskHandler } from "./create-task-handler.ts";
import type { ProcessPool, ProcessPoolOptions } from "./pool-options.ts";
import { processRuntime } from "./process-runtime.ts";
import type { AnyTask, TaskHandler, UntypedTask } from "./task.ts";

export interface ProcessOptions {
  /** Name of the function in the module. Default `"default"`. */
  readonly export?: string;
  /** A pool of your own, or the options of the one that the handler makes for itself on its first call. */
  readonly pool?: ProcessPool | ProcessPoolOptions;
  /** As for `inWorkerThread`: longest run from its start in the process on, then the process is killed. Default none. */
  readonly timeout?: Duration;
}

/**
 * The same as `inWorkerThread` in child processes (`npm i tinypool`): a crash in native code, an exit or a full heap ends
 * that process only. It costs more than a thread: a start of ~100 ms, its own memory, and copies through a pipe.
 *
 * Processes are killed with SIGTERM and a second later with SIGKILL, so a task that handles SIGTERM lives that much
 * longer. They ignore SIGINT, as Ctrl+C goes to the whole group and the worker drains first. When this process is killed
 * with SIGKILL, a task in an endless loop goes on without it.
 *
 * This isolates faults, it is no security sandbox. Errors: as for `inWorkerThread`, with tinypool for piscina.
 *
 * @example
 * const convert = inChildProcess<typeof task>(new URL("./convert.ts", import.meta.url), { timeout: "30s" });
 * app.actor({ name: "convert", payload }, convert);
 */
export function inChildProcess<T extends AnyTask = UntypedTask>(
  url: URL,
  options: ProcessOptions = {},
): TaskHandler<T> {
  return createTaskHandler<T, ProcessPool>(
    url,
    options,
    processRuntime(options.pool ?? {}, () => import("tinypool")),
  );
}
