import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { createVirtualClock } from "./virtual-clock.ts";

test("time stands still until it is told to go on", async () => {
  const clock = createVirtualClock({ start: 1000 });
  let called = false;
  clock.setTimer(() => {
    called = true;
  }, 5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([clock.now(), clock.monotonic(), called]).toEqual([1000, 0, false]);
  await clock.advance(4);
  expect(called).toBe(false);
  await clock.advance(1);
  expect([clock.now(), clock.monotonic(), called]).toEqual([1005, 5, true]);
});

test("timers run in order of time, equal times in the order in which they were set, each at its own time", async () => {
  const clock = createVirtualClock();
  const calls: [string, number][] = [];
  const set = (name: string, delay: number): void => {
    clock.setTimer(() => calls.push([name, clock.monotonic()]), delay);
  };
  set("c", 30);
  set("a1", 10);
  set("b", 20);
  set("a2", 10);
  await clock.advance("1s");
  expect(calls).toEqual([
    ["a1", 10],
    ["a2", 10],
    ["b", 20],
    ["c", 30],
  ]);
  expect(clock.monotonic()).toBe(1000);
});

test("what a timer starts settles before the next timer, and may set timers inside the span", async () => {
  const clock = createVirtualClock();
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) {
      await sleep(clock, 10);
      for (let turn = 0; turn < 20; turn += 1) await null;
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      seen.push(clock.monotonic());
    }
  };
  const done = loop();
  await clock.advance(35);
  expect(seen).toEqual([10, 20, 30]);
  await clock.advance("1m");
  await done;
  expect(seen).toEqual([10, 20, 30, 40, 50]);
});

test("a cleared timer is not called and leaves nothing behind", async () => {
  const clock = createVirtualClock();
  let called = 0;
  const timers = Array.from({ length: 1000 }, (_, i) => clock.setTimer(() => (called += 1), (i * 7919) % 1000));
  expect(clock.pending).toBe(1000);
  for (const [i, timer] of timers.entries()) if (i % 3 !== 0) clock.clearTimer(timer);
  expect(clock.pending).toBe(334);
  await clock.advance(1000);
  expect(called).toBe(334);
  expect(clock.pending).toBe(0);
  clock.clearTimer(timers[0]);
  clock.clearTimer(undefined);
  expect(clock.pending).toBe(0);
});

test("an unref'ed timer is called when its time passes but is no reason to go on", async () => {
  const clock = createVirtualClock();
  const calls: string[] = [];
  clock.setTimer(() => calls.push("idle"), 10, { unref: true });
  expect(await clock.runToNextTimer()).toBe(false);
  expect([clock.monotonic(), clock.nextTimerAt, clock.pending]).toEqual([0, undefined, 1]);
  clock.setTimer(() => calls.push("waiting"), 20);
  expect(clock.nextTimerAt).toBe(clock.now() + 20);
  expect(await clock.runToNextTimer()).toBe(true);
  expect(calls).toEqual(["idle", "waiting"]);
  expect([clock.monotonic(), clock.pending]).toEqual([20, 0]);
});

test("calls of advance run one after the other, also from inside a timer", async () => {
  const clock = createVirtualClock();
  const times: number[] = [];
  let inner: Promise<void> | undefined;
  clock.setTimer(() => {
    inner = clock.advance(10).then(() => void times.push(clock.monotonic()));
  }, 5);
  await Promise.all([clock.advance(20), clock.advance(30)]);
  await inner;
  expect(times).toEqual([60]);
});

test("what a timer throws rejects the call, and the clock goes on afterwards", async () => {
  const clock = createVirtualClock();
  clock.setTimer(() => {
    throw new Error("broken timer");
  }, 5);
  await expect(clock.advance(10)).rejects.toThrow("broken timer");
  expect(clock.monotonic()).toBe(5);
  await clock.advance(10);
  expect(clock.monotonic()).toBe(15);
});

test("a timer in infinity neither fires nor counts; an infinite or negative advance is refused", async () => {
  const clock = createVirtualClock();
  clock.setTimer(() => {
    throw new Error("never");
  }, Number.POSITIVE_INFINITY);
  expect([clock.pending, await clock.runToNextTimer()]).toEqual([0, false]);
  await expect(clock.advance(Number.POSITIVE_INFINITY)).rejects.toThrow(RangeError);
  await expect(clock.advance(-1)).rejects.toThrow(RangeError);
});

test("a day of minutely timers takes moments", async () => {
  const clock = createVirtualClock();
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    clock.setTimer(tick, 60_000);
  };
  clock.setTimer(tick, 60_000);
  const before = performance.now();
  await clock.advance("1d");
  expect(ticks).toBe(1440);
  expect(performance.now() - before).toBeLessThan(2000);
});
