import assert from "node:assert/strict";
import { message, numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

async function carries(world: World, payload: Uint8Array): Promise<void> {
  const inbox = await world.subscribe();
  await world.send(message(payload, { contentType: "application/octet-stream" }));
  const delivery = await inbox.next(15_000);
  assert.ok(delivery.payload instanceof Uint8Array);
  assert.equal(delivery.payload.length, payload.length);
  assert.ok(Buffer.from(delivery.payload).equals(Buffer.from(payload)), "the bytes must be the same");
  await world.settle(delivery);
}

export const publish: readonly ServerCase[] = [
  serverCase("publish: an empty payload stays empty", [], (world) => carries(world, new Uint8Array(0))),
  serverCase("publish: one byte", [], (world) => carries(world, Uint8Array.of(0))),
  serverCase("publish: all 256 byte values", [], (world) =>
    carries(
      world,
      Uint8Array.from({ length: 256 }, (_, index) => index),
    ),
  ),
  serverCase("publish: a payload that is not UTF-8", [], (world) =>
    carries(world, Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80)),
  ),
  serverCase("publish: a part of a larger buffer", [], (world) =>
    carries(world, Uint8Array.from({ length: 64 }, (_, index) => index).subarray(16, 24)),
  ),
  serverCase("publish: the largest payload", [], (world) => {
    const size = world.target.maxPayload ?? 1024 * 1024;
    return carries(
      world,
      Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff),
    );
  }),

  serverCase("publish: the receipt and the delivery carry the id of the sender", [], async (world) => {
    const sent = message("x");
    const receipt = await world.send(sent);
    assert.equal(receipt.id, sent.id);
    assert.ok(receipt.duplicate === undefined || receipt.duplicate === false);
    const delivery = await (await world.subscribe()).next();
    assert.equal(delivery.id, sent.id);
  }),

  serverCase("publish: an id that is no UUID is kept", [], async (world) => {
    const id = "order:4711/ä b";
    await world.send(message("x", { id }));
    assert.equal((await (await world.subscribe()).next()).id, id);
  }),

  serverCase("publish: a message that is sent before anybody subscribes waits", [], async (world) => {
    await world.send("early");
    const delivery = await (await world.subscribe()).next();
    assert.equal(textOf(delivery), "early");
    assert.equal(delivery.channel, await world.channel());
  }),

  serverCase("publish: the reply address", ["requestReply"], async (world) => {
    const inbox = await world.subscribe();
    const address = await world.channel("replies");
    await world.send(message("with", { replyTo: address }));
    assert.equal((await inbox.next()).replyTo, address);
    await world.send("without");
    assert.equal((await inbox.next()).replyTo, undefined);
  }),

  serverCase("publish: sentAt, where it is kept, is the time of sending", [], async (world) => {
    await world.send("x");
    const { sentAt } = await (await world.subscribe()).next();
    if (sentAt === undefined) return world.skip("the server keeps no sentAt");
    assert.ok(Number.isFinite(sentAt) && sentAt > 0);
    if (world.target.advance === undefined) assert.ok(Math.abs(Date.now() - sentAt) < 60_000);
  }),

  serverCase("publish: another channel gets nothing, the right one the message", [], async (world) => {
    const [right, wrong] = [await world.channel("right"), await world.channel("wrong")];
    const stranger = await world.subscribe({}, wrong);
    await world.send("for the right one", undefined, right);
    await stranger.staysQuiet(1000);
    const delivery = await (await world.subscribe({}, right)).next();
    assert.equal(textOf(delivery), "for the right one");
    assert.equal(delivery.channel, right);
    await world.settle(delivery);
  }),

  serverCase("publish: channels whose names begin alike are different channels", [], async (world) => {
    const [short, long] = [await world.channel("a"), await world.channel("ab")];
    const inbox = await world.subscribe({}, short);
    await world.send("long", undefined, long);
    await world.send("short", undefined, short);
    assert.equal(textOf(await inbox.next()), "short");
    await inbox.staysQuiet();
  }),

  serverCase("publish: one subscription serves several channels", [], async (world) => {
    const names = await Promise.all(["a", "b", "c", "d"].map((name) => world.channel(name)));
    const inbox = await world.subscribe({}, ...names);
    for (const name of names) await world.send(`to ${name}`, undefined, name);
    const deliveries = await inbox.take(names.length);
    for (const delivery of deliveries) assert.equal(textOf(delivery), `to ${delivery.channel}`);
    assert.deepEqual(deliveries.map(({ channel }) => channel).sort(), [...names].sort());
  }),

  serverCase("publish: publishBatch gives one result each, in order", ["batchPublish"], async (world) => {
    const server = await world.server();
    const messages = numbered(50);
    const results = await server.publishBatch?.(await world.channel(), messages);
    assert.ok(results !== undefined);
    assert.deepEqual(
      results.map((result) => (result instanceof Error ? result : result.id)),
      messages.map(({ id }) => id),
    );
    const inbox = await world.subscribe();
    assert.deepEqual(textsOf(await inbox.take(50)).sort(), messages.map(textOf).sort());
    await inbox.staysQuiet();
  }),

  serverCase("publish: an empty batch is no error", ["batchPublish"], async (world) => {
    const server = await world.server();
    assert.deepEqual(await server.publishBatch?.(await world.channel(), []), []);
  }),

  serverCase("publish: one duplicate does not fail its batch", ["batchPublish", "dedupe"], async (world) => {
    const server = await world.server();
    const dedupe = { key: "once", window: 60_000, onDuplicate: "throw" } as const;
    const results = await server.publishBatch?.(await world.channel(), numbered(2), { dedupe });
    assert.ok(results !== undefined);
    assert.ok(!(results[0] instanceof Error));
    assert.ok(results[1] instanceof Error, "the second one has the same key");
    const inbox = await world.subscribe();
    assert.equal(textOf(await inbox.next()), "0");
    await inbox.staysQuiet();
  }),

  serverCase("publish: an idle subscriber gets a message within 250 ms", [], async (world) => {
    const inbox = await world.subscribe();
    const latencies: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      // Idle long enough that a poller has slowed down as far as it will.
      await world.pass(200);
      const start = world.now();
      await world.send(`${round}`);
      const delivery = await inbox.next();
      latencies.push(world.now() - start);
      await world.settle(delivery);
    }
    const median = latencies.sort((a, b) => a - b)[3] ?? Infinity;
    assert.ok(median < 250, `half of the messages took more than ${Math.round(median)} ms`);
  }),
];
