import assert from "node:assert/strict";
import { priority as named } from "../../server/priority.ts";
import { textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** The order in which one consumer that takes one at a time gets the backlog. */
async function consume(world: World, count: number): Promise<string[]> {
  const inbox = await world.subscribe({ maxUnsettled: 1, onDelivery: (delivery) => world.finish(delivery) });
  return textsOf(await inbox.take(count));
}

export const priority: readonly ServerCase[] = [
  serverCase("priority: higher comes sooner", ["priority"], async (world) => {
    for (const level of ["low", "critical", "normal", "high"] as const) {
      await world.send(level, { priority: named[level] ?? 10 });
    }
    assert.deepEqual(await consume(world, 4), ["critical", "high", "normal", "low"]);
  }),

  serverCase("priority: without one a message is normal", ["priority"], async (world) => {
    await world.send("low", { priority: named.low });
    await world.send("none");
    await world.send("high", { priority: named.high });
    assert.deepEqual(await consume(world, 3), ["high", "none", "low"]);
  }),

  serverCase("priority: the whole range is accepted", ["priority"], async (world) => {
    await world.send("0", { priority: 0 });
    await world.send("100", { priority: 100 });
    assert.deepEqual(await consume(world, 2), ["100", "0"]);
  }),

  serverCase("priority: within one, the order of sending", ["priority", "ordering"], async (world) => {
    for (let i = 0; i < 30; i += 1)
      await world.send(`${i % 2 === 0 ? "h" : "l"}${i}`, { priority: i % 2 === 0 ? 50 : 1 });
    const even = Array.from({ length: 15 }, (_, i) => `h${i * 2}`);
    const odd = Array.from({ length: 15 }, (_, i) => `l${i * 2 + 1}`);
    assert.deepEqual(await consume(world, 30), [...even, ...odd]);
  }),

  serverCase("priority: a late urgent message overtakes the backlog", ["priority"], async (world) => {
    for (let i = 0; i < 20; i += 1) await world.send(`${i}`, { priority: named.low });
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    const first = await inbox.next();
    await world.send("urgent", { priority: named.critical });
    await world.settle(first);
    const next = [];
    for (let i = 0; i < 2; i += 1) {
      const delivery = await inbox.next();
      next.push(delivery);
      await world.settle(delivery);
    }
    // One more may have been on its way already.
    assert.ok(textsOf(next).includes("urgent"), `got ${textsOf(next)}`);
  }),

  serverCase("priority: it is kept when a message comes back", ["priority", "reject"], async (world) => {
    await world.send("high", { priority: named.high });
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    const first = await inbox.next();
    await world.send("normal");
    await inbox.subscription.drain();
    await world.settle(first, "reject");
    await inbox.subscription.close();
    assert.deepEqual(await consume(world, 2), ["high", "normal"]);
  }),
];
