import assert from "node:assert/strict";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered } from "../schema.ts";

export const unrouted: readonly AppCase[] = [
  appCase(
    "unrouted: dead-lettered after 10 deliveries, others go on, nothing of it counts",
    ["deadLetter", "reject"],
    async (world) => {
      const app = await world.app();
      let runs = 0;
      const actor = app.actor({ name: "known", channel: world.channel, payload: numbered }, () => {
        runs += 1;
      });
      const lost = await app.publishJson(world.channel, { n: 0 }, { headers: { topic: "nobody" } });
      await app.sendMany(
        actor,
        Array.from({ length: 20 }, (_, n) => ({ n })),
      );
      const summary = await world.runUntil(
        app,
        "the dead letter and 20 runs",
        async () => runs === 20 && (await world.dead(app).count()) === 1,
        { unrouted: { delay: 10, maxDelay: 20 } },
      );
      assert.equal(summary.processed, 20);
      const entry = await world.onlyDead(app);
      assert.equal(entry.id, lost.id);
      assert.equal(entry.reason.code, "unrouted");
      assert.equal(entry.reason.deliveries, 10);
      await world.isEmpty();
    },
  ),

  appCase("unrouted: the count is in the message, not in the worker", ["deadLetter", "reject"], async (world) => {
    const apps = [await world.app(), await world.app(), await world.app()];
    const [first] = apps;
    assert.ok(first !== undefined);
    for (const app of apps) app.actor({ name: "known", channel: world.channel }, () => {});
    await first.publishJson(world.channel, {}, { headers: { topic: "nobody" } });
    const options = { unrouted: { attempts: 4, delay: 300, maxDelay: 300 } };
    // Each worker sees it once or twice; none of them alone would reach four.
    for (const app of apps.slice(0, 2)) {
      const work = world.start(app, options);
      await world.world.pass(400);
      await work.stop();
    }
    const last = apps[2] ?? first;
    await world.runUntil(last, "the dead letter", async () => (await world.dead(last).count()) === 1, options);
    assert.equal((await world.onlyDead(last)).reason.deliveries, 4);
  }),

  appCase("unrouted: a message without any header goes the same way", ["deadLetter", "reject"], async (world) => {
    const app = await world.app();
    app.actor({ name: "known", channel: world.channel }, () => {});
    await app.publish(world.channel, "?");
    await world.runUntil(app, "the dead letter", async () => (await world.dead(app).count()) === 1, {
      unrouted: { attempts: 3, delay: 10 },
    });
    assert.equal((await world.onlyDead(app)).reason.code, "unrouted");
  }),

  appCase(
    "poison: what is delivered too often is dead-lettered, the handler not called again",
    ["deadLetter", "reject"],
    async (world) => {
      const app = await world.app();
      let runs = 0;
      const actor = app.actor(
        { name: "never", channel: world.channel, payload: numbered, onError: "reject", deliveryLimit: 5 },
        () => {
          runs += 1;
          throw new Error("again");
        },
      );
      await app.send(actor, { n: 1 });
      await world.runUntil(app, "the dead letter", async () => (await world.dead(app).count()) === 1);
      assert.equal(runs, 5);
      assert.equal((await world.onlyDead(app)).reason.code, "poison");
      await world.isEmpty();
    },
  ),

  appCase("poison: the limit is 20 unless said otherwise", ["deadLetter", "reject"], async (world) => {
    const app = await world.app();
    let runs = 0;
    const actor = app.actor({ name: "never", channel: world.channel, payload: numbered, onError: "reject" }, () => {
      runs += 1;
      throw new Error("again");
    });
    await app.send(actor, { n: 1 });
    await world.runUntil(app, "the dead letter", async () => (await world.dead(app).count()) === 1);
    assert.equal(runs, 20);
  }),
];
