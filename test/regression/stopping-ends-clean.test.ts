import { createApp, LeaseLostError } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import { sleep } from "../../src/internal/clock.ts";
import { createVirtualClock } from "../../src/internal/virtual-clock.ts";
import { changeDeliveries, Logs, replace, type Stage, stage } from "../core/stage.ts";

/** Every settlement takes 200 ms and ends with a lost lease. */
function losing(): Stage {
  const made: Stage = stage({
    wrap: changeDeliveries(() => ({
      settle: async () => {
        await sleep(made.clock, 200);
        throw new LeaseLostError();
      },
    })),
  });
  return made;
}

describe("the last settlement ends as lost", () => {
  test("drain() ends with it", async () => {
    const { app, work, clock, soon } = losing();
    const actor = app.actor({ name: "a" }, () => {});
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(50);
    let drained = false;
    const draining = worker.drain().then(() => {
      drained = true;
    });
    await clock.advance(100);
    expect(drained).toBe(false);
    await clock.advance(100);
    expect(drained).toBe(true);
    await draining;
    await soon(worker.stop());
  });

  test("stop() ends with it and does not wait for its shutdownTimeout", async () => {
    const { app, work, clock, logs } = losing();
    const actor = app.actor({ name: "a" }, () => {});
    await app.send(actor, {});
    const worker = await work({ shutdownTimeout: "5s" });
    await clock.advance(50);
    let over = false;
    const stopping = worker.stop().then(() => {
      over = true;
    });
    await clock.advance(300);
    expect(over).toBe(true);
    await stopping;
    expect(logs.of("worker.drain.timeout")).toEqual([]);
  });
});

describe("a complete stop", () => {
  test("leaves no timer of the stall watch behind", async () => {
    const { app, work, clock, soon } = stage();
    app.actor({ name: "a" }, () => {});
    const worker = await work({ stallTimeout: "20s" });
    await clock.advance("11s");
    await soon(worker.stop());
    await app.close();
    expect(clock.nextTimerAt).toBeUndefined();
  });
});

describe("a start that fails", () => {
  test("starts nothing any more of what the other server has delivered already", async () => {
    const clock = createVirtualClock();
    const logs = new Logs();
    const a = inMemory({ clock });
    const b = replace(inMemory({ clock }), {
      subscribe: async () => {
        await sleep(clock, 50);
        throw new Error("no such channel");
      },
    });
    const app = createApp({ servers: { a, b }, defaultServer: "a", logger: logs, runtime: { clock } });
    const started: number[] = [];
    const actor = app.actor({ name: "x" }, async () => {
      started.push(clock.monotonic());
      await sleep(clock, 700);
    });
    const connection = await app.connect("a");
    await app.sendMany(actor, [{}, {}, {}, {}, {}]);
    const options = { servers: ["a", "b"], concurrency: 1, prefetch: 4, signals: [] } as const;
    const worker = app.createWorker(options);
    let failed: unknown;
    const starting = worker.start().catch((error: unknown) => {
      failed = error;
    });
    for (let step = 0; step < 1000; step += 1) await clock.advance(10);
    await starting;
    expect(failed).toMatchObject({ message: "no such channel" });
    expect(started).toEqual([0]);
    expect(worker.health().consumers).toMatchObject([{ running: 0, waiting: 0 }, {}]);
    // The first one ran and is settled or back; the others were never started.
    const { ready, inFlight, dead } = await a.inspect("default");
    expect({ inFlight, dead }).toEqual({ inFlight: 0, dead: 0 });
    expect(ready).toBeGreaterThanOrEqual(4);
    await connection.close();
  });
});

describe("a subscribe that completes after the stop", () => {
  test("is closed and swallows no messages", async () => {
    let open = 0;
    const made: Stage = stage({
      wrap: (server) =>
        replace(server, {
          subscribe: async (options) => {
            await sleep(made.clock, 5000);
            const subscription = await server.subscribe(options);
            open += 1;
            return replace(subscription, {
              close: () => {
                open -= 1;
                return subscription.close();
              },
            });
          },
        }),
    });
    const { app, clock, soon, stats } = made;
    let runs = 0;
    const actor = app.actor({ name: "a" }, () => {
      runs += 1;
    });
    const connection = await app.connect();
    const worker = app.createWorker({ signals: [], shutdownTimeout: 100 });
    const starting = worker.start();
    await clock.advance(100);
    await soon(worker.stop());
    await clock.advance("6s");
    await starting;
    await app.sendMany(actor, [{}, {}, {}]);
    await clock.advance("1s");
    expect(open).toBe(0);
    expect(runs).toBe(0);
    expect(await stats()).toMatchObject({ ready: 3, inFlight: 0 });
    await connection.close();
  });
});
