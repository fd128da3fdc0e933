import assert from "node:assert/strict";
import { systemClock } from "../../../internal/clock.ts";
import { NonRetryableError } from "../../../server/errors.ts";
import { RetryAfterError } from "../../../server/retry-after.ts";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered } from "../schema.ts";

const name = "flaky";

export const retries: readonly AppCase[] = [
  appCase(
    "retry: it runs again until it succeeds, and the handler sees both counters",
    ["retryDelay"],
    async (world) => {
      const app = await world.app();
      const seen: (readonly [number, number])[] = [];
      const ids = new Set<string>();
      const actor = app.actor(
        { name, channel: world.channel, payload: numbered, retry: { attempts: 5, backoff: 30 } },
        ({ attempt, deliveries, message }) => {
          ids.add(message.id);
          seen.push([attempt, deliveries]);
          if (attempt < 3) throw new Error("not yet");
        },
      );
      await app.send(actor, { n: 1 });
      const summary = await world.run(app, { messagesLimit: 3 });
      assert.deepEqual(seen, [
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
      assert.equal(ids.size, 1);
      assert.deepEqual([summary.retried, summary.acked], [2, 1]);
      await world.isEmpty();
    },
  ),

  appCase(
    "retry: exhausted, it is dead-lettered with the number of attempts",
    ["retryDelay", "deadLetter"],
    async (world) => {
      const app = await world.app();
      let runs = 0;
      const actor = app.actor(
        { name, channel: world.channel, payload: numbered, retry: { attempts: 3, backoff: 20 } },
        () => {
          runs += 1;
          throw new Error(`run ${runs}`);
        },
      );
      await app.send(actor, { n: 1 });
      await world.run(app, { messagesLimit: 3 });
      const { reason } = await world.onlyDead(app);
      assert.deepEqual([runs, reason.code, reason.attempts], [3, "error", 3]);
      assert.equal(reason.error?.message, "run 3");
      assert.ok(reason.firstFailureAt <= reason.lastFailureAt);
      await world.isEmpty();
    },
  ),

  appCase("retry: a reject is a delivery, not an attempt", ["retryDelay", "reject"], async (world) => {
    const app = await world.app();
    const seen: (readonly [number, number])[] = [];
    const actor = app.actor(
      { name, channel: world.channel, payload: numbered, retry: { attempts: 3, backoff: 20 } },
      async ({ attempt, deliveries, message }) => {
        seen.push([attempt, deliveries]);
        if (seen.length === 1) throw new Error("an attempt");
        if (seen.length === 2) await message.retry(10);
      },
    );
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 3 });
    assert.deepEqual(
      seen.map(([, deliveries]) => deliveries),
      [1, 2, 3],
    );
    assert.deepEqual(
      seen.slice(0, 2).map(([attempt]) => attempt),
      [1, 2],
    );
  }),

  appCase("retry: not before the backoff is over", ["retryDelay"], async (world) => {
    const app = await world.app();
    const times: number[] = [];
    const actor = app.actor(
      { name, channel: world.channel, payload: numbered, retry: { attempts: 2, backoff: 400 } },
      () => {
        times.push(systemClock.monotonic());
        if (times.length === 1) throw new Error("again");
      },
    );
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 2 });
    const waited = (times[1] ?? 0) - (times[0] ?? 0);
    // A fixed backoff is spread by a tenth.
    assert.ok(waited >= 350, `waited ${Math.round(waited)} ms`);
  }),

  appCase("retry: RetryAfterError decides the delay", ["retryDelay"], async (world) => {
    const app = await world.app();
    const times: number[] = [];
    const actor = app.actor(
      { name, channel: world.channel, payload: numbered, retry: { attempts: 3, backoff: "1h" } },
      () => {
        times.push(systemClock.monotonic());
        if (times.length === 1) throw new RetryAfterError(300);
      },
    );
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 2 });
    const waited = (times[1] ?? 0) - (times[0] ?? 0);
    assert.ok(waited >= 290 && waited < 300 + world.world.timeouts.late, `waited ${Math.round(waited)} ms`);
  }),

  appCase("retry: NonRetryableError dead-letters at once", ["retryDelay", "deadLetter"], async (world) => {
    const app = await world.app();
    let runs = 0;
    const actor = app.actor({ name, channel: world.channel, payload: numbered, retry: 5 }, () => {
      runs += 1;
      throw new NonRetryableError("pointless");
    });
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 1 });
    assert.equal(runs, 1);
    assert.equal((await world.onlyDead(app)).reason.attempts, 1);
  }),

  appCase("retry: a timeout is a failed attempt", ["retryDelay", "deadLetter"], async (world) => {
    const app = await world.app();
    let runs = 0;
    const actor = app.actor(
      { name, channel: world.channel, payload: numbered, timeout: 60, retry: { attempts: 2, backoff: 20 } },
      ({ signal }) => {
        runs += 1;
        return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      },
    );
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 2 });
    const { reason } = await world.onlyDead(app);
    assert.deepEqual([runs, reason.code, reason.attempts], [2, "timeout", 2]);
  }),
];
