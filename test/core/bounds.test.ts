import { defineDependency } from "millrace";
import { describe, expect, test } from "vitest";
import { changeSubscription, never, replace, stage } from "./stage.ts";

describe("G9: what a worker holds is bounded", () => {
  for (const confirmation of ["auto", "ackFirst", "alwaysAck"] as const) {
    test.each([
      [1, 0],
      [1, 1],
      [5, 2],
      [20, 5],
    ])(`in mode ${confirmation} with concurrency %s and prefetch %s`, async (concurrency, prefetch) => {
      const { app, work, clock, soon } = stage();
      const actor = app.actor({ name: "a", confirmation }, async () => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      });
      for (let i = 0; i < 300; i += 1) await app.send(actor, {});
      const worker = await work({ concurrency, prefetch });
      let most = 0;
      for (let step = 0; step < 50; step += 1) {
        const { running = 0, waiting = 0, held = 0 } = worker.health().consumers[0] ?? {};
        most = Math.max(most, running + waiting, held);
        await clock.advance(5);
      }
      expect(most).toBeLessThanOrEqual(concurrency + prefetch);
      await soon(worker.stop());
    });
  }

  test("also when handlers ack early", async () => {
    const { app, work, clock, soon } = stage();
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      await message.ack();
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
    });
    for (let i = 0; i < 300; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 8, prefetch: 4 });
    for (let step = 0; step < 50; step += 1) {
      const { running = 0, waiting = 0 } = worker.health().consumers[0] ?? {};
      expect(running + waiting).toBeLessThanOrEqual(12);
      await clock.advance(5);
    }
    await soon(worker.stop());
  });
});

describe("G10: a stop is bounded", () => {
  test.each([
    ["handlers that never end", {}],
    ["and a subscription that does not close", { close: () => never }],
    ["and a drain that does not end", { drain: () => never, close: () => never }],
  ])("with %s", async (_, members) => {
    const { app, work, clock, soon } = stage({ wrap: changeSubscription(() => members) });
    const actor = app.actor({ name: "a" }, () => never);
    for (let i = 0; i < 5; i += 1) await app.send(actor, {});
    const worker = await work({ shutdownTimeout: "10s" });
    const before = clock.monotonic();
    expect(await soon(worker.stop())).toMatchObject({ processed: 0, abandoned: 5 });
    expect(clock.monotonic() - before).toBeLessThanOrEqual(13_100);
  });

  test("with a disconnect that hangs", async () => {
    const { app, work, clock, soon } = stage({ wrap: (inner) => replace(inner, { disconnect: () => never }) });
    app.actor({ name: "a" }, () => {});
    const worker = await work();
    const before = clock.monotonic();
    await soon(worker.stop());
    expect(clock.monotonic() - before).toBeLessThanOrEqual(3000);
  });

  test("with the disposal of a dependency that hangs", async () => {
    const { app, work, clock, soon } = stage();
    const pool = defineDependency({ scope: "app", resolve: () => 1, dispose: () => never });
    const actor = app.actor({ name: "a", deps: { pool } }, () => {});
    await app.send(actor, {});
    const worker = await work();
    const before = clock.monotonic();
    await soon(worker.stop());
    expect(clock.monotonic() - before).toBeLessThanOrEqual(3000);
  });
});
