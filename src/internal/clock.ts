/** Handle of a pending timer; only good for {@link Clock.clearTimer}. */
export type TimerHandle = object;

/**
 * The only source of time. Everything that waits or stamps takes a clock, so that a virtual one can run hours in
 * milliseconds and a seeded simulation can drive the real core.
 */
export interface Clock {
  /** Wall-clock milliseconds since the epoch. May jump; never used to measure. */
  now(): number;
  /** Milliseconds that only grow. Used for everything that measures or times out. */
  monotonic(): number;
  /** Calls `callback` once after `delay` milliseconds (any length). `unref`: does not keep the process alive. */
  setTimer(callback: () => void, delay: number, options?: { readonly unref?: boolean }): TimerHandle;
  clearTimer(timer: TimerHandle | undefined): void;
}

/** Node's timers take a signed 32-bit delay and fire at once above it. */
const longest = 2 ** 31 - 1;

class LongTimer {
  current: NodeJS.Timeout | undefined;
}

function startLong(callback: () => void, delay: number, unref: boolean): LongTimer {
  const timer = new LongTimer();
  const end = performance.now() + delay;
  const step = (): void => {
    const left = end - performance.now();
    if (left <= 0) {
      callback();
      return;
    }
    timer.current = setTimeout(step, Math.min(left, longest));
    if (unref) timer.current.unref();
  };
  if (delay !== Number.POSITIVE_INFINITY) step();
  return timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delay, options) {
    if (delay > longest) return startLong(callback, delay, options?.unref === true);
    const timer = setTimeout(callback, delay);
    if (options?.unref === true) timer.unref();
    return timer;
  },
  clearTimer(timer) {
    if (timer === undefined) return;
    if (timer instanceof LongTimer) clearTimeout(timer.current);
    else clearTimeout(timer as NodeJS.Timeout);
  },
};

/** Resolves after `delay` milliseconds, or at once when the signal aborts (it never rejects: callers look at the signal). */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const onAbort = (): void => {
      clock.clearTimer(timer);
      resolve();
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, delay);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Waits for a promise, at most so many milliseconds; says whether it was in time. Rejects as the promise does. */
export async function inTime(clock: Clock, pending: Promise<unknown>, delay: number): Promise<boolean> {
  const over = new AbortController();
  try {
    const late = sleep(clock, delay, over.signal).then(() => false);
    return await Promise.race([pending.then(() => true), late]);
  } finally {
    over.abort();
  }
}
