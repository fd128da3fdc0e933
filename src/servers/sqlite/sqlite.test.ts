import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Delivery, OutgoingMessage } from "../../server/delivery.ts";
import type { LogFields } from "../../server/logger.ts";
import { silentLogger } from "../../server/logger.ts";
import type { SubscribeOptions } from "../../server/server.ts";
import { type SqliteOptions, type SqliteServer, sqlite } from "./index.ts";

let folder: string;
let path: string;
const servers: SqliteServer[] = [];
const events: LogFields[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  path = join(folder, "jobs.db");
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.disconnect();
  rmSync(folder, { recursive: true, force: true });
  events.splice(0);
});

async function connected(options: Partial<SqliteOptions> = {}): Promise<SqliteServer> {
  const server = sqlite({ path, sweepInterval: 50, ...options });
  servers.push(server);
  await server.connect({ logger: { ...silentLogger, warn: (fields) => events.push(fields) } });
  return server;
}

function message(id: string, parts: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { id, payload: Buffer.from(id), headers: {}, contentType: undefined, replyTo: undefined, ...parts };
}

async function consume(server: SqliteServer, options: Partial<SubscribeOptions> = {}) {
  const deliveries: Delivery[] = [];
  const subscription = await server.subscribe({
    channels: [{ name: "c" }],
    maxUnsettled: 100,
    onDelivery: (delivery) => deliveries.push(delivery),
    onStateChange: () => {},
    ...options,
  });
  return { deliveries, subscription, count: (n: number) => vi.waitFor(() => expect(deliveries).toHaveLength(n)) };
}

/** Looks into the file while it is in use. */
function query(text: string, ...values: (string | number)[]): Record<string, unknown>[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(text).all(...values);
  } finally {
    db.close();
  }
}

describe("the row", () => {
  test("no headers are NULL, and nothing else is wrapped around the payload", async () => {
    const server = await connected();
    const payload = Uint8Array.from([0, 255, 10]);
    await server.publish("c", message("m", { payload, contentType: "application/octet-stream" }));
    expect(query("SELECT * FROM millrace_message")).toMatchObject([
      { id: "m", channel: "c", headers: null, content_type: "application/octet-stream", payload, priority: 10 },
    ]);
  });

  test("headers that somebody broke by hand do not stop the channel", async () => {
    const server = await connected();
    await server.publish("c", message("m", { headers: { a: "b" } }));
    query("UPDATE millrace_message SET headers = '{oops'");
    const { deliveries, count } = await consume(server);
    await count(1);
    expect({ ...deliveries[0]?.headers }).toEqual({});
  });

  test("a claim changes the row in place, however large it is", async () => {
    const server = await connected();
    await server.publish("c", message("large", { payload: Buffer.alloc(4_000_000, 1) }));
    query("PRAGMA wal_checkpoint(TRUNCATE)");
    const { count } = await consume(server);
    await count(1);
    const db = new DatabaseSync(path);
    const frames = db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get()?.["log"] as number;
    db.close();
    expect(frames).toBeLessThan(20);
  });
});

