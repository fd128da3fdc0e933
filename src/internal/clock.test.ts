import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { inTime, sleep, systemClock } from "./clock.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const day = 86_400_000;

describe("the system clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([1, 1000, 2 ** 31 - 1, 2 ** 31, 25 * day, 100 * day, 3650 * day])(
    "calls a timer of %d ms once, then and not before",
    (delay) => {
      let calls = 0;
      systemClock.setTimer(() => {
        calls += 1;
      }, delay);
      vi.advanceTimersByTime(delay - 1);
      expect(calls).toBe(0);
      vi.advanceTimersByTime(1);
      expect(calls).toBe(1);
      vi.advanceTimersByTime(4000 * day);
      expect(calls).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test.each([5 * day, 30 * day, 300 * day])(
    "a timer of %d ms that is cleared midway leaves nothing behind",
    (delay) => {
      let calls = 0;
      const timer = systemClock.setTimer(() => {
        calls += 1;
      }, delay);
      vi.advanceTimersByTime(delay - 1000);
      systemClock.clearTimer(timer);
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(delay);
      expect(calls).toBe(0);
    },
  );

  test("a timer in infinity never fires and holds nothing", () => {
    let calls = 0;
    const timer = systemClock.setTimer(() => {
      calls += 1;
    }, Number.POSITIVE_INFINITY);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1000 * day);
    systemClock.clearTimer(timer);
    systemClock.clearTimer(undefined);
    expect(calls).toBe(0);
  });

  test.each([0, -5, Number.NaN])("a timer of %d ms fires as soon as it can, though never at once", (delay) => {
    let calls = 0;
    systemClock.setTimer(() => {
      calls += 1;
    }, delay);
    expect(calls).toBe(0);
    vi.advanceTimersByTime(1);
    expect(calls).toBe(1);
  });
});

describe("timers of the system that are no reason to stay", () => {
  test.each([1000, 60 * day])("hold no process for %d ms", (delay) => {
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const free = systemClock.setTimer(() => {}, delay, { unref: true });
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before);
    const held = systemClock.setTimer(() => {}, delay);
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before + 1);
    systemClock.clearTimer(free);
    systemClock.clearTimer(held);
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before);
  });
});

describe("sleeping", () => {
  test("ends after the time, or at once when the signal aborts, and leaves neither timer nor listener", async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners += 1;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...given);
    };
    const woken: string[] = [];
    const first = sleep(clock, 1000, signal).then(() => woken.push("first"));
    await clock.advance(999);
    expect(woken).toEqual([]);
    await clock.advance(1);
    await first;
    expect([woken, listeners]).toEqual([["first"], 0]);
    const second = sleep(clock, 1000, signal).then(() => woken.push("second"));
    controller.abort();
    await second;
    await sleep(clock, 1000, signal);
    expect(woken).toEqual(["first", "second"]);
    expect(clock.pending).toBe(0);
  });
});

describe("inTime", () => {
  const clock = systemClock;

  test("is true for what ends in time, false for what does not", async () => {
    expect(await inTime(clock, Promise.resolve(), 1000)).toBe(true);
    expect(await inTime(clock, new Promise(() => {}), 5)).toBe(false);
  });

  test("rejects as the promise does", async () => {
    await expect(inTime(clock, Promise.reject(new RangeError("no")), 1000)).rejects.toThrow(RangeError);
  });

  test("a promise that rejects when the time is over hurts nobody", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    expect(await inTime(clock, promise, 5)).toBe(false);
    reject(new Error("late"));
    await new Promise(setImmediate);
  });
});
