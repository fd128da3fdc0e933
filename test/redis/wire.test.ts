import { randomUUID } from "node:crypto";
import { createApp, defineOperation } from "millrace";
import { type RedisOptions, redis } from "millrace/redis";
import { afterAll, describe, expect, test } from "vitest";
import type { Reply } from "../../dev/resp.ts";
import { respCommands } from "../../dev/resp.ts";
import { requireBroker } from "../brokers.ts";

/**
 * Pins what docs/wire.md and docs/servers/redis.md say of keys and entries, and the commands that those pages give to people and
 * to other programs. Where one of these fails, the wire format has changed.
 */
const broker = await requireBroker("redis");
const url = broker?.url ?? "";
const prefixes: string[] = [];
const uuid = "0190d2a6-7b1c-7000-8000-0123456789ab";

async function command(...words: readonly string[]): Promise<Reply> {
  const [reply] = await respCommands(url, [words]);
  return reply ?? null;
}

/** An app on keys of its own. */
function stage(options: RedisOptions = {}) {
  const keyPrefix = `wire-${randomUUID().slice(0, 8)}:`;
  prefixes.push(keyPrefix);
  const app = createApp({ server: redis({ url, keyPrefix, ...options }), logger: false });
  return { app, key: (channel: string, suffix = "") => `${keyPrefix}{${channel}}${suffix}` };
}

/** Entries of a stream, fields as an object. */
async function entriesOf(key: string): Promise<readonly Record<string, string>[]> {
  const reply = (await command("XRANGE", key, "-", "+")) as readonly (readonly [string, readonly string[]])[];
  return reply.map(([, fields]) =>
    Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] as string]] : []))),
  );
}

afterAll(async () => {
  for (const prefix of prefixes) {
    const keys = (await command("KEYS", `${prefix}*`)) as readonly string[];
    if (keys.length > 0) await command("UNLINK", ...keys);
  }
});

const email = defineOperation({ name: "welcome", channel: "email" });

describe.skipIf(broker === undefined)("an entry of a stream", () => {
  test("has a compact id, the headers, and the payload as it is", async () => {
    const { app, key } = stage();
    await app.send(email, { userId: 7 }, { id: uuid });
    expect(await entriesOf(key("email"))).toEqual([
      { u: "AZDSpnsccACAAAEjRWeJqw", "h:topic": "welcome", payload: '{"userId":7}' },
    ]);
    await app.close();
  });

  test("has more fields only where there is something to say", async () => {
    const { app, key } = stage();
    await app.publish("email", Buffer.from("x"), {
      id: "order 7",
      headers: { "X-Trace": "t" },
      contentType: "text/plain",
      replyTo: "answers",
      expiresIn: "1m",
    });
    await app.publish("email", Buffer.from("y"), { id: "order 8" });
    expect(await entriesOf(key("email"))).toEqual([
      { id: "order 7", "h:X-Trace": "t", type: "text/plain", reply: "answers", ttl: "60000", payload: "x" },
      { id: "order 8", type: "", payload: "y" },
    ]);
    await app.close();
  });

  test("goes to the stream of its priority", async () => {
    const { app, key } = stage();
    for (const priority of [100, 50, 10, 1]) await app.send(email, {}, { priority });
    for (const suffix of ["", ":p100", ":p50", ":p1"]) expect(await command("XLEN", key("email", suffix))).toBe(1);
    await app.close();
  });

  test("waits in a sorted set by the time at which it is due, and a dedupe key is a key that expires", async () => {
    const { app, key } = stage();
    const before = Date.now();
    await app.send(email, {}, { delay: "1h", dedupe: { key: "k", window: "1m" }, id: "one" });
    const [, due] = (await command("ZRANGE", key("email", ":delayed"), "0", "0", "WITHSCORES")) as readonly string[];
    expect(Number(due)).toBeGreaterThanOrEqual(before + 3_600_000 - 1000);
    expect(await command("GET", key("email", ":dedupe:k"))).toBe("one");
    expect(await command("PTTL", key("email", ":dedupe:k"))).toBeGreaterThan(50_000);
    await app.close();
  });

  test("that failed is a dead letter with its reason, found by its id", async () => {
    const { app, key } = stage();
    app.actor({ operation: email }, () => {
      throw new Error("no");
    });
    await app.send(email, { userId: 7 }, { id: "seven" });
    await app.runWorker({ messagesLimit: 1 });
    const [letter] = await entriesOf(key("email", ":dead"));
    expect(letter).toMatchObject({ id: "seven", "h:topic": "welcome", payload: '{"userId":7}' });
    expect(JSON.parse(letter?.["reason"] ?? "")).toMatchObject({ code: "error", actor: "welcome", attempts: 1 });
    expect(await command("HGET", key("email", ":dead-ids"), "seven")).toMatch(/^\d+-\d+$/);
    expect(await command("XLEN", key("email"))).toBe(0);
    await app.close();
  });

  test("braces of a channel do not end the hash tag", async () => {
    const { app, key } = stage();
    await app.publish("a{b}%", Buffer.from("x"));
    expect(await command("XLEN", key("a%7Bb%7D%25"))).toBe(1);
    await app.close();
  });
});

