import type { Duration } from "../internal/duration.ts";
import { createTaskHandler } from "./create-task-handler.ts";
import type { PoolOptions, ThreadPool } from "./pool-options.ts";
import type { AnyTask, TaskHandler, UntypedTask } from "./task.ts";
import { threadRuntime } from "./thread-runtime.ts";

export interface ThreadOptions {
  /** Name of the function in the module. Default `"default"`. */
  readonly export?: string;
  /** A pool of your own, or the options of the one that the handler makes for itself on its first call. */
  readonly pool?: ThreadPool | PoolOptions;
  /**
   * Longest run, from its start in the thread on: the wait for a thread does not count, loading the module does. At its
   * end the thread is terminated. Default none; `0` and `Infinity` are none, too. An actor's own `timeout` counts the
   * wait as well, so keep this one the shorter.
   */
  readonly timeout?: Duration;
}

/**
 * Runs a function of another module in a worker thread (`npm i piscina`), so that CPU work does not block the event loop.
 * The result is a handler for an actor, or `resolve` for a dependency. The function gets one argument, a copy of the
 * context (`TaskInput`); what it returns is copied back (`Piscina.move(buffer)` hands a buffer over instead). Its module is
 * loaded once per thread, and runs as `.ts` wherever Node itself does that.
 *
 * When the message's `signal` aborts (timeout, lost lease, end of a graceful stop) the thread is terminated in the middle
 * of whatever it does, an endless loop included: nothing in it runs any more, no `finally` either. A thread that exits,
 * crashes or runs out of memory fails only its own message, and is replaced. An error in it after its task returned belongs
 * to no message: it becomes a process warning (`MILLRACE_IDLE_THREAD`).
 *
 * Every handler has its own pool, as large as the number of cores minus one. Several handlers on one machine compete for
 * the cores: give them one `pool` then. Set the actor's concurrency near the pool's size, because messages that wait for
 * a thread are held by this worker while others idle.
 *
 * This isolates faults, it is no security sandbox: the code in the thread can do whatever this process can.
 *
 * Errors: what the function throws, with `name`, `message`, `stack`, `code`, own fields and `cause` (of the built-in class
 * of that name, otherwise `Error`; millrace's own pass `instanceof`). `TaskTerminatedError` when the thread ended first,
 * its `cause` is the signal's reason. `OptionError` when a part of the input cannot be copied, or there is no such
 * function. `MissingPeerError` without piscina.
 *
 * @example
 * // resize.ts
 * export default ({ payload }: TaskInput<{ path: string }>) => shrink(payload.path);
 * // worker.ts
 * import type resize from "./resize.ts";
 * app.actor({ name: "resize", payload: z.object({ path: z.string() }), timeout: "1m" },
 *   inWorkerThread<typeof resize>(new URL("./resize.ts", import.meta.url)));
 */
export function inWorkerThread<T extends AnyTask = UntypedTask>(url: URL, options: ThreadOptions = {}): TaskHandler<T> {
  return createTaskHandler<T, ThreadPool>(
    url,
    options,
    threadRuntime(options.pool ?? {}, () => import("piscina")),
  );
}
