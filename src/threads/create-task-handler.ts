import { systemClock, type TimerHandle } from "../internal/clock.ts";
import type { Duration } from "../internal/duration.ts";
import { OptionError, TaskTerminatedError } from "../server/errors.ts";
import { durationOption } from "../server/option.ts";
import { fromFailure } from "./failure.ts";
import type { AnyTask, TaskContext, TaskHandler } from "./task.ts";
import { cloneError, type TaskOutcome, type TaskTarget, taskInput, taskTarget } from "./task-call.ts";
import { type PendingRun, TaskPool } from "./task-pool.ts";
import type { Submission, TaskRuntime } from "./task-runtime.ts";

interface HandlerOptions {
  readonly export?: string;
  readonly timeout?: Duration;
}

/** The part that threads and processes share: one run, ended by whatever comes first. */
export function createTaskHandler<T extends AnyTask, P>(
  url: URL,
  options: HandlerOptions,
  runtime: TaskRuntime<P>,
): TaskHandler<T> {
  const target = taskTarget(url, options.export ?? "default");
  const timeout = durationOption("timeout", options.timeout ?? 0, { infinite: true }) || Infinity;
  const pool = new TaskPool(runtime);

  const handler = async (context: TaskContext): Promise<unknown> => {
    const { signal } = context; // a lazy getter of the context
    if (pool.closing.aborted) throw terminated(target, pool.closing);
    const ended = endOf(signal, pool.closing);
    try {
      if (!(await pool.enter(ended.signal))) throw terminated(target, ended.signal);
      try {
        const opened = await pool.open();
        if (ended.signal.aborted) throw terminated(target, ended.signal);
        const outcome = await runOnce(opened, context, ended);
        return resultOf(target, outcome);
      } finally {
        pool.leave();
      }
    } finally {
      ended.release();
    }
  };

  function runOnce(opened: P, context: TaskContext, ended: Ended): Promise<TaskOutcome> {
    const input = taskInput(context);
    return new Promise((resolve, reject) => {
      let submission: Submission | undefined;
      let run: PendingRun | undefined;
      let timer: TimerHandle | undefined;
      let isDone = false;
      const finish = (): boolean => {
        if (isDone) return false;
        isDone = true;
        systemClock.clearTimer(timer);
        if (run !== undefined) pool.delete(run);
        submission?.release?.();
        return true;
      };
      // Rejects before it aborts: the pool must not get the chance to put its own error in the place of this one.
      const terminate = (error: unknown): void => {
        if (!finish()) return;
        reject(error);
        ended.abort(error);
      };
      ended.signal.addEventListener("abort", () => terminate(terminated(target, ended.signal)), { once: true });
      const onStart = (): void => {
        if (isDone) return;
        timer = systemClock.setTimer(() => {
          terminate(
            new TaskTerminatedError(
              `The task ${target.label} did not finish within ${timeout} ms; its ${runtime.kind} was terminated.`,
            ),
          );
        }, timeout);
      };
      const onLost = (error: unknown): void => terminate(lost(target, runtime, input, submission, error));
      try {
        const call = { url: target.url, export: target.export, input };
        submission = runtime.submit(opened, call, ended.signal, timeout === Infinity ? undefined : onStart);
        run = { submission, fail: onLost };
        pool.add(run);
        submission.outcome.then((outcome) => {
          if (finish()) resolve(outcome);
        }, onLost);
      } catch (error) {
        onLost(error);
      }
    });
  }

  const close = (): Promise<void> => pool.close();
  // The one erasure: the types of a task are a promise about the module at the URL.
  return Object.assign(handler, { close, [Symbol.asyncDispose]: close }) as unknown as TaskHandler<T>;
}

interface Ended {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  release(): void;
}

/** One signal for the end of the message and of the handler. `AbortSignal.any` would keep a weak entry for each run. */
function endOf(...sources: readonly AbortSignal[]): Ended {
  const controller = new AbortController();
  const listeners = sources.map((source) => {
    const onAbort = (): void => controller.abort(source.reason);
    if (source.aborted) onAbort();
    else source.addEventListener("abort", onAbort, { once: true });
    return () => source.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => {
      for (const remove of listeners) remove();
    },
  };
}

function terminated(target: TaskTarget, signal: AbortSignal): TaskTerminatedError {
  const cause: unknown = signal.reason;
  return new TaskTerminatedError(`The task ${target.label} was terminated: ${reasonOf(cause)}`, { cause });
}

/** The pool failed, not the task: the input cannot be copied, or the thread ended. */
function lost<P>(
  target: TaskTarget,
  runtime: TaskRuntime<P>,
  input: ReturnType<typeof taskInput>,
  submission: Submission | undefined,
  cause: unknown,
): Error {
  const started = submission?.started() === true;
  if (!started) {
    const error = cloneError(target, input, runtime.clone);
    if (error !== undefined) return error;
    return new TaskTerminatedError(`The task ${target.label} got no ${runtime.kind}: ${reasonOf(cause)}`, { cause });
  }
  if (submission?.isUncloneable?.() === true) return uncloneableResult(target, cause);
  return new TaskTerminatedError(`The ${runtime.kind} of the task ${target.label} ended: ${reasonOf(cause)}`, {
    cause,
  });
}

function resultOf(target: TaskTarget, outcome: TaskOutcome): unknown {
  if ("value" in outcome) return outcome.value;
  if ("failure" in outcome) throw fromFailure(outcome.failure);
  if ("missing" in outcome) {
    const names = outcome.missing.length === 0 ? "nothing" : outcome.missing.join(", ");
    throw new OptionError(`The task ${target.label} is not an exported function. Exported: ${names}.`);
  }
  throw uncloneableResult(target, fromFailure(outcome.uncloneable));
}

function uncloneableResult(target: TaskTarget, cause: unknown): TaskTerminatedError {
  return new TaskTerminatedError(`The result of the task ${target.label} cannot be copied to this thread.`, { cause });
}

/** The pools reject with errors, and with what is left of one. */
function reasonOf(cause: unknown): string {
  const { message } = (cause ?? {}) as { readonly message?: unknown };
  if (typeof message === "string" && message !== "") return message;
  return cause === undefined ? "it ended while starting" : String(cause);
}
