import fc from "fast-check";
import { expect, test } from "vitest";
import { changeSubscription, stage } from "../core/stage.ts";

test("W2: with any concurrency and prefetch a worker that was full takes the next messages", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom("auto", "ackFirst", "alwaysAck"),
      async (concurrency, prefetch, count, confirmation) => {
        const { app, work, clock, soon, stats } = stage();
        let running = 0;
        let most = 0;
        const actor = app.actor({ name: "a", confirmation }, async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
          running -= 1;
        });
        for (let i = 0; i < count; i += 1) await app.send(actor, {});
        const worker = await work({ concurrency, prefetch, messagesLimit: count });
        const { processed } = await soon(worker.finished);
        expect(processed).toBe(count);
        expect(most).toBe(Math.min(concurrency, count));
        expect(await stats()).toMatchObject({ ready: 0, inFlight: 0 });
        await app.close();
      },
    ),
    { numRuns: 40 },
  );
});

test("W2: a subscription that early acks made overfull is not paused and resumed for every message", async () => {
  let pauses = 0;
  const { app, work, clock, soon } = stage({
    wrap: changeSubscription((subscription) => ({
      pause() {
        pauses += 1;
        return subscription.pause();
      },
    })),
  });
  const actor = app.actor({ name: "a", confirmation: "ackFirst" }, async () => {
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
  });
  for (let i = 0; i < 500; i += 1) await app.send(actor, {});
  const worker = await work({ concurrency: 100, prefetch: 20, messagesLimit: 500 });
  expect(await soon(worker.finished)).toMatchObject({ processed: 500 });
  expect(pauses).toBeLessThan(50);
});
