import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../internal/clock.ts";
import { LeaseLostError } from "../../../server/errors.ts";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered } from "../schema.ts";

export const takeover: readonly AppCase[] = [
  appCase(
    "takeover: a handler longer than three leases runs once, the lease is renewed",
    ["lease"],
    async (world) => {
      const runs: string[] = [];
      let done = 0;
      const apps = [await world.app(), await world.app()];
      const actors = apps.map((app, index) =>
        app.actor({ name: "long", channel: world.channel, payload: numbered }, async ({ signal }) => {
          runs.push(`app ${index}`);
          await sleep(systemClock, world.world.leaseDuration * 3.5, signal);
          if (!signal.aborted) done += 1;
        }),
      );
      const [first] = apps;
      const [actor] = actors;
      assert.ok(first !== undefined && actor !== undefined);
      await first.send(actor, { n: 1 });
      const works = apps.map((app) => world.start(app));
      await world.world.until("the end of the run", () => done > 0, 20_000);
      await Promise.all(works.map((work) => work.stop()));
      assert.equal(runs.length, 1, runs.join());
      await world.isEmpty();
    },
    { lease: "short" },
  ),

  appCase(
    "takeover: a message that waits for a slot keeps its lease, too",
    ["lease", "inspect"],
    async (world) => {
      const runs: number[] = [];
      const apps = [await world.app(), await world.app()];
      const [first, second] = apps;
      assert.ok(first !== undefined && second !== undefined);
      const long = first.actor({ name: "long", channel: world.channel, payload: numbered }, async ({ payload }) => {
        await sleep(systemClock, world.world.leaseDuration * 1.5);
        runs.push(payload.n);
      });
      second.actor(
        { name: "long", channel: world.channel, payload: numbered },
        ({ payload }) => void runs.push(payload.n + 100),
      );
      await first.sendMany(long, [{ n: 1 }, { n: 2 }]);
      const work = world.start(first, { concurrency: 1, prefetch: 1 });
      await world.world.until("both to be held", async () => {
        return (await first.inspect(world.channel)).inFlight === 2;
      });
      const other = world.start(second);
      await world.world.until("both runs", () => runs.length >= 2, 20_000);
      await Promise.all([work.stop(), other.stop()]);
      assert.deepEqual(runs, [1, 2]);
    },
    { lease: "short" },
  ),

  appCase(
    "takeover: what a dead worker held is done by another one",
    ["lease"],
    async (world) => {
      const line = await world.line();
      const [victim, heir] = [world.appOnLine(line), await world.app()];
      const started: string[] = [];
      const finished: (readonly [string, number])[] = [];
      const actor = victim.actor({ name: "job", channel: world.channel, payload: numbered }, ({ message }) => {
        started.push(message.id);
        return new Promise(() => {});
      });
      heir.actor({ name: "job", channel: world.channel, payload: numbered }, ({ message, deliveries }) => {
        finished.push([message.id, deliveries]);
      });
      await victim.sendMany(
        actor,
        Array.from({ length: 5 }, (_, n) => ({ n })),
      );
      void world.start(victim);
      await world.world.until("the victim to hold all", () => started.length === 5);
      await line.cut();
      await world.runUntil(heir, "all to be done", () => finished.length >= 5);
      assert.deepEqual(finished.map(([id]) => id).toSorted(), started.toSorted());
      assert.ok(finished.every(([, deliveries]) => deliveries === 2));
      await world.isEmpty();
    },
    { lease: "short" },
  ),

  appCase(
    "takeover: a message that lapses again and again is dead-lettered as poison",
    ["lease", "deadLetter"],
    async (world) => {
      const limit = 3;
      let runs = 0;
      const register = (app: Awaited<ReturnType<typeof world.app>>) =>
        app.actor({ name: "killer", channel: world.channel, payload: numbered, deliveryLimit: limit }, () => {
          runs += 1;
          return new Promise(() => {});
        });
      for (let round = 1; round <= limit; round += 1) {
        const line = await world.line();
        const app = world.appOnLine(line);
        const actor = register(app);
        if (round === 1) await app.send(actor, { n: 1 });
        void world.start(app);
        await world.world.until(`run ${round}`, () => runs === round, world.world.takeover + 5000);
        await line.cut();
      }
      const survivor = await world.app();
      register(survivor);
      await world.runUntil(survivor, "the dead letter", async () => (await world.dead(survivor).count()) === 1);
      assert.equal(runs, limit);
      assert.equal((await world.onlyDead(survivor)).reason.code, "poison");
    },
    { lease: "short", timeout: 60_000 },
  ),

  appCase(
    "takeover: a worker that cannot renew aborts its handlers before long: LeaseLostError",
    ["lease"],
    async (world) => {
      const line = await world.line();
      const victim = world.appOnLine(line);
      let reason: unknown;
      let started = false;
      const actor = victim.actor({ name: "job", channel: world.channel, payload: numbered }, async ({ signal }) => {
        started = true;
        await sleep(systemClock, 60_000, signal);
        reason = signal.reason;
      });
      await victim.send(actor, { n: 1 });
      void world.start(victim);
      await world.world.until("the run", () => started);
      // Its renewals are not refused: they get no answer at all.
      await line.cut();
      await world.world.until("the signal to abort", () => reason !== undefined, world.world.takeover);
      assert.ok(reason instanceof LeaseLostError, String(reason));
    },
    { lease: "short" },
  ),

  appCase(
    "takeover: with keepAlive false the work is bounded by the lease",
    ["lease"],
    async (world) => {
      const [slow, heir] = [await world.app(), await world.app()];
      const log: string[] = [];
      const actor = slow.actor(
        { name: "job", channel: world.channel, payload: numbered, keepAlive: false },
        async ({ signal }) => {
          log.push("slow starts");
          await sleep(systemClock, world.world.leaseDuration * 4, signal);
          log.push(signal.reason instanceof LeaseLostError ? "slow is aborted" : "slow ends");
        },
      );
      heir.actor({ name: "job", channel: world.channel, payload: numbered }, () => void log.push("heir"));
      await slow.send(actor, { n: 1 });
      const works = [world.start(slow, { concurrency: 1, prefetch: 0 })];
      await world.world.until("the slow run", () => log.length === 1);
      works.push(world.start(heir));
      await world.world.until(
        "the heir, and the end of the slow run",
        () => log.length >= 3,
        world.world.takeover + 5000,
      );
      await Promise.all(works.map((work) => work.stop()));
      assert.ok(log.includes("slow is aborted"), log.join());
      assert.equal(log.filter((line) => line === "heir").length, 1, log.join());
      await world.isEmpty();
    },
    { lease: "short" },
  ),
];
