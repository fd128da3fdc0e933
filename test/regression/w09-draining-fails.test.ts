import { expect, test } from "vitest";
import { changeSubscription, never, stage } from "../core/stage.ts";

// A file of its own: where this goes wrong it is a loop without end.
test.each([
  ["rejects", () => Promise.reject(new Error("broken link"))],
  ["never ends", () => never],
])(
  "W9: when draining a subscription %s, what waits is handed back and the stop is prompt",
  async (_, drain) => {
    const { app, work, clock, soon, stats } = stage({ wrap: changeSubscription(() => ({ drain })) });
    let started = 0;
    let received = 0;
    const actor = app.actor({ name: "a" }, async () => {
      started += 1;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1000));
    });
    for (let i = 0; i < 10; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 2, prefetch: 5 });
    received = started;
    const before = clock.monotonic();
    const counts = await soon(worker.stop());
    expect([received, started, counts.processed]).toEqual([2, 2, 2]);
    expect(clock.monotonic() - before).toBeLessThan(6000);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 8, inFlight: 0 });
  },
  3000,
);
