import type { Clock, TimerHandle } from "../internal/clock.ts";
import { Ring } from "../internal/ring.ts";
import { PublishError } from "../server/errors.ts";

interface Watched {
  readonly deadline: number;
  done: boolean;
  expire(): void;
}

function overdue(outcome: "failed" | "unknown", timeout: number): PublishError {
  const text =
    outcome === "unknown"
      ? `The broker did not confirm the message within ${timeout} ms; it may have been stored.`
      : `The server was not connected within ${timeout} ms; the message was not sent.`;
  return new PublishError(outcome, text);
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

  /**
   * `outcome`: what is known of the message when the time is over. `recover` may turn a failure into another attempt.
   * One promise per message, however many of these steps it takes: this is the path of every confirmed send.
   */
  watch<T, R = T>(
    pending: PromiseLike<T>,
    outcome: "failed" | "unknown",
    map: (value: T) => R,
    recover?: (error: unknown) => PromiseLike<T> | undefined,
  ): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const watched: Watched = {
        deadline: this.#clock.monotonic() + this.#timeout,
        done: false,
        expire: () => reject(overdue(outcome, this.#timeout)),
      };
      this.#queue.push(watched);
      this.#arm();
      const onValue = (value: T): void => {
        this.#finish(watched);
        resolve(map(value));
      };
      const onError = (error: unknown): void => {
        const again = recover?.(error);
        if (again !== undefined) {
          again.then(onValue, onError);
          return;
        }
        this.#finish(watched);
        reject(error);
      };
      pending.then(onValue, onError);
    });
  }

  #finish(watched: Watched): void {
    watched.done = true;
    while (this.#queue.peek()?.done === true) this.#queue.shift();
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
      if (!oldest.done && oldest.deadline > now) break;
      this.#queue.shift();
      if (!oldest.done) {
        oldest.done = true;
        oldest.expire();
      }
    }
    this.#arm();
  }
}
