import assert from "node:assert/strict";
import { bookkeepingHeader, parseBookkeeping } from "../../server/bookkeeping.ts";
import type { DeadLetterStore } from "../../server/dead-letter-store.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import { NotFoundError } from "../../server/errors.ts";
import { recordError, type SettleCode, type SettleReason } from "../../server/settle-reason.ts";
import { message, numbered, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** Made once: a stack trace differs from place to place. */
const failure = recordError(new RangeError('out of range: "é"', { cause: new Error("deeper") }));

function reason(code: SettleCode = "error", actor = "greet"): SettleReason {
  return {
    code,
    actor,
    attempts: 3,
    deliveries: 4,
    firstFailureAt: 1_730_000_000_000,
    lastFailureAt: 1_730_000_001_000,
    error: failure,
    issues: [{ message: "too small", path: ["items", 0, "size"] }],
  };
}

async function store(world: World, name = "main"): Promise<DeadLetterStore> {
  const found = (await world.server()).deadLetters?.(await world.channel(name));
  assert.ok(found !== undefined);
  return found;
}

/** Sends the messages and dead-letters them one after the other, so that their order is known. */
async function bury(
  world: World,
  messages: readonly OutgoingMessage[],
  note: (index: number) => SettleReason,
): Promise<void> {
  const inbox = await world.subscribe({ maxUnsettled: 1 });
  for (const [index, one] of messages.entries()) {
    await world.send(one);
    await world.settle(await inbox.next(), "nack", { reason: note(index) });
  }
  await inbox.subscription.close();
}

export const deadLetters: readonly ServerCase[] = [
  serverCase("deadletters: a nacked message is kept with everything and its reason", ["deadLetter"], async (world) => {
    const payload = Uint8Array.from({ length: 256 }, (_, index) => index);
    const parts = { headers: { topic: "greet", "X-Odd": "é", constructor: "c" }, contentType: "application/x-odd" };
    const sent = message(payload, parts);
    await bury(world, [sent], () => reason());
    const [entry, ...more] = await (await store(world)).list();
    assert.ok(entry !== undefined && more.length === 0);
    assert.equal(entry.id, sent.id);
    assert.equal(entry.channel, await world.channel());
    assert.ok(Buffer.from(entry.payload).equals(Buffer.from(payload)));
    assert.deepEqual({ ...entry.headers }, { ...sent.headers });
    assert.equal(entry.contentType, "application/x-odd");
    assert.deepEqual(entry.reason, reason());
    assert.ok(Number.isFinite(entry.deadAt) && entry.deadAt > 0);
    if (world.target.advance === undefined) assert.ok(Math.abs(Date.now() - entry.deadAt) < 60_000);
  }),

  serverCase("deadletters: nack without a reason is kept, too", ["deadLetter"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next(), "nack");
    const [entry] = await (await store(world)).list();
    assert.ok(entry !== undefined && textOf(entry) === "x");
    assert.equal(typeof entry.reason.code, "string");
  }),

  serverCase("deadletters: an empty channel has none", ["deadLetter"], async (world) => {
    const dead = await store(world);
    assert.equal(await dead.count(), 0);
    const list = await dead.list();
    assert.equal(Array.isArray(list), true);
    assert.deepEqual([...list], []);
    assert.equal(list.next, undefined);
    assert.equal(await dead.purge(), 0);
    assert.deepEqual(await dead.replay({}), []);
  }),

  serverCase("deadletters: each channel has its own", ["deadLetter"], async (world) => {
    await bury(world, numbered(2), () => reason());
    assert.equal(await (await store(world)).count(), 2);
    assert.equal(await (await store(world, "other")).count(), 0);
  }),

  serverCase("deadletters: get finds one by id, and gives undefined for others", ["deadLetter"], async (world) => {
    const messages = numbered(3);
    await bury(world, messages, () => reason());
    const dead = await store(world);
    const entry = await dead.get(messages[1]?.id ?? "");
    assert.ok(entry !== undefined);
    assert.equal(textOf(entry), "1");
    assert.equal(await dead.get("no such id"), undefined);
  }),

  serverCase(
    "deadletters: list shows the newest 20, and pages through all with a cursor",
    ["deadLetter"],
    async (world) => {
      await bury(world, numbered(45), () => reason());
      const dead = await store(world);
      assert.equal((await dead.list()).length, 20);
      const seen: string[] = [];
      let cursor: string | undefined;
      const sizes: number[] = [];
      do {
        const page = await dead.list({ limit: 18, ...(cursor === undefined ? {} : { cursor }) });
        sizes.push(page.length);
        seen.push(...page.map(textOf));
        cursor = page.next;
      } while (cursor !== undefined && sizes.length < 10);
      assert.deepEqual(sizes, [18, 18, 9]);
      assert.deepEqual(seen, numbered(45).map(textOf).reverse());
    },
  ),

  serverCase("deadletters: a page that ends exactly at the end has no next", ["deadLetter"], async (world) => {
    await bury(world, numbered(4), () => reason());
    const dead = await store(world);
    const first = await dead.list({ limit: 2 });
    assert.ok(first.next !== undefined);
    const second = await dead.list({ limit: 2, cursor: first.next });
    assert.deepEqual(second.map(textOf), ["1", "0"]);
    assert.equal(second.next, undefined);
  }),

  serverCase("deadletters: list and purge can be narrowed to an actor or a reason", ["deadLetter"], async (world) => {
    const notes = [reason("error", "a"), reason("timeout", "a"), reason("error", "b"), reason("poison", "b")];
    await bury(world, numbered(4), (index) => notes[index] ?? reason());
    const dead = await store(world);
    const found = async (filter: Parameters<DeadLetterStore["list"]>[0]): Promise<string[]> =>
      (await dead.list(filter)).map(textOf);
    assert.deepEqual(await found({ actor: "a" }), ["1", "0"]);
    assert.deepEqual(await found({ reason: "error" }), ["2", "0"]);
    assert.deepEqual(await found({ reason: "error", actor: "b" }), ["2"]);
    assert.deepEqual(await found({ actor: "nobody" }), []);
    assert.equal(await dead.purge({ reason: "error" }), 2);
    assert.deepEqual(await found({}), ["3", "1"]);
    assert.equal(await dead.purge(), 2);
    assert.equal(await dead.count(), 0);
  }),

  serverCase(
    "deadletters: replay sends it again with a new id that names the old one",
    ["deadLetter"],
    async (world) => {
      const sent = message("again", { headers: { topic: "greet", "X-Odd": "é" }, contentType: "text/x-odd" });
      await bury(world, [sent], () => reason());
      const dead = await store(world);
      const ids = await dead.replay(sent.id);
      assert.equal(ids.length, 1);
      assert.notEqual(ids[0], sent.id);
      assert.equal(await dead.count(), 0);
      const inbox = await world.subscribe();
      const delivery = await inbox.next();
      assert.equal(delivery.id, ids[0]);
      assert.equal(textOf(delivery), "again");
      assert.equal(delivery.contentType, "text/x-odd");
      const { [bookkeepingHeader]: packed, ...rest } = delivery.headers;
      assert.deepEqual(rest, { ...sent.headers });
      const book = parseBookkeeping(packed);
      assert.equal(book.replayOf, sent.id);
      assert.deepEqual([book.attempts, book.deliveries, book.results, book.unrouted], [0, 0, 0, 0], "a fresh start");
      if (delivery.deliveryCount !== undefined) assert.equal(delivery.deliveryCount, 1);
      await world.settle(delivery);
      await inbox.staysQuiet();
    },
  ),

  serverCase(
    "deadletters: replay forgets the bookkeeping of the first life",
    ["deadLetter", "reject"],
    async (world) => {
      const sent = message("x");
      const inbox = await world.subscribe();
      await world.send(sent);
      await world.settle(await inbox.next(), "reject", { bookkeeping: "a=4;r=4;u=2;first=1730000000000" });
      await world.settle(await inbox.next(), "nack", { reason: reason() });
      await (await store(world)).replay(sent.id);
      const book = parseBookkeeping((await inbox.next()).headers[bookkeepingHeader]);
      assert.deepEqual([book.attempts, book.results, book.unrouted, book.firstFailureAt], [0, 0, 0, 0]);
      assert.equal(book.replayOf, sent.id);
    },
  ),

  serverCase(
    "deadletters: replay can leave some attempts used up, and go to another channel",
    ["deadLetter"],
    async (world) => {
      const sent = message("x");
      await bury(world, [sent], () => reason());
      const elsewhere = await world.channel("elsewhere");
      await (await store(world)).replay(sent.id, { channel: elsewhere, attempts: 2 });
      const home = await world.subscribe();
      const delivery = await (await world.subscribe({}, elsewhere)).next();
      assert.equal(delivery.channel, elsewhere);
      assert.equal(parseBookkeeping(delivery.headers[bookkeepingHeader]).attempts, 2);
      await home.staysQuiet();
    },
  ),

  serverCase("deadletters: replay by filter takes those, and only those", ["deadLetter"], async (world) => {
    await bury(world, numbered(30), (index) => reason(index % 3 === 0 ? "timeout" : "error"));
    const dead = await store(world);
    const ids = await dead.replay({ reason: "timeout" });
    assert.equal(new Set(ids).size, 10);
    assert.equal(await dead.count(), 20);
    const inbox = await world.subscribe();
    const back = await inbox.take(10);
    assert.deepEqual(back.map(({ id }) => id).sort(), [...ids].sort());
    for (const delivery of back) assert.equal(Number(textOf(delivery)) % 3, 0);
    await inbox.staysQuiet();
  }),

  serverCase("deadletters: replay keeps the priority", ["deadLetter", "priority", "reject"], async (world) => {
    const server = await world.server();
    const channel = await world.channel();
    const sent = message("urgent");
    await server.publish(channel, sent, { priority: 100 });
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    await world.settle(await inbox.next(), "nack", { reason: reason() });
    await inbox.subscription.close();
    await world.sendAll(numbered(3));
    await (await store(world)).replay(sent.id);
    const next = await world.subscribe({ maxUnsettled: 1 });
    assert.equal(textOf(await next.next()), "urgent");
  }),

  serverCase("deadletters: replaying an unknown id is a NotFoundError", ["deadLetter"], async (world) => {
    const dead = await store(world);
    await assert.rejects(async () => dead.replay("no such id"), NotFoundError);
  }),

  serverCase("deadletters: two replays of one id send it once", ["deadLetter"], async (world) => {
    const sent = message("x");
    await bury(world, [sent], () => reason());
    const dead = await store(world);
    const results = await Promise.allSettled([dead.replay(sent.id), dead.replay(sent.id)]);
    const sends = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
    const inbox = await world.subscribe();
    const { id } = await inbox.next();
    assert.ok(id !== undefined && sends.includes(id));
    await inbox.staysQuiet();
  }),

  serverCase("deadletters: a replayed message can die again, under its new id", ["deadLetter"], async (world) => {
    const sent = message("x");
    await bury(world, [sent], () => reason());
    const dead = await store(world);
    const [id] = await dead.replay(sent.id);
    const inbox = await world.subscribe();
    await world.settle(await inbox.next(), "nack", { reason: reason("poison") });
    const [entry, ...more] = await dead.list();
    assert.ok(entry !== undefined && more.length === 0);
    assert.equal(entry.id, id);
    assert.equal(entry.reason.code, "poison");
  }),

  serverCase(
    "deadletters: they outlive the server object",
    ["deadLetter", "durable"],
    async (world) => {
      const sent = message("x");
      await bury(world, [sent], () => reason());
      await (await world.server()).disconnect();
      const later = (await world.open()).deadLetters?.(await world.channel());
      assert.deepEqual((await later?.get(sent.id))?.reason, reason());
    },
    { second: true },
  ),
];
