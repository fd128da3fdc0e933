import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../internal/clock.ts";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered, schema } from "../schema.ts";

interface Floats {
  readonly a: number;
  readonly b: number;
}

const floats = schema("expected { a, b }", (value): value is Floats => {
  const { a, b } = (value ?? {}) as Partial<Floats>;
  return typeof a === "number" && typeof b === "number";
});

export const working: readonly AppCase[] = [
  appCase("app: an empty payload runs an actor without arguments", [], async (world) => {
    const app = await world.directApp();
    let runs = 0;
    app.actor({ name: "noop", channel: world.channel }, () => {
      runs += 1;
    });
    await app.publish(world.channel, new Uint8Array(0), { headers: { topic: "noop" } });
    const start = systemClock.monotonic();
    const summary = await world.run(app, { messagesLimit: 1, concurrency: 1 });
    assert.ok(systemClock.monotonic() - start < 5000);
    assert.equal(runs, 1);
    assert.equal(summary.processed, 1);
    assert.equal(summary.acked, 1);
    await world.isEmpty();
  }),

  appCase("app: two floats arrive as they were sent", [], async (world) => {
    const app = await world.directApp();
    const received: Floats[] = [];
    const actor = app.actor({ name: "add", channel: world.channel, payload: floats }, ({ payload }) => {
      received.push(payload);
    });
    await app.send(actor, { a: 1.1, b: -2.5e-7 });
    await world.run(app, { messagesLimit: 1 });
    assert.deepEqual(received, [{ a: 1.1, b: -2.5e-7 }]);
  }),

  appCase("app: the handler sees id, channel, headers, counters and reply address", [], async (world) => {
    const app = await world.directApp();
    const seen: unknown[] = [];
    const actor = app.actor(
      { name: "look", channel: world.channel, payload: numbered },
      ({ message, headers, attempt, deliveries }) => {
        seen.push([message.id, message.channel, message.server, headers["x-trace"], attempt, deliveries]);
        assert.ok(!("millrace" in message.headers), "bookkeeping is not for handlers");
      },
    );
    const sent = await app.send(actor, { n: 1 }, { headers: { "x-trace": "é7" } });
    await world.run(app, { messagesLimit: 1 });
    assert.deepEqual(seen, [[sent.id, world.channel, "main", "é7", 1, 1]]);
    assert.deepEqual([sent.server, sent.channel], ["main", world.channel]);
  }),

  appCase(
    "app: 3000 messages sent one by one all run, each once",
    [],
    async (world) => {
      const app = await world.directApp();
      const runs = new Map<number, number>();
      const actor = app.actor({ name: "count", channel: world.channel, payload: numbered }, ({ payload: { n } }) => {
        runs.set(n, (runs.get(n) ?? 0) + 1);
      });
      for (let n = 0; n < 3000; n += 1) await app.send(actor, { n });
      const { processed } = await world.run(app, { messagesLimit: 3000, concurrency: 100 });
      assert.equal(processed, 3000);
      assert.equal(runs.size, 3000);
      assert.ok([...runs.values()].every((count) => count === 1));
      await world.isEmpty();
    },
    { timeout: 120_000 },
  ),

  appCase("app: sendMany sends all, in order where the server keeps it", [], async (world) => {
    const app = await world.directApp();
    const seen: number[] = [];
    const actor = app.actor({ name: "many", channel: world.channel, payload: numbered }, ({ payload }) => {
      seen.push(payload.n);
    });
    const sent = await app.sendMany(
      actor,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    );
    assert.equal(sent.length, 100);
    await world.run(app, { messagesLimit: 100, concurrency: 1, prefetch: 1 });
    const expected = Array.from({ length: 100 }, (_, n) => n);
    if (world.world.supports("ordering")) assert.deepEqual(seen, expected);
    else
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        expected,
      );
  }),

  appCase("app: 30 actors, 10 at a time: the slots are used, and never exceeded", [], async (world) => {
    const app = await world.directApp();
    let running = 0;
    let most = 0;
    const done = new Set<string>();
    const actors = Array.from({ length: 30 }, (_, index) =>
      app.actor({ name: `sleeper-${index}`, channel: world.channel }, async ({ message }) => {
        running += 1;
        most = Math.max(most, running);
        await sleep(systemClock, 200);
        running -= 1;
        done.add(message.id);
      }),
    );
    for (const actor of actors) await app.send(actor, {});
    const start = systemClock.monotonic();
    await world.run(app, { messagesLimit: 30, concurrency: 10 });
    const took = systemClock.monotonic() - start;
    assert.equal(done.size, 30);
    assert.equal(most, 10);
    // Three rounds of 200 ms; ten times that would be one after the other.
    assert.ok(took < 3000, `took ${Math.round(took)} ms`);
  }),

  appCase("app: messagesLimit is exact, whatever the concurrency", [], async (world) => {
    const app = await world.app();
    let runs = 0;
    const actor = app.actor({ name: "count", channel: world.channel, payload: numbered }, async () => {
      runs += 1;
      await sleep(systemClock, 1);
    });
    await app.sendMany(
      actor,
      Array.from({ length: 50 }, (_, n) => ({ n })),
    );
    const first = await world.run(app, { messagesLimit: 20, concurrency: 1000 });
    assert.deepEqual([first.processed, runs], [20, 20]);
    const second = await world.run(app, { messagesLimit: 30, concurrency: 1000 });
    assert.deepEqual([second.processed, runs], [30, 50]);
    await world.isEmpty();
  }),

  appCase("app: an actor of another channel gets nothing", [], async (world) => {
    const app = await world.directApp();
    const other = await world.world.channel("other");
    const seen: string[] = [];
    const here = app.actor({ name: "same", channel: world.channel }, ({ message }) => void seen.push(message.channel));
    app.actor(
      { name: "same-name-elsewhere", topic: "same", channel: other },
      ({ message }) => void seen.push(message.channel),
    );
    await app.send(here, {});
    await world.runUntil(app, "one run", () => seen.length > 0);
    assert.deepEqual(seen, [world.channel]);
  }),

  appCase("app: it connects again after it was left, and connecting twice is one connection", [], async (world) => {
    const app = await world.directApp();
    const seen: number[] = [];
    const actor = app.actor(
      { name: "n", channel: world.channel, payload: numbered },
      ({ payload }) => void seen.push(payload.n),
    );
    const outer = await app.connect();
    const inner = await app.connect();
    await inner.close();
    await app.send(actor, { n: 1 });
    await outer.close();
    const again = await app.connect();
    await app.send(actor, { n: 2 });
    await world.run(app, { messagesLimit: 2, concurrency: 1 });
    await again.close();
    assert.deepEqual(seen.toSorted(), [1, 2]);
  }),

  appCase("app: an actor may send to another one, and that to a third", [], async (world) => {
    const app = await world.directApp();
    const { channel } = world;
    const seen: string[] = [];
    const third = app.actor(
      { name: "third", channel, payload: numbered },
      ({ payload }) => void seen.push(`third ${payload.n}`),
    );
    const second = app.actor({ name: "second", channel, payload: numbered }, async ({ payload, send }) => {
      seen.push(`second ${payload.n}`);
      await send(third, { n: payload.n + 1 });
    });
    const first = app.actor({ name: "first", channel, payload: numbered }, async ({ payload, send }) => {
      seen.push(`first ${payload.n}`);
      await send(second, { n: payload.n + 1 });
    });
    await app.send(first, { n: 1 });
    await world.run(app, { messagesLimit: 3 });
    assert.deepEqual(seen, ["first 1", "second 2", "third 3"]);
  }),

  appCase("app: two workers share a channel, each message runs once", [], async (world) => {
    const runs = new Map<number, number>();
    const perApp = [0, 0];
    const apps = [await world.app(), await world.app()];
    const actors = apps.map((app, index) =>
      app.actor({ name: "share", channel: world.channel, payload: numbered }, async ({ payload: { n } }) => {
        runs.set(n, (runs.get(n) ?? 0) + 1);
        perApp[index] = (perApp[index] ?? 0) + 1;
        await sleep(systemClock, 20);
      }),
    );
    const [app] = apps;
    const [actor] = actors;
    assert.ok(app !== undefined && actor !== undefined);
    // More than one of them can do before the other one looks.
    await app.sendMany(
      actor,
      Array.from({ length: 200 }, (_, n) => ({ n })),
    );
    const works = apps.map((one) => world.start(one, { concurrency: 4, prefetch: 1 }));
    await world.world.until(
      () => `200 runs (${runs.size})`,
      () => runs.size === 200,
      20_000,
    );
    await Promise.all(works.map((work) => work.stop()));
    assert.ok([...runs.values()].every((count) => count === 1));
    assert.ok(
      perApp.every((count) => count > 0),
      `shared as ${perApp}`,
    );
    await world.isEmpty();
  }),

  appCase("app: a paused worker starts nothing, and goes on when resumed", ["pause"], async (world) => {
    const app = await world.app();
    let runs = 0;
    const actor = app.actor({ name: "count", channel: world.channel, payload: numbered }, () => {
      runs += 1;
    });
    const worker = app.createWorker({ concurrency: 5, signals: [] });
    await worker.start();
    await worker.pause();
    await app.sendMany(
      actor,
      Array.from({ length: 20 }, (_, n) => ({ n })),
    );
    await world.world.pass(300);
    assert.equal(runs, 0);
    await worker.resume();
    await world.world.until("20 runs", () => runs === 20);
    const { processed } = await worker.stop();
    assert.equal(processed, 20);
  }),
];
