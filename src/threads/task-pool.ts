import { TaskTerminatedError } from "../server/errors.ts";
import { Slots } from "./slots.ts";
import type { OpenPool, Submission, TaskRuntime } from "./task-runtime.ts";

/** A run as the pool sees it: it can be told that its thread will never come. */
export interface PendingRun {
  readonly submission: Submission;
  fail(error: unknown): void;
}

/** The pool of one handler: opened on the first call, guarded by slots, closed once. The user's own pool is only used. */
export class TaskPool<P> {
  readonly #runtime: TaskRuntime<P>;
  readonly #slots: Slots | undefined;
  readonly #runs = new Set<PendingRun>();
  readonly #closing = new AbortController();
  readonly #lossErrors: unknown[] = [];
  #isLossNoted = false;
  #opening: Promise<OpenPool<P>> | undefined;
  #closed: Promise<void> | undefined;

  constructor(runtime: TaskRuntime<P>) {
    this.#runtime = runtime;
    this.#slots = runtime.own === undefined ? new Slots(runtime.size.max) : undefined;
  }

  /** Aborts when the handler is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether there was room before the signal aborted. Every `true` wants a `leave`. */
  enter(signal: AbortSignal): Promise<boolean> {
    return this.#slots === undefined ? Promise.resolve(!signal.aborted) : this.#slots.take(signal);
  }

  leave(): void {
    this.#slots?.give();
  }

  async open(): Promise<P> {
    if (this.#runtime.own !== undefined) return this.#runtime.own;
    this.#opening ??= this.#open();
    return (await this.#opening).pool;
  }

  async #open(): Promise<OpenPool<P>> {
    try {
      const opened = await this.#runtime.open();
      opened.onLoss((error) => this.#noteLoss(opened, error));
      return opened;
    } catch (error) {
      this.#opening = undefined; // the package may be installed by the next call
      throw error;
    }
  }

  add(run: PendingRun): void {
    this.#runs.add(run);
  }

  delete(run: PendingRun): void {
    this.#runs.delete(run);
  }

  /** Looks later, when the runs that ended with their thread have gone, and once for all that the pool says about it. */
  #noteLoss(opened: OpenPool<P>, error: unknown): void {
    if (error !== undefined) this.#lossErrors.push(error);
    if (this.#isLossNoted) return;
    this.#isLossNoted = true;
    setImmediate(() => {
      this.#isLossNoted = false;
      this.#onLoss(opened, this.#lossErrors.splice(0));
    });
  }

  /**
   * A thread that ends while it starts takes no task with it, and the pool starts no other: the task that it was started
   * for would wait for ever. So as many runs fail as lack a thread, latest first: that one asked for the thread.
   */
  #onLoss(opened: OpenPool<P>, errors: unknown[]): void {
    let lacking = this.#runs.size - opened.threadCount();
    for (const run of [...this.#runs].reverse()) {
      if (lacking <= 0) break;
      if (run.submission.started()) continue;
      lacking -= 1;
      run.fail(errors.shift());
    }
    if (!this.#closing.signal.aborted) for (const error of errors) this.#warn(error);
  }

  /** A late error of a task that was done belongs to no message, and must neither be lost nor end the process. */
  #warn(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`A ${this.#runtime.kind} failed while it ran no task: ${text}`, {
      code: "MILLRACE_IDLE_THREAD",
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new TaskTerminatedError("The handler was closed."));
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.destroy();
  }
}
