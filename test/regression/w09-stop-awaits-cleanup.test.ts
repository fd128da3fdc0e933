import { describe, expect, test } from "vitest";
import { never, stage } from "../core/stage.ts";

describe("W9: a stop awaits what it aborts", () => {
  test("the message goes back only after the cleanup of the aborted actor, as a run that never was", async () => {
    const { app, work, clock, soon, stats } = stage();
    const order: string[] = [];
    const actor = app.actor({ name: "a" }, async ({ signal, message }) => {
      message.afterSettle((outcome) => void order.push(`settled ${outcome}`));
      try {
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      } finally {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 500));
        order.push("cleaned up");
      }
    });
    await app.send(actor, {});
    const worker = await work({ shutdownTimeout: "2s" });
    const counts = await soon(worker.stop());
    order.push("stopped");
    expect(order).toEqual(["cleaned up", "settled reject", "stopped"]);
    expect(counts).toMatchObject({ processed: 0, rejected: 1, abandoned: 0 });
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 1, inFlight: 0, dead: 0 });
  });

  test("the reason of the abort tells that the worker stops, and the next attempt is the first again", async () => {
    const { app, work, soon } = stage();
    const attempts: number[] = [];
    let reason: unknown;
    const actor = app.actor({ name: "a", retry: 5 }, ({ signal, attempt }) => {
      attempts.push(attempt);
      if (attempts.length > 1) return;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(signal.reason);
        }),
      );
    });
    await app.send(actor, {});
    await soon((await work({ shutdownTimeout: 0 })).stop());
    expect(reason).toMatchObject({ code: "WORKER_STOPPING" });
    const second = await work({ messagesLimit: 1 });
    expect(await soon(second.finished)).toMatchObject({ processed: 1, acked: 1 });
    expect(attempts).toEqual([1, 1]);
  });

  test("a handler that ends within the grace time is counted and acked", async () => {
    const { app, work, clock, soon } = stage();
    let aborted = false;
    const actor = app.actor({ name: "a" }, async ({ signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 24_000));
    });
    await app.send(actor, {});
    const worker = await work();
    expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1, rejected: 0 });
    expect(aborted).toBe(false);
  });

  test("messages that wait for a slot are handed back and never start", async () => {
    const { app, work, clock, soon, stats } = stage();
    let started = 0;
    const actor = app.actor({ name: "a" }, async () => {
      started += 1;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1000));
    });
    for (let i = 0; i < 10; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 2, prefetch: 5 });
    expect(await soon(worker.stop())).toMatchObject({ processed: 2, acked: 2 });
    expect(started).toBe(2);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 8, inFlight: 0 });
  });

  test("a handler that never ends is abandoned, counted, and its message goes back", async () => {
    const { app, work, clock, soon, stats, logs } = stage();
    const actor = app.actor({ name: "a" }, () => never);
    await app.send(actor, {});
    const worker = await work({ shutdownTimeout: "5s", cancelTimeout: "2s" });
    const before = clock.monotonic();
    const counts = await soon(worker.stop());
    expect(counts).toMatchObject({ processed: 0, rejected: 1, abandoned: 1 });
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(7000);
    expect(clock.monotonic() - before).toBeLessThan(9000);
    expect(logs.of("handler.abandoned").length).toBe(1);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 1, inFlight: 0 });
  });

  test("nothing starts after the worker has stopped", async () => {
    const { app, work, clock, soon } = stage();
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    await app.connect();
    const worker = await work();
    await soon(worker.stop());
    await app.send(actor, {});
    await clock.advance("10m");
    expect(ran).toBe(0);
  });
});
