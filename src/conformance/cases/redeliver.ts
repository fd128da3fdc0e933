import assert from "node:assert/strict";
import { suspectAfter } from "../../server/delivery.ts";
import { message, numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** Takes one message and vanishes with it. Returns the id. */
async function vanishWith(world: World, begin: boolean): Promise<string | undefined> {
  const inbox = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
  const delivery = await inbox.next(world.takeover + world.timeouts.arrive);
  if (begin) await delivery.begin?.();
  await world.crash(inbox);
  return delivery.id;
}

export const redeliver: readonly ServerCase[] = [
  serverCase(
    "redeliver: the count starts at 1 and rises with every reject",
    ["reject", "deliveryCount"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send("x");
      for (let count = 1; count <= 5; count += 1) {
        const delivery = await inbox.next();
        assert.equal(delivery.deliveryCount, count);
        await world.settle(delivery, count < 5 ? "reject" : "ack");
      }
    },
  ),

  serverCase("redeliver: the count rises with every retry", ["retryDelay", "deliveryCount"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    for (let count = 1; count <= 3; count += 1) {
      const delivery = await inbox.next();
      assert.equal(delivery.deliveryCount, count);
      await world.settle(delivery, { retryAfter: 10 });
    }
  }),

  serverCase(
    "redeliver: a reject of a message that never started counts at most once",
    ["reject", "deliveryCount"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send("x");
      for (let round = 1; round <= 5; round += 1) {
        const delivery = await inbox.next();
        const count = delivery.deliveryCount ?? 0;
        if (world.target.countsOnlyStarted === true) assert.equal(count, 1, "not started, not counted");
        else assert.ok(count >= 1 && count <= round);
        await world.settle(delivery, "reject", { started: false });
      }
    },
  ),

  serverCase("redeliver: a reject is no lapse", ["reject"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    for (let round = 0; round < 3; round += 1) {
      const delivery = await inbox.next();
      assert.ok((delivery.lapses ?? 0) === 0);
      await world.settle(delivery, "reject");
    }
  }),

  serverCase(
    "redeliver: what a vanished worker held comes to another one, content intact",
    [],
    async (world) => {
      const sent = message("survivor", { headers: { topic: "t", "x-e": "é" } });
      await world.send(sent);
      assert.equal(await vanishWith(world, true), sent.id);
      const heir = await world.subscribe();
      const delivery = await heir.next(world.takeover);
      assert.equal(delivery.id, sent.id);
      assert.equal(textOf(delivery), "survivor");
      assert.deepEqual({ ...delivery.headers }, { ...sent.headers });
      if (delivery.deliveryCount !== undefined) assert.equal(delivery.deliveryCount, 2);
      if (delivery.lapses !== undefined) assert.equal(delivery.lapses, 1);
      await world.settle(delivery);
      await heir.staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short", crash: true },
  ),

  serverCase(
    "redeliver: everything a vanished worker held comes back, once",
    [],
    async (world) => {
      await world.sendAll(numbered(20));
      const victim = await world.subscribe({ server: await world.open(), maxUnsettled: 20 });
      await victim.take(20);
      await world.crash(victim);
      const heir = await world.subscribe();
      const deliveries = await heir.take(20, world.takeover);
      await Promise.all(deliveries.map((delivery) => world.settle(delivery)));
      assert.deepEqual(new Set(textsOf(deliveries)).size, 20);
      await heir.staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short", crash: true },
  ),

  serverCase(
    "redeliver: lapses in a row are counted, and a settle ends the row",
    ["reject"],
    async (world) => {
      await world.send("x");
      const inbox = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
      const first = await inbox.next();
      if (first.lapses === undefined) return world.skip("the server leaves counting lapses to the core");
      assert.equal(first.lapses, 0);
      await world.crash(inbox);
      const second = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
      const lapsed = await second.next(world.takeover);
      assert.equal(lapsed.lapses, 1);
      await world.settle(lapsed, "reject");
      const settled = await second.next();
      assert.equal(settled.lapses, 0);
    },
    { lease: "short", crash: true },
  ),

  serverCase(
    "redeliver: a suspect that was begun is counted, one that was not is not blamed",
    ["deliveryCount"],
    async (world) => {
      await world.send("suspect");
      for (let round = 0; round < suspectAfter; round += 1) await vanishWith(world, true);
      const watcher = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
      const suspect = await watcher.next(world.takeover);
      const counted = suspect.deliveryCount ?? 0;
      if (suspect.begin === undefined) {
        assert.equal(counted, suspectAfter + 1);
        return world.skip("the server counts every delivery at once and offers no begin()");
      }
      assert.equal(suspect.lapses, suspectAfter);
      await world.crash(watcher);
      // Lost again, but its handler never started: neither counted nor one more lapse.
      const next = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
      const innocent = await next.next(world.takeover);
      assert.equal(innocent.deliveryCount, counted);
      assert.equal(innocent.lapses, suspectAfter);
      await innocent.begin?.();
      await world.crash(next);
      const last = await (await world.subscribe()).next(world.takeover);
      assert.equal(last.deliveryCount, counted + 1);
      assert.equal(last.lapses, suspectAfter + 1);
      await world.settle(last);
    },
    { lease: "short", crash: true, timeout: 60_000 },
  ),
];