describe("one transaction for many", () => {
  test("a message that fails does not fail its neighbours", async () => {
    const server = await connected();
    const bad = message("bad", { payload: undefined as unknown as Uint8Array });
    const results = await server.publishBatch?.("c", [message("a"), bad, message("b")]);
    expect(results).toMatchObject([{ id: "a" }, { code: "PUBLISH_FAILED", outcome: "failed" }, { id: "b" }]);
    expect(await server.inspect?.("c")).toMatchObject({ ready: 2 });
  });

  test("more than a batch at once is split, and the event loop gets its turns", async () => {
    const server = await connected({ batchSize: 10 });
    let turns = 0;
    let go = true;
    const turn = (): void => {
      turns += 1;
      if (go) setImmediate(turn);
    };
    setImmediate(turn);
    await Promise.all(Array.from({ length: 200 }, (_, i) => server.publish("c", message(`m${i}`))));
    go = false;
    expect(turns).toBeGreaterThanOrEqual(19);
    const { deliveries, count } = await consume(server, { maxUnsettled: 200 });
    await count(200);
    expect(deliveries.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`));
  });

  test("never more than maxUnsettled are held, over all channels", async () => {
    const server = await connected();
    for (const channel of ["a", "b", "c"]) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => server.publish(channel, message(`${channel}${i}`))));
    }
    let held = 0;
    let most = 0;
    let done = 0;
    await server.subscribe({
      channels: ["a", "b", "c"].map((name) => ({ name })),
      maxUnsettled: 7,
      onStateChange: () => {},
      async onDelivery(delivery) {
        held += 1;
        most = Math.max(most, held);
        await new Promise((resolve) => setImmediate(resolve));
        held -= 1;
        await delivery.settle("ack");
        done += 1;
      },
    });
    await vi.waitFor(() => expect(done).toBe(150));
    expect(most).toBe(7);
  });
});

describe("dead letters", () => {
  test("maxSize keeps the newest and says what was dropped", async () => {
    const server = await connected({ deadLetter: { maxSize: 3 } });
    const { deliveries, count } = await consume(server);
    for (let i = 0; i < 5; i += 1) {
      await server.publish("c", message(`m${i}`));
      await count(i + 1);
      await deliveries[i]?.settle("nack");
    }
    expect((await server.deadLetters?.("c").list())?.map(({ id }) => id)).toEqual(["m4", "m3", "m2"]);
    expect(events).toMatchObject([
      { event: "dead_letter.dropped", count: 1 },
      { event: "dead_letter.dropped", count: 1 },
    ]);
  });

  test("deadLetter: false is an unsupported feature, and every drop is logged", async () => {
    const server = await connected({ deadLetter: false });
    expect(server.features.deadLetter.level).toBe("unsupported");
    expect(server.deadLetters).toBeUndefined();
    const { deliveries, count } = await consume(server);
    await server.publish("c", message("m"));
    await count(1);
    await deliveries[0]?.settle("nack");
    expect(query("SELECT * FROM millrace_message")).toEqual([]);
    expect(events).toMatchObject([{ event: "message.dropped", channel: "c", id: "m" }]);
  });

  test("expired messages are kept where that was asked for", async () => {
    const server = await connected({ onExpired: "deadLetter" });
    const expired: unknown[] = [];
    await server.publish("c", message("m"), { expiresIn: 1 });
    const overdue = "SELECT 1 FROM millrace_message WHERE expires < unixepoch('subsec') * 1000";
    await vi.waitFor(() => expect(query(overdue)).toHaveLength(1));
    await consume(server, { onExpired: (channel, id) => expired.push([channel, id]) });
    await vi.waitFor(() => expect(expired).toEqual([["c", "m"]]));
    expect(await server.deadLetters?.("c").list()).toMatchObject([{ id: "m", reason: { code: "expired" } }]);
  });

  test("a reason that nobody gave is made of the bookkeeping", async () => {
    const server = await connected({ onExpired: "deadLetter" });
    const headers = { millrace: "a=2;first=1000" };
    await server.publish("c", message("ready", { headers }), { expiresIn: 1 });
    await server.publish("c", message("swept", { headers }), { expiresIn: 1, delay: 1e9 });
    await server.publish("c", message("nacked", { headers }));
    const overdue = "SELECT 1 FROM millrace_message WHERE expires < unixepoch('subsec') * 1000";
    await vi.waitFor(() => expect(query(overdue)).toHaveLength(2));
    const { deliveries, count } = await consume(server);
    await count(1);
    await deliveries[0]?.settle("nack");
    const letters = server.deadLetters?.("c");
    await vi.waitFor(async () => expect(await letters?.count()).toBe(3));
    const known = { attempts: 2, firstFailureAt: 1000, lastFailureAt: expect.any(Number) };
    for (const id of ["ready", "swept"]) {
      expect((await letters?.get(id))?.reason).toEqual({ code: "expired", deliveries: 0, ...known });
    }
    expect((await letters?.get("nacked"))?.reason).toEqual({ code: "rejected", deliveries: 1, ...known });
  });

  test("replay of many goes from the oldest to the newest, in the order of dying", async () => {
    const server = await connected();
    const { deliveries, subscription, count } = await consume(server, { maxUnsettled: 300 });
    await Promise.all(Array.from({ length: 250 }, (_, i) => server.publish("c", message(`m${i}`))));
    await count(250);
    // The last sent died first; some in the same millisecond, some not.
    const died = deliveries.toReversed().map((delivery) => delivery.id);
    await Promise.all(deliveries.map((delivery) => delivery.settle("nack")));
    query("UPDATE millrace_message SET dead_at = 1000 - seq / 3, seq = -seq");
    query("UPDATE millrace_message SET seq = seq + 1000");
    await subscription.close();
    const ids = await server.deadLetters?.("c").replay({});
    const again = await consume(server, { maxUnsettled: 300 });
    await again.count(250);
    expect(again.deliveries.map(({ payload }) => Buffer.from(payload).toString())).toEqual(died);
    expect(again.deliveries.map(({ id }) => id)).toEqual(ids);
  });

  test("replay of many takes every one once, and a cursor of somebody else's is refused", async () => {
    const server = await connected();
    const { deliveries, subscription, count } = await consume(server, { maxUnsettled: 300 });
    await Promise.all(Array.from({ length: 250 }, (_, i) => server.publish("c", message(`m${i}`))));
    await count(250);
    await Promise.all(deliveries.map((delivery) => delivery.settle("nack")));
    await subscription.close();
    const letters = server.deadLetters?.("c");
    await expect(letters?.list({ cursor: "x" })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    const ids = await letters?.replay({});
    expect(new Set(ids).size).toBe(250);
    expect(await server.inspect?.("c")).toMatchObject({ ready: 250, dead: 0 });
  });
});

describe("dead letters that were damaged by hand", () => {
  const damages = ["'{oops'", "NULL", "'5'", "'[]'", '\'{"code":1,"attempts":"x","error":2}\''];
  test.each(damages)("reason %s counts as an unknown error and hides nobody", async (damage) => {
    const server = await connected();
    const { deliveries, count } = await consume(server);
    const reason = { code: "timeout", actor: "x", attempts: 1, deliveries: 1, firstFailureAt: 1, lastFailureAt: 1 };
    for (const [i, id] of ["a", "bad", "b"].entries()) {
      await server.publish("c", message(id));
      await count(i + 1);
      await deliveries[i]?.settle("nack", { reason: { ...reason, code: "timeout" } });
    }
    query(`UPDATE millrace_message SET reason = ${damage} WHERE id = 'bad'`);
    const letters = server.deadLetters?.("c");
    expect((await letters?.list())?.map(({ id }) => id)).toEqual(["b", "bad", "a"]);
    const letter = await letters?.get("bad");
    const { deadAt } = letter as { deadAt: number };
    expect(letter?.reason).toEqual({
      code: "error",
      attempts: 0,
      deliveries: 0,
      firstFailureAt: deadAt,
      lastFailureAt: deadAt,
    });
    expect(await letters?.list({ actor: "x" })).toMatchObject([{ id: "b", reason }, { id: "a" }]);
    expect(await letters?.replay({ reason: "timeout" })).toHaveLength(2);
    expect(await letters?.purge({ reason: "error" })).toBe(1);
  });
});

describe("what a closed subscription held", () => {
  test("is as if it had never been handed out, at its old place", async () => {
    const server = await connected();
    for (const id of ["a", "b", "c"]) await server.publish("c", message(id, { headers: { millrace: "a=1" } }));
    const first = await consume(server, { maxUnsettled: 2 });
    await first.count(2);
    await first.deliveries[1]?.begin?.();
    const before = first.deliveries.map(({ id, deliveryCount, lapses }) => ({ id, deliveryCount, lapses }));
    await first.subscription.close();
    expect(query("SELECT deliveries, lapses FROM millrace_message ORDER BY seq")).toMatchObject(
      Array.from({ length: 3 }, () => ({ deliveries: 0, lapses: 0 })),
    );
    const second = await consume(server);
    await second.count(3);
    expect(second.deliveries.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(second.deliveries).toMatchObject([...before, { deliveryCount: 1, lapses: 0 }]);
    expect(second.deliveries[0]?.headers["millrace"]).toBe("a=1");
  });

  test.each([
    ["not begun", 1, false],
    ["a suspect, not begun", 2, false],
    ["a suspect, begun", 2, true],
    ["a suspect that begins just now", 2, undefined],
  ] as const)("keeps the lapses that it had: %s", async (_, lapses, begin) => {
    const server = await connected();
    await server.publish("c", message("m"));
    query("UPDATE millrace_message SET deliveries = 3, lapses = ?", lapses);
    const { deliveries, subscription, count } = await consume(server);
    await count(1);
    const begun = begin === false ? undefined : deliveries[0]?.begin?.();
    if (begin === true) await begun;
    await subscription.close();
    await begun;
    expect(query("SELECT state, deliveries, lapses FROM millrace_message")).toMatchObject([
      { state: 2, deliveries: 3, lapses },
    ]);
  });
});

describe("the sweep", () => {
  test("removes replies that nobody fetched within an hour, and no others", async () => {
    const server = await connected();
    await server.publish("millrace.reply.gone", message("old"));
    await server.publish("millrace.reply.gone", message("delayed"), { delay: 1e9 });
    await server.publish("c", message("other"));
    query("UPDATE millrace_message SET sent_at = sent_at - 3700000");
    await server.publish("millrace.reply.gone", message("fresh"));
    await vi.waitFor(() =>
      expect(query("SELECT id FROM millrace_message ORDER BY seq").map((row) => row["id"])).toEqual(["other", "fresh"]),
    );
  });

  test("forgets dedupe keys whose window is over", async () => {
    const server = await connected();
    await server.publish("c", message("a"), { dedupe: { key: "k", window: 10, onDuplicate: "throw" } });
    await server.publish("c", message("b"), { dedupe: { key: "l", window: 1e9, onDuplicate: "throw" } });
    await vi.waitFor(() => expect(query("SELECT key FROM millrace_dedupe")).toMatchObject([{ key: "l" }]));
  });
});

describe("health", () => {
  test("an idle and a paused subscription still have contact", async () => {
    const { subscription } = await consume(await connected());
    for (const paused of [false, true]) {
      if (paused) await subscription.pause();
      const before = subscription.lastContact;
      await vi.waitFor(() => expect(subscription.lastContact).toBeGreaterThan(before));
    }
  });
});

describe("ownership", () => {
  test("a row that another worker took over can neither be settled, renewed nor begun", async () => {
    const server = await connected();
    await server.publish("c", message("m"));
    const { deliveries, count } = await consume(server);
    await count(1);
    query("UPDATE millrace_message SET token = 1");
    const [delivery] = deliveries;
    await expect(delivery?.lease?.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    await expect(delivery?.settle("ack")).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(query("SELECT id FROM millrace_message")).toMatchObject([{ id: "m" }]);
  });

  test("a late settle still counts while nobody else has taken the message", async () => {
    const server = await connected({ leaseDuration: 100 });
    await server.publish("c", message("m"));
    const { deliveries, count } = await consume(server, { maxUnsettled: 1 });
    await count(1);
    await vi.waitFor(() =>
      expect(query("SELECT 1 FROM millrace_message WHERE lease_until < unixepoch('subsec') * 1000")).toHaveLength(1),
    );
    await deliveries[0]?.settle("ack");
    expect(query("SELECT id FROM millrace_message")).toEqual([]);
  });
});
