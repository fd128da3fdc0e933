import { expect, test } from "vitest";
import { parseBookkeeping } from "../../server/bookkeeping.ts";
import type { Delivery } from "../../server/delivery.ts";
import { NotConnectedError, NotFoundError, OptionError } from "../../server/errors.ts";
import type { LogFields } from "../../server/logger.ts";
import type { SettleCode, SettleReason } from "../../server/settle-reason.ts";
import { type InMemoryOptions, type InMemoryServer, inMemory } from "./index.ts";
import { message, type Stage, stage } from "./stage.test-d.ts";

function reason(code: SettleCode, actor: string): SettleReason {
  return { code, actor, attempts: 1, deliveries: 1, firstFailureAt: 1, lastFailureAt: 2 };
}

/** Sends `count` messages named 0, 1, 2 … and fails them all; the odd ones are of actor "odd" and invalid. */
async function failed(count: number, options?: InMemoryOptions): Promise<Stage> {
  const set = await stage(options);
  for (let i = 0; i < count; i += 1) await set.server.publish("a", message(String(i), { n: String(i) }));
  const { subscription } = await set.consume({
    max: count,
    onDelivery(delivery: Delivery) {
      const odd = Number(delivery.id) % 2 === 1;
      delivery.settle("nack", { reason: odd ? reason("invalid", "odd") : reason("error", "even") });
    },
  });
  await subscription.close();
  return set;
}

test("list gives the newest first, in pages, and filters by actor and reason", async () => {
  const { server } = await failed(45);
  const store = server.deadLetters("a");
  expect(await store.count()).toBe(45);
  const first = await store.list();
  expect(first.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => String(44 - i)));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: 7, actor: "odd", ...(cursor === undefined ? {} : { cursor }) });
    expect(page.length).toBeGreaterThan(0);
    seen.push(...page.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(seen).toEqual(Array.from({ length: 22 }, (_, i) => String(43 - i * 2)));
  expect((await store.list({ reason: "error", limit: 1000 })).length).toBe(23);
  expect((await store.list({ reason: "error", actor: "odd" })).length).toBe(0);
  await expect(store.list({ limit: 1001 })).rejects.toThrow(OptionError);
  await expect(store.list({ cursor: "x" })).rejects.toThrow(OptionError);
});

test("a page stays valid while letters come and go", async () => {
  const { server } = await failed(100);
  const store = server.deadLetters("a");
  const { next } = await store.list({ limit: 10 });
  await store.purge({ actor: "odd" });
  const page = await store.list({ limit: 3, cursor: next as string });
  expect(page.map(({ id }) => id)).toEqual(["88", "86", "84"]);
});

test("replay sends a copy with a new id that names the old one, and removes the letter", async () => {
  const { server, clock, consume } = await failed(3);
  const store = server.deadLetters("a");
  const [id] = await store.replay("1");
  expect([await store.count(), await store.get("1")]).toEqual([2, undefined]);
  const { got } = await consume();
  expect(got.map((one) => [one.id, one.headers["n"], one.deliveryCount])).toEqual([[id, "1", 1]]);
  expect(parseBookkeeping(got[0]?.headers["millrace"])).toMatchObject({ replayOf: "1", attempts: 0 });
  const others = await store.replay({ actor: "even" }, { attempts: 3, channel: "b" });
  const b = await consume({ channels: ["b"] });
  expect(b.ids()).toEqual(others);
  expect(b.got.map((one) => [one.headers["n"], one.deliveryCount])).toEqual([
    ["0", 4],
    ["2", 4],
  ]);
  expect(parseBookkeeping(b.got[0]?.headers["millrace"])).toMatchObject({ replayOf: "0", attempts: 3 });
  expect(await store.count()).toBe(0);
  await clock.advance(0);
});

test("replay needs a connection and a letter; a filter that fits nothing replays nothing", async () => {
  const { server } = await failed(1);
  const store = server.deadLetters("a");
  await expect(store.replay("unknown")).rejects.toThrow(NotFoundError);
  expect(await store.replay({ actor: "unknown" })).toEqual([]);
  await server.disconnect();
  await expect(store.replay("0")).rejects.toThrow(NotConnectedError);
  expect(await store.count()).toBe(1);
});

test("letters with one id are all kept and all replayed", async () => {
  const { server, consume } = await stage();
  for (let i = 0; i < 3; i += 1) await server.publish("a", message("same"));
  await consume({ onDelivery: (delivery) => void (delivery.deliveryCount === 1 && delivery.settle("nack")) });
  const store = server.deadLetters("a");
  expect((await store.list()).length).toBe(3);
  expect(new Set(await store.replay("same")).size).toBe(3);
});

test("purge removes what fits and says how many", async () => {
  const { server } = await failed(10);
  const store = server.deadLetters("a");
  expect([await store.purge({ reason: "invalid" }), await store.count()]).toEqual([5, 5]);
  expect([await store.purge(), await store.count(), await store.purge()]).toEqual([5, 0, 0]);
});

test("a nack without a reason gets one that says so", async () => {
  const { server, clock, consume } = await stage();
  await server.publish("a", message("1", { millrace: "a=4;first=99" }));
  await consume({ onDelivery: (delivery) => void delivery.settle("nack") });
  const letter = await server.deadLetters("a").get("1");
  const expected = { code: "rejected", attempts: 4, deliveries: 1, firstFailureAt: 99, lastFailureAt: clock.now() };
  expect(letter?.reason).toEqual(expected);
  expect(letter?.deadAt).toBe(clock.now());
});

async function logged(server: InMemoryServer): Promise<LogFields[]> {
  const events: LogFields[] = [];
  const keep = (fields: LogFields): void => void events.push(fields);
  await server.connect({ logger: { debug: keep, info: keep, warn: keep, error: keep } });
  return events;
}

async function nackAll(server: InMemoryServer, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await server.publish("a", message(String(i)));
  await new Promise<void>((resolve, reject) => {
    let left = count;
    const onDelivery = (delivery: Delivery): void => {
      delivery.settle("nack");
      left -= 1;
      if (left === 0) resolve();
    };
    server
      .subscribe({ channels: [{ name: "a" }], maxUnsettled: 10, onDelivery, onStateChange: () => {} })
      .catch(reject);
  });
}

test("beyond maxSize the oldest letters make room, with a warning", async () => {
  const server = inMemory({ deadLetter: { maxSize: 50 } });
  const events = await logged(server);
  await nackAll(server, 500);
  const store = server.deadLetters("a");
  expect([await store.count(), (await store.list())[0]?.id]).toEqual([50, "499"]);
  const all = await store.list({ limit: 1000 });
  expect(all.map(({ id }) => Number(id))).toEqual(Array.from({ length: 50 }, (_, i) => 499 - i));
  expect(events).toMatchObject([{ event: "dead_letter.dropped", channel: "a", maxSize: 50 }]);
});

test("deadLetter: false drops failed messages, each with a warning", async () => {
  const server = inMemory({ deadLetter: false });
  const events = await logged(server);
  await nackAll(server, 2);
  expect(await server.inspect("a")).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  expect(events).toMatchObject([
    { event: "message.dropped", channel: "a", id: "0" },
    { event: "message.dropped", channel: "a", id: "1" },
  ]);
});
