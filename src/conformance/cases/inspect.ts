import assert from "node:assert/strict";
import type { ChannelStats } from "../../server/server.ts";
import { numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

type Counts = Pick<ChannelStats, "ready" | "inFlight" | "delayed" | "dead">;

async function stats(world: World): Promise<ChannelStats> {
  const found = await (await world.server()).inspect?.(await world.channel());
  assert.ok(found !== undefined);
  return found;
}

async function counts(world: World): Promise<Counts> {
  const { ready, inFlight, delayed, dead } = await stats(world);
  return { ready, inFlight, delayed, dead };
}

const none: Counts = { ready: 0, inFlight: 0, delayed: 0, dead: 0 };

async function purge(world: World): Promise<number | undefined> {
  return (await world.server()).purge?.(await world.channel());
}

export const inspect: readonly ServerCase[] = [
  serverCase("inspect: a channel that nobody used is empty", ["inspect"], async (world) => {
    assert.deepEqual(await counts(world), none);
    assert.equal((await stats(world)).oldestAge, undefined);
  }),

  serverCase("inspect: ready and in flight are counted apart", ["inspect"], async (world) => {
    await world.sendAll(numbered(5));
    assert.deepEqual(await counts(world), { ...none, ready: 5 });
    const inbox = await world.subscribe({ maxUnsettled: 2 });
    const held = await inbox.take(2);
    assert.deepEqual(await counts(world), { ...none, ready: 3, inFlight: 2 });
    await inbox.subscription.drain();
    await Promise.all(held.map((delivery) => world.settle(delivery)));
    assert.deepEqual(await counts(world), { ...none, ready: 3 });
  }),

  serverCase("inspect: delayed messages are counted apart until their time", ["inspect", "delay"], async (world) => {
    await world.send("x", { delay: 400 });
    assert.deepEqual(await counts(world), { ...none, delayed: 1 });
    assert.equal((await stats(world)).oldestAge, undefined, "a delayed message is not ready");
    await world.until("the delay to be over", async () => (await counts(world)).ready === 1);
    assert.deepEqual(await counts(world), { ...none, ready: 1 });
  }),

  serverCase("inspect: a message that waits for its retry is delayed", ["inspect", "retryDelay"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next(), { retryAfter: 30_000 });
    assert.deepEqual(await counts(world), { ...none, delayed: 1 });
  }),

  serverCase("inspect: dead letters are counted", ["inspect", "deadLetter"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next(), "nack");
    assert.deepEqual(await counts(world), { ...none, dead: 1 });
  }),

  serverCase("inspect: oldestAge is the age of the oldest ready message", ["inspect"], async (world) => {
    await world.send("old");
    await world.pass(300);
    await world.send("young");
    const { oldestAge } = await stats(world);
    assert.ok(oldestAge !== undefined && oldestAge >= 250, `oldestAge is ${oldestAge}`);
    assert.ok(oldestAge < 60_000, `oldestAge is ${oldestAge}`);
  }),

  serverCase("inspect: other channels do not count", ["inspect"], async (world) => {
    await world.sendAll(numbered(3), await world.channel("other"));
    assert.deepEqual(await counts(world), none);
  }),

  serverCase("inspect: purge removes what nobody holds, and says how many", ["purge"], async (world) => {
    await world.sendAll(numbered(6));
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    const held = await inbox.next();
    await inbox.subscription.drain();
    assert.equal(await purge(world), 5);
    assert.equal(await purge(world), 0);
    await inbox.subscription.close();
    // The held one was not purged: it came back when its owner left.
    const next = await world.subscribe();
    assert.equal(textOf(await next.next()), textOf(held));
    await next.staysQuiet();
  }),

  serverCase("inspect: purge takes delayed messages, too", ["purge", "delay"], async (world) => {
    await world.send("x", { delay: 300 });
    assert.equal(await purge(world), 1);
    await (await world.subscribe()).staysQuiet(700);
  }),

  serverCase("inspect: purge leaves dead letters and other channels alone", ["purge", "deadLetter"], async (world) => {
    const other = await world.channel("other");
    const inbox = await world.subscribe();
    await world.send("dead");
    await world.settle(await inbox.next(), "nack");
    await inbox.subscription.close();
    await world.sendAll(numbered(2), other);
    assert.equal(await purge(world), 0);
    assert.equal(await inbox.server.deadLetters?.(await world.channel()).count(), 1);
    assert.deepEqual(textsOf(await (await world.subscribe({}, other)).take(2)).sort(), ["0", "1"]);
  }),
];
