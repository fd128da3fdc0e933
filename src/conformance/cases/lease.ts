import assert from "node:assert/strict";
import type { Delivery } from "../../server/delivery.ts";
import { LeaseLostError } from "../../server/errors.ts";
import { numbered, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

interface Stolen {
  readonly old: Delivery;
  readonly current: Delivery;
}

/** One message whose first owner slept through its lease, so that a second one has it now. */
async function takenOver(world: World): Promise<Stolen> {
  await world.send("x");
  const sleeper = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
  const old = await sleeper.next();
  await sleeper.subscription.drain();
  const heir = await world.subscribe({ maxUnsettled: 1 });
  const current = await heir.next(world.takeover);
  assert.equal(current.id, old.id);
  return { old, current };
}

export const lease: readonly ServerCase[] = [
  serverCase(
    "lease: its duration is the one that was asked for",
    ["lease"],
    async (world) => {
      await world.send("x");
      const delivery = await (await world.subscribe()).next();
      assert.equal(delivery.lease?.duration, world.leaseDuration);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: nobody else gets the message before it ends",
    ["lease"],
    async (world) => {
      await world.send("x");
      const owner = await world.subscribe({ server: await world.open() });
      const delivery = await owner.next();
      const other = await world.subscribe();
      await other.staysQuiet(world.leaseDuration / 2);
      await world.settle(delivery);
      await other.staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: extend keeps a message far beyond its lease",
    ["lease"],
    async (world) => {
      await world.send("x");
      const owner = await world.subscribe({ server: await world.open() });
      const delivery = await owner.next();
      const other = await world.subscribe();
      const end = world.now() + 3.5 * world.leaseDuration;
      while (world.now() < end) {
        await world.pass(world.leaseDuration / 4);
        await delivery.lease?.extend();
      }
      await world.settle(delivery);
      await other.staysQuiet();
      assert.equal(owner.all.length, 1);
      await other.staysQuiet(world.leaseDuration);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: many messages extended in one tick are all kept",
    ["lease"],
    async (world) => {
      await world.sendAll(numbered(100));
      const owner = await world.subscribe({ server: await world.open() });
      const held = await owner.take(100);
      const other = await world.subscribe();
      for (let round = 0; round < 6; round += 1) {
        await world.pass(world.leaseDuration / 3);
        await Promise.all(held.map(async (delivery) => delivery.lease?.extend()));
      }
      await Promise.all(held.map((delivery) => world.settle(delivery)));
      await other.staysQuiet(world.leaseDuration / 2);
      assert.equal(owner.all.length, 100);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: extending a message one by one does not keep its neighbours",
    ["lease"],
    async (world) => {
      await world.sendAll(numbered(2));
      const owner = await world.subscribe({ server: await world.open(), maxUnsettled: 2 });
      const [kept, forgotten] = await owner.take(2);
      assert.ok(kept !== undefined && forgotten !== undefined);
      await owner.subscription.drain();
      const other = await world.subscribe();
      const end = world.now() + world.takeover;
      while (world.now() < end && other.all.length === 0) {
        await world.pass(world.leaseDuration / 4);
        await kept.lease?.extend();
      }
      assert.equal(textOf(await other.next()), textOf(forgotten));
      await world.settle(kept);
      await other.staysQuiet();
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: settling after it was lost is refused: LeaseLostError, and changes nothing",
    ["lease"],
    async (world) => {
      const { old, current } = await takenOver(world);
      await assert.rejects(world.settle(old), LeaseLostError);
      await current.lease?.extend();
      await world.settle(current);
      await (await world.subscribe()).staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: a lost message cannot be dead-lettered or put back by its old owner",
    ["lease", "deadLetter", "reject"],
    async (world) => {
      const { old, current } = await takenOver(world);
      await assert.rejects(world.settle(old, "nack"), LeaseLostError);
      await assert.rejects(world.settle(old, "reject"), LeaseLostError);
      const server = await world.server();
      assert.equal(await server.deadLetters?.(await world.channel()).count(), 0);
      await world.settle(current);
      await (await world.subscribe()).staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: extending after it was lost rejects with LeaseLostError and steals nothing",
    ["lease"],
    async (world) => {
      const { old, current } = await takenOver(world);
      await assert.rejects(async () => old.lease?.extend(), LeaseLostError);
      await current.lease?.extend();
      await world.settle(current);
      await (await world.subscribe()).staysQuiet(world.leaseDuration + world.timeouts.quiet);
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: a lost message frees its place in the subscription",
    ["lease"],
    async (world) => {
      await world.send("x");
      const sleeper = await world.subscribe({ maxUnsettled: 1 });
      await sleeper.next();
      // Nobody renews: the message lapses, and the subscription that slept gets it again itself.
      const again = await sleeper.next(world.takeover);
      await world.settle(again);
      await world.send("next");
      assert.equal(textOf(await sleeper.next()), "next");
    },
    { lease: "short" },
  ),

  serverCase(
    "lease: a paused or drained subscription keeps what it holds by extending",
    ["lease"],
    async (world) => {
      await world.send("x");
      const owner = await world.subscribe({ server: await world.open() });
      const delivery = await owner.next();
      await owner.subscription.drain();
      const other = await world.subscribe();
      for (let round = 0; round < 6; round += 1) {
        await world.pass(world.leaseDuration / 3);
        await delivery.lease?.extend();
      }
      await world.settle(delivery);
      await other.staysQuiet();
    },
    { lease: "short" },
  ),
];
