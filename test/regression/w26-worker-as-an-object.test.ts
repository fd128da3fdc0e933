import { createApp, WorkerFatalError } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import { gate, never, replace, stage } from "../core/stage.ts";

describe("W26: connections are counted", () => {
  test("leaving an inner scope leaves the outer one connected", async () => {
    const { app, server } = stage();
    const outer = await app.connect();
    const inner = await app.connect();
    await inner.close();
    expect(server.state).toBe("ready");
    await inner.close();
    expect(server.state).toBe("ready");
    await outer.close();
    expect(server.state).toBe("closed");
  });

  test("a worker leaves alone what it has not opened, and closes what it has", async () => {
    const { app, server, work, soon } = stage();
    app.actor({ name: "a" }, () => {});
    const connection = await app.connect();
    await soon((await work()).stop());
    expect(server.state).toBe("ready");
    await connection.close();
    await soon((await work()).stop());
    expect(server.state).toBe("closed");
  });

  test("the first send connects, once for many at the same time, and close() lets go", async () => {
    let connects = 0;
    const { app, server } = stage({
      wrap: (inner) =>
        replace(inner, {
          connect: async (options) => {
            connects += 1;
            await new Promise((resolve) => setImmediate(resolve));
            await inner.connect(options);
          },
        }),
    });
    const actor = app.actor({ name: "a" }, () => {});
    expect(server.state).toBe("closed");
    await Promise.all([app.send(actor, {}), app.send(actor, {}), app.publish("x", "1"), app.connect()]);
    expect([connects, server.state]).toEqual([1, "ready"]);
    await app.close();
    expect(server.state).toBe("ready");
  });

  test("a connection that another user opened outside of the app stays open", async () => {
    const { app, server } = stage();
    await server.connect();
    const connection = await app.connect();
    await connection.close();
    expect(server.state).toBe("ready");
  });

  test("when one of several servers cannot be reached, none stays connected", async () => {
    const good = inMemory();
    const bad = replace(inMemory(), { connect: () => Promise.reject(new Error("refused")) });
    const app = createApp({ servers: { good, bad }, logger: false });
    await expect(app.connect()).rejects.toThrow("refused");
    expect(good.state).toBe("closed");
  });

  test("a connection taken while the last one is being closed is a working one", async () => {
    const closing = gate();
    let state: "ready" | "closed" = "closed";
    const { app } = stage({
      wrap: (inner) =>
        replace(inner, {
          get state() {
            return state;
          },
          async connect(options) {
            await inner.connect(options);
            state = "ready";
          },
          async disconnect() {
            await closing.opened;
            await inner.disconnect();
            state = "closed";
          },
        }),
    });
    const actor = app.actor({ name: "a" }, () => {});
    const first = await app.connect();
    const closed = first.close();
    await new Promise((resolve) => setImmediate(resolve));
    const second = app.connect();
    closing.open();
    await closed;
    await second;
    await expect(app.send(actor, {})).resolves.toMatchObject({ channel: "default" });
  });
});

describe("W26: a worker that ends in the middle of its start", () => {
  test("leaves no connection, signal handler or subscription when subscribing fails", async () => {
    const { app, server, process } = stage({
      wrap: (inner) => replace(inner, { subscribe: () => Promise.reject(new Error("no such queue")) }),
    });
    app.actor({ name: "a" }, () => {});
    await expect(app.runWorker({ signals: ["SIGTERM"], health: { port: 0 } })).rejects.toThrow("no such queue");
    expect(server.state).toBe("closed");
    expect(process.listening).toBe(0);
  });

  test("stops at once while its server cannot be reached, and says nothing is wrong", async () => {
    const { app, soon, server } = stage({
      wrap: (inner) =>
        replace(inner, {
          connect: (options) =>
            new Promise((_, reject) =>
              options?.signal?.addEventListener("abort", () => reject(options.signal?.reason)),
            ),
        }),
    });
    app.actor({ name: "a" }, () => {});
    const controller = new AbortController();
    const running = app.runWorker({ signals: [], signal: controller.signal });
    controller.abort();
    expect(await soon(running)).toMatchObject({ processed: 0 });
    expect(server.state).toBe("closed");
  });

  test("ends within the grace time when connecting hangs and does not listen to the signal", async () => {
    const { app, soon, clock } = stage({ wrap: (inner) => replace(inner, { connect: () => never }) });
    app.actor({ name: "a" }, () => {});
    const controller = new AbortController();
    const running = app.runWorker({ signals: [], signal: controller.signal });
    await clock.advance(100);
    controller.abort();
    const before = clock.monotonic();
    expect(await soon(running)).toMatchObject({ processed: 0 });
    expect(clock.monotonic() - before).toBeLessThanOrEqual(5000);
  });

  test("lets go of a connection that comes about only after the stop, and receives nothing", async () => {
    const arrived = gate();
    const { app, server, soon, clock } = stage({
      wrap: (inner) =>
        replace(inner, {
          connect: (options) =>
            arrived.opened.then(() => inner.connect({ ...(options?.logger && { logger: options.logger }) })),
        }),
    });
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    const worker = app.createWorker({ signals: [] });
    const started = worker.start();
    started.catch(() => {});
    await clock.advance(100);
    await soon(worker.stop());
    arrived.open();
    await clock.advance(1000);
    expect(server.state).toBe("closed");
    await app.send(actor, {});
    await clock.advance("1m");
    expect(ran).toBe(0);
  });

  test("with a signal that is aborted already it receives nothing, connected or not", async () => {
    for (const connected of [false, true]) {
      const { app, soon, clock } = stage();
      let ran = 0;
      const actor = app.actor({ name: "a" }, () => {
        ran += 1;
      });
      if (connected) await app.connect();
      await app.send(actor, {});
      expect(await soon(app.runWorker({ signals: [], signal: AbortSignal.abort() }))).toMatchObject({ processed: 0 });
      await clock.advance("1m");
      expect([connected, ran]).toEqual([connected, 0]);
      await app.close();
    }
  });
});

