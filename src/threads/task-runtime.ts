import type { PoolSize } from "./pool-options.ts";
import type { TaskCall, TaskOutcome } from "./task-call.ts";

/** A pool that we made, as far as both packages agree. */
export interface OpenPool<P> {
  readonly pool: P;
  /** How many threads it has now, those that are starting included. */
  threadCount(): number;
  /** Called after it lost a thread, with the reason where the pool knows it. */
  onLoss(callback: (error: unknown) => void): void;
  destroy(): Promise<void>;
}

/** One task in the hands of a pool. */
export interface Submission {
  readonly outcome: Promise<TaskOutcome>;
  /** Whether it began to run, as opposed to waiting in the pool or for a thread. */
  readonly started: () => boolean;
  /** Whether it ended because its result cannot be copied, as far as the pool did not say so. */
  readonly isUncloneable?: () => boolean;
  /** Called once at the end, whatever it was. */
  readonly release?: () => void;
}

/** What differs between threads and processes. */
export interface TaskRuntime<P> {
  /** `thread` or `process`, for messages. */
  readonly kind: string;
  /** How an input is copied; throws for what cannot be. */
  readonly clone: (value: unknown) => unknown;
  readonly size: PoolSize;
  readonly own: P | undefined;
  /** Loads the package and makes the pool. Errors: `MissingPeerError`. */
  open(): Promise<OpenPool<P>>;
  submit(
    pool: P,
    call: Omit<TaskCall, "stage" | "id">,
    signal: AbortSignal,
    onStart: (() => void) | undefined,
  ): Submission;
}
