import type { Clock, TimerHandle } from "../../internal/clock.ts";
import { type Due, DueQueue } from "./due-queue.ts";

/** So many items are handed over before others get a turn. */
const batch = 4096;

export interface AlarmOptions<T> {
  readonly clock: Clock;
  /** The time by which items are due. */
  time(): number;
  onDue(item: T): void;
  /** Do not keep the process alive for it. */
  readonly unref: boolean;
}

/** Hands items over when their time has come; one timer for all of them. */
export class AlarmQueue<T extends Due> {
  readonly #options: AlarmOptions<T>;
  readonly #queue: DueQueue<T> = new DueQueue();
  #timer: TimerHandle | undefined;
  #timerAt = 0;
  #stopped = false;

  constructor(options: AlarmOptions<T>) {
    this.#options = options;
  }

  push(item: T): void {
    this.#queue.push(item);
    this.#arm();
  }

  /** Removes all that fit; returns how many. */
  removeWhere(fits: (item: T) => boolean): number {
    const removed = this.#queue.removeWhere(fits);
    // A timer for nothing would keep the process alive.
    if (this.#queue.size === 0) this.#disarm();
    return removed.length;
  }

  /** Nothing is handed over, and no timer runs, until `start()`. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
  }

  start(): void {
    this.#stopped = false;
    this.#arm();
  }

  #arm(): void {
    const first = this.#queue.peek();
    if (first === undefined || this.#stopped) return;
    if (this.#timer !== undefined) {
      if (this.#timerAt <= first.due) return;
      this.#disarm();
    }
    const { clock, time, unref } = this.#options;
    this.#timerAt = first.due;
    this.#timer = clock.setTimer(this.#ring, Math.max(0, Math.ceil(first.due - time())), { unref });
  }

  #disarm(): void {
    this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    const now = this.#options.time();
    for (let count = 0; count < batch; count += 1) {
      const item = this.#queue.shiftDue(now);
      if (item === undefined) break;
      this.#options.onDue(item);
    }
    // A timer may ring a little early, and more may be due than one batch.
    this.#arm();
  };
}
