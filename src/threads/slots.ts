/**
 * Hands out a fixed number of slots, first come first served. The queue is ours and not the pool's, because a pool does
 * not start a new thread for what it has queued when one of its threads ends.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when a slot is taken, with whether it was; `false` when the signal aborted first. */
  take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiting.delete(onFree);
        resolve(false);
      };
      const onFree = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(true);
      };
      this.#waiting.add(onFree);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
