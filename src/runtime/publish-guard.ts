import type { Clock, TimerHandle } from "../internal/clock.ts";
import { Ring } from "../internal/ring.ts";
import { PublishError } from "../server/errors.ts";

/** What is done about a confirmation: the same for all publishes of a kind, so that a publish makes no functions for it. */
export interface WatchSteps<T, R, C> {
  /** What is known of the message when the time is over. */
  readonly outcome: "failed" | "unknown";
  map(value: T, context: C): R;
  /** May turn a failure into another attempt. */
  recover?(error: unknown, context: C): PromiseLike<T> | undefined;
}

/** What the guard needs of a publish that it watches. */
interface Watched {
  readonly deadline: number;
  readonly isDone: boolean;
  expire(timeout: number): void;
}

function overdue(outcome: "failed" | "unknown", timeout: number): PublishError {
  const text =
    outcome === "unknown"
      ? `The broker did not confirm the message within ${timeout} ms; it may have been stored.`
      : `The server was not connected within ${timeout} ms; the message was not sent.`;
  return new PublishError(outcome, text);
}

class Publish<T, R, C> implements Watched {
  readonly deadline: number;
  isDone = false;
  readonly #guard: PublishGuard;
  readonly #steps: WatchSteps<T, R, C>;
  readonly #context: C;
  readonly #resolve: (value: R) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    guard: PublishGuard,
    deadline: number,
    steps: WatchSteps<T, R, C>,
    context: C,
    resolve: (value: R) => void,
    reject: (error: unknown) => void,
  ) {
    this.#guard = guard;
    this.deadline = deadline;
    this.#steps = steps;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  wait(pending: PromiseLike<T>): void {
    pending.then(
      (value) => {
        this.#end();
        this.#resolve(this.#steps.map(value, this.#context));
      },
      (error: unknown) => this.#onError(error),
    );
  }

  expire(timeout: number): void {
    this.isDone = true;
    this.#reject(overdue(this.#steps.outcome, timeout));
  }

  #onError(error: unknown): void {
    const again = this.#steps.recover?.(error, this.#context);
    if (again !== undefined) return this.wait(again);
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.isDone = true;
    this.#guard.tidy();
  }
}

/**
 * Bounds the wait for confirmations. All publishes with one timeout share one timer: they expire in the order in which
 * they started, so a queue does, and a publish costs no timer of its own.
 */
export class PublishGuard {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #queue = new Ring<Watched>();
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** One promise per message, however many steps it takes: this is the path of every confirmed send. */
  watch<T, R, C>(pending: PromiseLike<T>, steps: WatchSteps<T, R, C>, context: C): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const deadline = this.#clock.monotonic() + this.#timeout;
      const publish = new Publish(this, deadline, steps, context, resolve, reject);
      this.#queue.push(publish);
      this.#arm();
      publish.wait(pending);
    });
  }

  /** Forgets what is over. */
  tidy(): void {
    while (this.#queue.peek()?.isDone === true) this.#queue.shift();
    if (this.#queue.size === 0 && this.#timer !== undefined) {
      this.#clock.clearTimer(this.#timer);
      this.#timer = undefined;
    }
  }

  #arm(): void {
    const oldest = this.#queue.peek();
    if (this.#timer !== undefined || oldest === undefined) return;
    this.#timer = this.#clock.setTimer(() => this.#expire(), oldest.deadline - this.#clock.monotonic());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let oldest = this.#queue.peek(); oldest !== undefined; oldest = this.#queue.peek()) {
      if (!oldest.isDone && oldest.deadline > now) break;
      this.#queue.shift();
      if (!oldest.isDone) oldest.expire(this.#timeout);
    }
    this.#arm();
  }
}
