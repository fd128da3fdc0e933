import type { Clock, TimerHandle } from "./clock.ts";
import { type Duration, parseDuration } from "./duration.ts";

/** A clock that stands still until it is told to go on. For tests and simulations; hours run in milliseconds. */
export interface VirtualClock extends Clock {
  /**
   * Lets `duration` pass. Timers that become due are called in order of time (equal times in the order in which they
   * were set), each with `now()` and `monotonic()` showing its own time, and what they start settles before the next
   * one: promise continuations and immediates, not real I/O. Timers set meanwhile inside the span are called as well.
   * Calls run one after the other. Rejects with what a timer throws; time then stays at that timer.
   */
  advance(duration: Duration): Promise<void>;
  /**
   * Lets time pass up to and including the next timer that was not set with `unref`. `false`, and no time passes, when
   * there is none: a process would end here. Unref'ed timers on the way are called.
   */
  runToNextTimer(): Promise<boolean>;
  /** Timers that are set and not yet called or cleared, unref'ed ones included. */
  readonly pending: number;
  /** Time (as `now()`) of the next timer that was not set with `unref`. */
  readonly nextTimerAt: number | undefined;
}

export interface VirtualClockOptions {
  /** What `now()` starts with, milliseconds since the epoch. Default 2030-01-01T00:00:00Z. `monotonic()` starts at 0. */
  readonly start?: number;
}

/** So many timers at one instant mean that one sets itself again without delay, and time would never go on. */
const instantLimit = 1_000_000;

/** So many rounds of immediates mean that someone waits for real time, which we must not. */
const roundLimit = 10_000;

class VirtualTimer {
  readonly callback: () => void;
  readonly at: number;
  readonly sequence: number;
  readonly queue: TimerQueue;
  /** Place in the heap; -1 when called or cleared. */
  index = -1;
  constructor(callback: () => void, at: number, sequence: number, queue: TimerQueue) {
    this.callback = callback;
    this.at = at;
    this.sequence = sequence;
    this.queue = queue;
  }
}

function before(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** Binary heap whose items know their place, so that clearing a timer is O(log n) and leaves nothing behind. */
class TimerQueue {
  readonly #heap: VirtualTimer[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get first(): VirtualTimer | undefined {
    return this.#heap[0];
  }

  add(timer: VirtualTimer): void {
    this.#heap.push(timer);
    this.#up(timer, this.#heap.length - 1);
  }

  remove(timer: VirtualTimer): void {
    const index = timer.index;
    if (index < 0) return;
    timer.index = -1;
    const last = this.#heap.pop() as VirtualTimer;
    if (last === timer) return;
    this.#up(last, index);
    this.#down(last, last.index);
  }

  #place(timer: VirtualTimer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #up(timer: VirtualTimer, index: number): void {
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above] as VirtualTimer;
      if (!before(timer, parent)) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(timer, index);
  }

  #down(timer: VirtualTimer, index: number): void {
    for (;;) {
      let below = index * 2 + 1;
      let child = this.#heap[below];
      if (child === undefined) break;
      const right = this.#heap[below + 1];
      if (right !== undefined && before(right, child)) {
        child = right;
        below += 1;
      }
      if (!before(child, timer)) break;
      this.#place(child, index);
      index = below;
    }
    this.#place(timer, index);
  }
}

function immediate(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Waits until no immediate is left. Promise continuations run to their end between immediates. */
async function settled(): Promise<void> {
  for (let round = 0; round < roundLimit; round += 1) {
    await immediate();
    if (!process.getActiveResourcesInfo().includes("Immediate")) return;
  }
}

/**
 * A clock for tests.
 *
 * @example
 * const clock = createVirtualClock();
 * clock.setTimer(() => console.log("an hour later"), 3_600_000);
 * await clock.advance("1h");
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const start = options.start ?? Date.UTC(2030, 0, 1);
  if (!Number.isFinite(start)) throw new RangeError("A virtual clock starts at a finite number of milliseconds.");
  const waiting = new TimerQueue();
  const idle = new TimerQueue();
  let elapsed = 0;
  let sequence = 0;
  let running: Promise<unknown> = Promise.resolve();

  function next(): VirtualTimer | undefined {
    const a = waiting.first;
    const b = idle.first;
    return a === undefined || (b !== undefined && before(b, a)) ? b : a;
  }

  async function runUntil(end: number): Promise<void> {
    await settled();
    let calls = 0;
    for (let timer = next(); timer !== undefined && timer.at <= end; timer = next()) {
      calls = timer.at > elapsed ? 0 : calls + 1;
      if (calls > instantLimit) throw new Error("A timer sets itself again without delay: virtual time stands still.");
      elapsed = Math.max(elapsed, timer.at);
      timer.queue.remove(timer);
      timer.callback();
      await settled();
    }
    elapsed = end;
  }

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = running.then(task, task);
    running = result.catch(() => {});
    return result;
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    setTimer(callback, delay, options) {
      const queue = options?.unref === true ? idle : waiting;
      // Node calls a timer with a delay that is no number as soon as it can; so do we.
      const at = elapsed + (delay > 0 ? delay : 0);
      sequence += 1;
      const timer = new VirtualTimer(callback, at, sequence, queue);
      // Like the system clock: a timer in infinity never fires and is never waited for.
      if (at !== Number.POSITIVE_INFINITY) queue.add(timer);
      return timer;
    },
    clearTimer(handle: TimerHandle | undefined) {
      if (handle instanceof VirtualTimer) handle.queue.remove(handle);
    },
    advance(duration) {
      const span = parseDuration(duration);
      if (span === undefined || span === Number.POSITIVE_INFINITY) {
        return Promise.reject(new RangeError(`advance() takes a finite duration, not ${String(duration)}.`));
      }
      return inTurn(() => runUntil(elapsed + span));
    },
    runToNextTimer() {
      return inTurn(async () => {
        await settled();
        const first = waiting.first;
        if (first === undefined) return false;
        await runUntil(first.at);
        return true;
      });
    },
    get pending() {
      return waiting.size + idle.size;
    },
    get nextTimerAt() {
      return waiting.first === undefined ? undefined : start + waiting.first.at;
    },
  };
}
