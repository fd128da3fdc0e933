import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../internal/clock.ts";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered } from "../schema.ts";

export const stopping: readonly AppCase[] = [
  appCase("stop: forced, the message goes to a second worker, which finishes it", [], async (world) => {
    const [first, second] = [await world.app(), await world.app()];
    const seen: string[] = [];
    let finished = 0;
    let aborted = false;
    const long = first.actor(
      { name: "long", channel: world.channel, payload: numbered },
      async ({ message, signal }) => {
        seen.push(message.id);
        await sleep(systemClock, 60_000, signal);
        aborted = signal.aborted;
        signal.throwIfAborted();
        finished += 1;
      },
    );
    second.actor({ name: "long", channel: world.channel, payload: numbered }, ({ message }) => {
      seen.push(message.id);
      finished += 1;
    });
    const { id } = await first.send(long, { n: 1 });
    const work = world.start(first, { shutdownTimeout: 0 });
    await world.world.until("the first run", () => seen.length === 1);
    const stopped = await work.stop();
    assert.equal(finished, 0);
    assert.equal(aborted, true);
    assert.equal(stopped.acked, 0);
    const { processed, acked } = await world.run(second, { messagesLimit: 1 });
    assert.deepEqual([processed, acked, finished], [1, 1, 1]);
    assert.deepEqual(seen, [id, id]);
    await world.isEmpty();
  }),

  appCase("stop: a forced stop is no attempt", ["retryDelay"], async (world) => {
    const app = await world.app();
    const attempts: number[] = [];
    const long = app.actor(
      { name: "long", channel: world.channel, payload: numbered, retry: { attempts: 2, backoff: 10 } },
      async ({ attempt, signal }) => {
        attempts.push(attempt);
        if (attempts.length === 1) await sleep(systemClock, 60_000, signal);
        signal.throwIfAborted();
      },
    );
    await app.send(long, { n: 1 });
    const work = world.start(app, { shutdownTimeout: 0 });
    await world.world.until("the first run", () => attempts.length === 1);
    await work.stop();
    await world.run(app, { messagesLimit: 1 });
    assert.deepEqual(attempts, [1, 1]);
  }),

  appCase("stop: a handler that ignores its signal cannot hold it up", [], async (world) => {
    const app = await world.app();
    let started = false;
    const release = Promise.withResolvers<void>();
    const stubborn = app.actor({ name: "stubborn", channel: world.channel, payload: numbered }, () => {
      started = true;
      return release.promise;
    });
    await app.send(stubborn, { n: 1 });
    const work = world.start(app, { shutdownTimeout: 100, cancelTimeout: 100 });
    await world.world.until("the run", () => started);
    const start = systemClock.monotonic();
    const { abandoned } = await work.stop();
    const took = systemClock.monotonic() - start;
    release.resolve();
    assert.equal(abandoned, 1);
    assert.ok(took < 3500, `took ${Math.round(took)} ms`);
  }),

  appCase("stop: graceful, what runs is finished and nothing runs twice", [], async (world) => {
    const runs = new Map<number, number>();
    const apps = [await world.app(), await world.app()];
    const actors = apps.map((app) =>
      app.actor({ name: "work", channel: world.channel, payload: numbered }, async ({ payload: { n } }) => {
        await sleep(systemClock, 20);
        runs.set(n, (runs.get(n) ?? 0) + 1);
      }),
    );
    const [first, second] = apps;
    const [actor] = actors;
    assert.ok(first !== undefined && second !== undefined && actor !== undefined);
    await first.sendMany(
      actor,
      Array.from({ length: 200 }, (_, n) => ({ n })),
    );
    const work = world.start(first, { concurrency: 20, prefetch: 20 });
    await world.world.until("some runs", () => runs.size >= 30);
    const { processed } = await work.stop();
    assert.equal(processed, runs.size);
    assert.ok(processed < 200);
    await world.runUntil(second, "all runs", () => runs.size === 200, { concurrency: 50 });
    assert.ok(
      [...runs.values()].every((count) => count === 1),
      "none runs twice",
    );
    await world.isEmpty();
  }),

  appCase("stop: nothing starts any more once it was asked for", [], async (world) => {
    const app = await world.app();
    let started = 0;
    const actor = app.actor({ name: "work", channel: world.channel, payload: numbered }, async () => {
      started += 1;
      await sleep(systemClock, 100);
    });
    await app.sendMany(
      actor,
      Array.from({ length: 50 }, (_, n) => ({ n })),
    );
    const work = world.start(app, { concurrency: 5 });
    await world.world.until("the first runs", () => started >= 5);
    const stopping = work.stop();
    const atStop = started;
    await stopping;
    // What was on its way to a slot in that very moment may still have got it.
    assert.ok(started <= atStop + 5, `${started - atStop} more started`);
  }),
];
