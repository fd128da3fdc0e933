import assert from "node:assert/strict";
import type { Delivery } from "../../server/delivery.ts";
import { numbered, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

interface Tally {
  readonly seen: Map<string, number>;
  onDelivery(delivery: Delivery): void;
}

/** Settles everything a little later and counts how often each payload came. */
function tally(world: World): Tally {
  const seen = new Map<string, number>();
  return {
    seen,
    onDelivery: (delivery) => {
      const text = textOf(delivery);
      seen.set(text, (seen.get(text) ?? 0) + 1);
      setImmediate(() => world.finish(delivery));
    },
  };
}

async function allOnce(world: World, { seen }: Tally, count: number): Promise<void> {
  await world.until(
    () => `${count} messages (${seen.size} came)`,
    () => seen.size >= count,
    90_000,
  );
  await world.pass(world.timeouts.quiet);
  const repeated = [...seen].filter(([, times]) => times > 1);
  assert.deepEqual(repeated, [], "each message comes once");
  assert.equal(seen.size, count);
}

export const load: readonly ServerCase[] = [
  serverCase(
    "load: 3000 messages sent one by one arrive once each",
    [],
    async (world) => {
      const counting = tally(world);
      await world.subscribe({ maxUnsettled: 100, onDelivery: counting.onDelivery });
      await world.sendAll(numbered(3000));
      await allOnce(world, counting, 3000);
    },
    { timeout: 120_000 },
  ),

  serverCase(
    "load: a backlog of 3000 arrives once each at two subscribers",
    [],
    async (world) => {
      const server = await world.server();
      const channel = await world.channel();
      await Promise.all(numbered(3000).map(async (one) => server.publish(channel, one)));
      const counting = tally(world);
      await world.subscribe({ maxUnsettled: 50, onDelivery: counting.onDelivery });
      await world.subscribe({ server: await world.open(), maxUnsettled: 50, onDelivery: counting.onDelivery });
      await allOnce(world, counting, 3000);
    },
    { timeout: 120_000 },
  ),

  serverCase(
    "load: eight publishers at once on two connections",
    [],
    async (world) => {
      const counting = tally(world);
      await world.subscribe({ maxUnsettled: 100, onDelivery: counting.onDelivery });
      const channel = await world.channel();
      const servers = [await world.server(), await world.open()];
      const publisher = async (number: number): Promise<void> => {
        const server = servers[number % 2] ?? (await world.server());
        for (const one of numbered(100, `${number}/`)) await server.publish(channel, one);
      };
      await Promise.all(Array.from({ length: 8 }, (_, number) => publisher(number)));
      await allOnce(world, counting, 800);
    },
    { timeout: 120_000 },
  ),

  serverCase(
    "load: 200 channels in one subscription",
    [],
    async (world) => {
      const channels = await Promise.all(Array.from({ length: 200 }, (_, index) => world.channel(`n${index}`)));
      const counting = tally(world);
      await world.subscribe({ maxUnsettled: 20, onDelivery: counting.onDelivery }, ...channels);
      const server = await world.server();
      const publishing = channels.map(async (channel) => {
        for (const one of numbered(2, `${channel}/`)) await server.publish(channel, one);
      });
      await Promise.all(publishing);
      await allOnce(world, counting, 400);
    },
    { timeout: 120_000 },
  ),
];
