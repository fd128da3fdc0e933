import { describe, expect, test } from "vitest";
import { stage } from "../core/stage.ts";

describe("W4: messagesLimit", () => {
  test("of 5 with 100 queued and concurrency 1000 processes exactly 5 and leaves 95", async () => {
    const { app, work, soon, stats, clock } = stage();
    let ran = 0;
    const actor = app.actor({ name: "a" }, async () => {
      ran += 1;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
    });
    for (let i = 0; i < 100; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 1000, messagesLimit: 5 });
    expect(await soon(worker.finished)).toMatchObject({ processed: 5, acked: 5 });
    expect(ran).toBe(5);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 95, inFlight: 0, dead: 0 });
  });

  test("hands the rest back as if it had never been delivered", async () => {
    const { app, work, soon, clock } = stage();
    const deliveries: number[] = [];
    const actor = app.actor({ name: "a" }, (context) => void deliveries.push(context.deliveries));
    for (let i = 0; i < 20; i += 1) await app.send(actor, {});
    for (let round = 0; round < 4; round += 1) {
      const worker = await work({ concurrency: 100, messagesLimit: 5 });
      await soon(worker.finished);
    }
    await clock.advance("1m");
    expect(deliveries).toEqual(new Array(20).fill(1));
  });

  test("counts every retry, and neither unrouted messages nor poison", async () => {
    const { app, work, soon } = stage();
    const runs: number[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 10, backoff: 10 } }, ({ attempt }) => {
      runs.push(attempt);
      throw new Error("again");
    });
    await app.publish("default", "{}", { headers: { topic: "nobody" } });
    await app.send(actor, {});
    const worker = await work({ messagesLimit: 4 });
    expect(await soon(worker.finished)).toMatchObject({ processed: 4 });
    expect(runs).toEqual([1, 2, 3, 4]);
  });

  test("counts messages that dead-letter, and those of all servers and channels together", async () => {
    const { app, work, soon, stats } = stage();
    const bad = app.actor({ name: "bad", channel: "one" }, () => {
      throw new Error("bad");
    });
    const good = app.actor({ name: "good", channel: "two" }, () => {});
    for (let i = 0; i < 10; i += 1) {
      await app.send(bad, {});
      await app.send(good, {});
    }
    const worker = await work({ messagesLimit: 7 });
    const { processed, acked, nacked } = await soon(worker.finished);
    expect([processed, acked + nacked]).toEqual([7, 7]);
    const left = (await stats("one")).ready + (await stats("two")).ready;
    expect(left).toBe(13);
  });
});