describe("W26: a worker that ends", () => {
  test("has closed its connection, its health server and its listeners before it says so", async () => {
    const order: string[] = [];
    const { app, process, soon, clock } = stage({
      wrap: (inner) =>
        replace(inner, {
          async subscribe(options) {
            const subscription = await inner.subscribe(options);
            return replace(subscription, {
              async close() {
                await new Promise<void>((resolve) => void clock.setTimer(resolve, 200));
                await subscription.close();
                order.push("subscription closed");
              },
            });
          },
          async disconnect() {
            await new Promise<void>((resolve) => void clock.setTimer(resolve, 300));
            await inner.disconnect();
            order.push("disconnected");
          },
        }),
    });
    app.actor({ name: "a" }, () => {});
    const worker = app.createWorker({ signals: ["SIGTERM"] });
    await worker.start();
    await clock.advance(10);
    process.emit("SIGTERM");
    await soon(worker.finished);
    order.push("finished");
    expect(order).toEqual(["subscription closed", "disconnected", "finished"]);
    expect(process.listening).toBe(0);
  });
});

describe("W26: a worker in the hand", () => {
  test("start, pause, resume, drain and stop", async () => {
    const { app, work, clock, soon } = stage();
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    const worker = await work();
    await app.send(actor, {});
    await clock.advance(10);
    await worker.pause();
    await app.send(actor, {});
    await clock.advance(1000);
    expect([ran, worker.health().ready, worker.health().reasons]).toEqual([1, false, ["the worker is paused"]]);
    await worker.resume();
    await clock.advance(10);
    expect([ran, worker.health().ready]).toEqual([2, true]);
    await worker.drain();
    await app.send(actor, {});
    await clock.advance(1000);
    expect(ran).toBe(2);
    expect(await soon(worker.stop())).toMatchObject({ processed: 2 });
    expect(await worker.finished).toMatchObject({ processed: 2 });
  });

  test("pausing keeps what runs running and starts nothing that waits", async () => {
    const { app, work, clock, soon } = stage();
    const ran: number[] = [];
    const actor = app.actor({ name: "a" }, async () => {
      ran.push(clock.monotonic());
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 100));
    });
    for (let i = 0; i < 6; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 2, prefetch: 4 });
    await worker.pause();
    await clock.advance(5000);
    expect([ran.length, worker.counts.processed]).toEqual([2, 2]);
    await worker.resume();
    await clock.advance(1000);
    expect(ran.length).toBe(6);
    await soon(worker.stop());
  });

  test("drain resolves when the last handler is done and its outcome confirmed", async () => {
    const { app, work, clock, soon } = stage();
    const held = gate();
    const actor = app.actor({ name: "a" }, () => held.opened);
    await app.send(actor, {});
    const worker = await work();
    let drained = false;
    const draining = worker.drain().then(() => {
      drained = true;
    });
    await clock.advance("1h");
    expect(drained).toBe(false);
    held.open();
    await draining;
    expect(worker.counts.acked).toBe(1);
    await soon(worker.stop());
  });

  test("stop gives every caller the same promise, and a stopped worker cannot start again", async () => {
    const { app, work, soon } = stage();
    app.actor({ name: "a" }, () => {});
    const worker = await work();
    const first = worker.stop();
    expect(worker.stop()).toBe(first);
    await soon(first);
    await expect(worker.start()).rejects.toThrow(WorkerFatalError);
  });

  test("a worker that was paused before it started takes nothing until it is resumed", async () => {
    const { app, clock, soon } = stage();
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    await app.send(actor, {});
    const worker = app.createWorker({ signals: [] });
    await worker.pause();
    await worker.start();
    await clock.advance(1000);
    expect([ran, worker.health().ready]).toEqual([0, false]);
    await worker.resume();
    await clock.advance(1000);
    expect([ran, worker.health().ready]).toEqual([1, true]);
    await soon(worker.stop());
  });

  test("several workers of one app run side by side", async () => {
    const { app, work, soon, clock } = stage();
    const actor = app.actor({ name: "a" }, () => {});
    const workers = [await work(), await work()];
    for (let i = 0; i < 20; i += 1) await app.send(actor, {});
    await clock.advance(1000);
    const counts = await Promise.all(workers.map((worker) => soon(worker.stop())));
    expect(counts.reduce((sum, { processed }) => sum + processed, 0)).toBe(20);
  });
});