describe.skipIf(broker === undefined)("other programs", () => {
  test("send with XADD: a payload is enough, a topic selects the actor", async () => {
    const { app, key } = stage();
    const seen: unknown[] = [];
    app.actor({ operation: email }, ({ payload, message }) => void seen.push([payload, message.contentType]));
    await command("XADD", key("email"), "*", "h:topic", "welcome", "payload", '{"userId":7}');
    await command("XADD", key("email"), "*", "id", "mine", "h:topic", "welcome", "payload", '{"userId":8}');
    await app.runWorker({ messagesLimit: 2 });
    expect(seen).toEqual([
      [{ userId: 7 }, undefined],
      [{ userId: 8 }, "application/json"],
    ]);
    await app.close();
  });

  test("read with a group of their own, and acknowledge and delete", async () => {
    const { app, key } = stage();
    await app.send(email, { userId: 7 });
    await command("XGROUP", "CREATE", key("email"), "millrace", "0", "MKSTREAM");
    const reply = (await command(
      "XREADGROUP",
      "GROUP",
      "millrace",
      "python-1",
      "COUNT",
      "1",
      "STREAMS",
      key("email"),
      ">",
    )) as readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[];
    const [entry, fields] = reply[0]?.[1][0] ?? ["", []];
    expect(fields.slice(-4)).toEqual(["h:topic", "welcome", "payload", '{"userId":7}']);
    expect(await command("XACK", key("email"), "millrace", entry)).toBe(1);
    expect(await command("XDEL", key("email"), entry)).toBe(1);
    expect(await app.inspect("email")).toMatchObject({ ready: 0, inFlight: 0 });
    await app.close();
  });

  test("of a second group get everything as well where settled messages are kept", async () => {
    const { app, key } = stage({ settled: "keep" });
    const other = createApp({
      server: redis({ url, keyPrefix: prefixes.at(-1) ?? "", group: "audit", settled: "keep" }),
      logger: false,
    });
    const seen: unknown[] = [];
    app.actor({ operation: email }, ({ payload }) => void seen.push(["millrace", payload]));
    other.actor({ operation: email }, ({ payload }) => void seen.push(["audit", payload]));
    await app.send(email, { userId: 7 }, { params: { maxLength: 1000 } });
    await app.runWorker({ messagesLimit: 1 });
    await other.runWorker({ messagesLimit: 1 });
    expect(seen).toEqual([
      ["millrace", { userId: 7 }],
      ["audit", { userId: 7 }],
    ]);
    expect(await command("XLEN", key("email"))).toBe(1);
    await Promise.all([app.close(), other.close()]);
  });
});
