import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type Clock,
  createApp,
  DecodeError,
  EncodeError,
  InvalidHeaderError,
  jsonCodec,
  NonRetryableError,
} from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { createDecoder } from "../src/contract/content-type.ts";
import { systemClock } from "../src/internal/clock.ts";
import { formatBookkeeping, noBookkeeping, parseBookkeeping } from "../src/server/bookkeeping.ts";

/**
 * Pins what docs/wire.md says of messages at rest, so that files and foreign programs go on understanding each other.
 * Where one of these fails, the wire format has changed: that needs a new layout version or a new major version.
 */

/** 2030-01-01, by the clock of the process that settles. The columns of sqlite are stamped by SQLite's own clock. */
const now = Date.UTC(2030, 0, 1);
const clock: Clock = { ...systemClock, now: () => now };
/** "Nobody holds it", in `token` and `lease_until`. */
const nobody = 2 ** 47 - 1;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Row = Readonly<Record<string, string | number | null>>;

let folder: string;
let path: string;
const open: { close(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-wire-"));
  path = join(folder, "jobs.db");
});

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
  rmSync(folder, { recursive: true, force: true });
});

function newApp() {
  const app = createApp({ server: sqlite({ path }), logger: false, runtime: { clock, random: () => 0.5 } });
  open.push(app);
  return app;
}

function query(text: string, ...values: (string | number | null | Uint8Array)[]): Record<string, unknown>[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(text).all(...values) as Record<string, unknown>[];
  } finally {
    db.close();
  }
}

/** All rows, with the payload as text, times relative to `sent_at`, and only what is not `NULL`. */
function rows(): Row[] {
  return query("SELECT * FROM millrace_message ORDER BY seq").map((row) => {
    const sent = Number(row["sent_at"]);
    const relative = ["due", "expires", "dead_at"].map((name) => [
      name,
      row[name] === null ? null : Number(row[name]) - sent,
    ]);
    const payload = Buffer.from(row["payload"] as Uint8Array).toString();
    const all = { ...row, ...Object.fromEntries(relative), payload, sent_at: Math.abs(sent - Date.now()) < 60_000 };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as unknown as Row;
  });
}

const fresh = { seq: 1, state: 2, token: nobody, lease_until: nobody, deliveries: 0, lapses: 0, priority: 10 };

/** A row as a foreign program would write it. */
function insert(values: Readonly<Record<string, string | number | null>>, payload: string): void {
  const row = {
    ...{ state: 2, token: nobody, lease_until: nobody, deliveries: 0, lapses: 0, priority: 10, due: 0, sent_at: 0 },
    ...{ id: "foreign-1", channel: "default", content_type: null, headers: null },
    ...values,
  };
  const names = [...Object.keys(row), "payload"];
  query(
    `INSERT INTO millrace_message (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    ...Object.values(row),
    Buffer.from(payload),
  );
}

async function createFile(): Promise<void> {
  const connection = await newApp().connect();
  await connection.close();
}

describe("sqlite: the file", () => {
  test("is marked as ours, in layout 1, with a write-ahead log", async () => {
    await createFile();
    expect(query("PRAGMA application_id")).toEqual([{ application_id: 0x6d6c7263 }]);
    expect(query("PRAGMA user_version")).toEqual([{ user_version: 1 }]);
    expect(query("PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
    expect(query("SELECT name FROM millrace_meta")).toEqual([{ name: "created_at" }]);
  });

  test("has these columns", async () => {
    await createFile();
    const columns = (table: string): string[] =>
      query(`PRAGMA table_info(${table})`).map(
        ({ name, type, notnull }) => `${name} ${type}${notnull === 1 ? " NOT NULL" : ""}`,
      );
    expect(columns("millrace_message")).toEqual([
      "seq INTEGER",
      "state INTEGER NOT NULL",
      "token INTEGER NOT NULL",
      "lease_until INTEGER NOT NULL",
      "deliveries INTEGER NOT NULL",
      "lapses INTEGER NOT NULL",
      "priority INTEGER NOT NULL",
      "due INTEGER NOT NULL",
      "sent_at INTEGER NOT NULL",
      "expires INTEGER",
      "dead_at INTEGER",
      "id TEXT NOT NULL",
      "channel TEXT NOT NULL",
      "content_type TEXT",
      "reply_to TEXT",
      "headers TEXT",
      "reason TEXT",
      "payload BLOB NOT NULL",
    ]);
    expect(columns("millrace_dedupe")).toEqual([
      "channel TEXT NOT NULL",
      "key TEXT NOT NULL",
      "until INTEGER NOT NULL",
      "id TEXT NOT NULL",
    ]);
  });
});

describe("sqlite: a message that was sent", () => {
  test("is one row: payload as encoded, topic header, content type", async () => {
    const app = newApp();
    const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, () => {});
    await app.send(greet, { who: "world" }, { id: "m-1", headers: { "X-Tenant": "a" } });
    expect(rows()).toEqual([
      {
        ...fresh,
        due: 0,
        sent_at: true,
        id: "m-1",
        channel: "default",
        content_type: "application/json",
        headers: '{"X-Tenant":"a","topic":"greet"}',
        payload: '{"who":"world"}',
      },
    ]);
  });

  test("gets a version 7 UUID unless the sender names one", async () => {
    const app = newApp();
    const { id } = await app.publishJson("raw", 1);
    expect(id).toMatch(uuid);
    expect(rows()[0]?.["id"]).toBe(id);
  });

  test("options are columns: delay, priority, expiry, reply address", async () => {
    const app = newApp();
    const greet = app.actor({ name: "greet", channel: "c" }, () => {});
    const options = { delay: "10m", priority: 50, expiresIn: "1h", replyTo: "answers" } as const;
    await app.send(greet, null, { id: "m-1", ...options });
    expect(rows()).toMatchObject([
      { state: 4, priority: 50, due: 600_000, expires: 3_600_000, reply_to: "answers", payload: "null" },
    ]);
  });

  test("bytes are stored as they are: no topic, no content type unless given", async () => {
    const app = newApp();
    await app.publish("raw", "plain", { id: "m-1" });
    await app.publish("raw", new Uint8Array([104, 105]), { id: "m-2", contentType: "text/plain", headers: { a: "b" } });
    expect(rows()).toEqual([
      { ...fresh, due: 0, sent_at: true, id: "m-1", channel: "raw", payload: "plain" },
      {
        ...{ ...fresh, seq: 2, due: 0, sent_at: true, id: "m-2", channel: "raw", payload: "hi" },
        ...{ content_type: "text/plain", headers: '{"a":"b"}' },
      },
    ]);
  });

  test("a dedupe key is a row of its own, per channel; the second message is none", async () => {
    const app = newApp();
    const dedupe = { key: "welcome:7", window: "1h" } as const;
    await app.publish("c", "1", { id: "m-1", dedupe });
    const second = await app.publish("c", "2", { id: "m-2", dedupe });
    expect(second).toMatchObject({ id: "m-1", duplicate: true });
    expect(rows()).toHaveLength(1);
    const [sent] = query("SELECT sent_at FROM millrace_message");
    expect(query("SELECT * FROM millrace_dedupe")).toEqual([
      { channel: "c", key: "welcome:7", until: Number(sent?.["sent_at"]) + 3_600_000, id: "m-1" },
    ]);
  });

  test("a topic of the sender's own is kept, another header can carry it, and none", async () => {
    const app = createApp({ server: sqlite({ path }), logger: false, topicHeader: "x-type" });
    open.push(app);
    const greet = app.actor({ name: "greet", topic: "greet.v1" }, () => {});
    const quiet = app.actor({ name: "quiet", topicHeader: false, routing: () => () => false }, () => {});
    await app.send(greet, 1);
    await app.send(greet, 2, { headers: { "X-Type": "greet.v2" } });
    await app.send(quiet, 3);
    expect(rows().map(({ headers }) => headers)).toEqual(['{"x-type":"greet.v1"}', '{"X-Type":"greet.v2"}', undefined]);
  });
});

describe("sqlite: what processing writes", () => {
  test("a message in work is leased; the token proves whose it is", async () => {
    const app = newApp();
    let seen: Row | undefined;
    const greet = app.actor({ name: "greet" }, () => {
      seen = rows()[0];
    });
    await app.send(greet, 1, { id: "m-1" });
    await app.run({ messagesLimit: 1, signals: [] });
    expect(seen).toMatchObject({ state: 3, deliveries: 1, lapses: 0 });
    expect(seen?.["token"]).toBeLessThan(nobody);
    expect(Math.abs(Number(seen?.["lease_until"]) - Date.now() - 30_000)).toBeLessThan(5000);
    expect(rows()).toEqual([]);
  });

  test("a retry: delayed, with its attempts and first failure in the reserved header", async () => {
    const app = newApp();
    let again: unknown;
    const greet = app.actor({ name: "greet", retry: { attempts: 9, backoff: "1h" } }, ({ message, attempt }) => {
      again = { headers: { ...message.headers }, attempt, deliveries: message.deliveries };
      throw new Error("not yet");
    });
    await app.send(greet, 1, { id: "m-1" });
    await app.run({ messagesLimit: 1, signals: [] });
    const headers = `{"topic":"greet","millrace":"a=1;first=${now}"}`;
    expect(rows()).toMatchObject([{ id: "m-1", state: 4, token: nobody, deliveries: 1, lapses: 0, headers }]);
    expect(Number(rows()[0]?.["due"])).toBeGreaterThanOrEqual(3_600_000);

    query("UPDATE millrace_message SET due = 0");
    await app.run({ messagesLimit: 1, signals: [] });
    expect(again).toEqual({ headers: { topic: "greet" }, attempt: 2, deliveries: 2 });
    expect(rows()).toMatchObject([{ headers: `{"topic":"greet","millrace":"a=2;first=${now}"}`, deliveries: 2 }]);
  });

  test("a message that nobody wants: counted in the header as well", async () => {
    const app = newApp();
    app.actor({ name: "greet" }, () => {});
    await app.publishJson("default", 1, { id: "m-1", headers: { topic: "other" } });
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    await expect.poll(() => rows()[0]?.["state"]).toBe(4);
    await worker.stop();
    expect(rows()).toMatchObject([{ headers: `{"topic":"other","millrace":"u=1;first=${now}"}`, deliveries: 1 }]);
  });

  test("a dead letter: state 5 of the same row, with the reason as JSON", async () => {
    const app = newApp();
    const greet = app.actor({ name: "greet" }, () => {
      throw new NonRetryableError("no such user", { cause: new TypeError("id") });
    });
    await app.send(greet, { a: 1 }, { id: "m-1", expiresIn: "1h" });
    await app.run({ messagesLimit: 1, signals: [] });
    const [row] = rows();
    const { reason, dead_at, ...rest } = row as Row;
    expect(rest).toEqual({
      ...{ ...fresh, state: 5, deliveries: 1, due: 0, sent_at: true, id: "m-1", channel: "default" },
      ...{ content_type: "application/json", headers: '{"topic":"greet"}', payload: '{"a":1}' },
    });
    expect(Number(dead_at)).toBeGreaterThanOrEqual(0);
    const stack = expect.stringContaining("wire.test.ts");
    expect(JSON.parse(String(reason))).toEqual({
      code: "error",
      error: {
        ...{ name: "NonRetryableError", message: "no such user", stack, code: "NON_RETRYABLE" },
        cause: { name: "TypeError", message: "id", stack },
      },
      actor: "greet",
      attempts: 1,
      deliveries: 1,
      firstFailureAt: now,
      lastFailureAt: now,
    });
  });

  test("a dead letter of an invalid payload names the issues, not the values", async () => {
    const app = newApp();
    app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, () => {});
    await app.publishJson("default", { who: 7 }, { id: "m-1", headers: { topic: "greet" } });
    await app.run({ messagesLimit: 1, signals: [] });
    expect(JSON.parse(String(rows()[0]?.["reason"]))).toMatchObject({
      code: "invalid",
      issues: [{ path: ["who"], message: expect.stringContaining("expected string") }],
    });
  });

  test("a replay: the same row under a new id, which names the old one", async () => {
    const app = newApp();
    const greet = app.actor({ name: "greet" }, () => {
      throw new Error("no");
    });
    await app.send(greet, 1, { id: "m-1" });
    await app.run({ messagesLimit: 1, signals: [] });
    const [fromScratch] = await app.deadLetters("default").replay("m-1");
    const headers = '{"topic":"greet","millrace":"of=m-1"}';
    expect(fromScratch).toMatch(uuid);
    expect(rows()).toEqual([
      {
        ...{ ...fresh, due: 0, sent_at: true, id: fromScratch, channel: "default", headers },
        ...{ content_type: "application/json", payload: "1" },
      },
    ]);
    await app.run({ messagesLimit: 1, signals: [] });
    await app.deadLetters("default").replay({}, { attempts: 3, channel: "elsewhere" });
    const used = `{"topic":"greet","millrace":"a=3;of=${fromScratch}"}`;
    expect(rows()).toMatchObject([{ state: 2, channel: "elsewhere", deliveries: 3, headers: used }]);
  });
});

describe("sqlite: requests and replies", () => {
  test("a reply is a message in the channel of its address, with the correlation id, for an hour", async () => {
    const app = newApp();
    const greet = app.actor({ name: "greet", reply: z.object({ ok: z.boolean() }) }, () => ({ ok: true }));
    await app.send(greet, 1, { id: "m-1", replyTo: "answers", headers: { "correlation-id": "c-1" } });
    await app.run({ messagesLimit: 1, signals: [] });
    const { id, ...row } = rows()[0] as Row;
    expect(id).toMatch(uuid);
    expect(row).toEqual({
      ...{ ...fresh, due: 0, sent_at: true, expires: 3_600_000, channel: "answers" },
      ...{ seq: expect.any(Number), content_type: "application/json" },
      ...{ headers: '{"correlation-id":"c-1"}', payload: '{"ok":true}' },
    });
  });

  test("a request names one reply channel per app and carries a correlation id", async () => {
    const app = newApp();
    let request: Row | undefined;
    const greet = app.actor({ name: "greet", reply: z.object({ ok: z.boolean() }) }, () => {
      request = rows()[0];
      return { ok: true };
    });
    const running = app.runWorker({ messagesLimit: 1, signals: [] });
    expect(await app.request(greet, 1, { id: "m-1" })).toEqual({ ok: true });
    await running;
    expect(request?.["reply_to"]).toMatch(new RegExp(`^millrace\\.reply\\.${uuid.source.slice(1, -1)}$`));
    const headers = JSON.parse(String(request?.["headers"])) as Record<string, string>;
    expect(Object.keys(headers)).toEqual(["correlation-id", "topic"]);
    expect(headers["correlation-id"]).toMatch(uuid);
    expect(rows()).toEqual([]);
  });
});

describe("sqlite: rows that others wrote", () => {
  test("the columns that may not be empty are enough", async () => {
    await createFile();
    insert({ headers: '{"Topic":"greet"}', sent_at: 1000 }, '{"who":"foreign"}');
    const app = newApp();
    let seen: unknown;
    app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload, headers, message }) => {
      seen = { payload, headers: { ...headers }, id: message.id, sentAt: message.sentAt, attempt: message.attempt };
    });
    await app.run({ messagesLimit: 1, signals: [] });
    expect(seen).toEqual({
      ...{ payload: { who: "foreign" }, headers: { Topic: "greet" } },
      ...{ id: "foreign-1", sentAt: 1000, attempt: 1 },
    });
  });

  test("headers that are no JSON count as none", async () => {
    await createFile();
    insert({ headers: "{not json" }, "1");
    const app = newApp();
    let seen: unknown;
    app.actor({ name: "all", routing: () => () => true }, ({ headers }) => {
      seen = { ...headers };
    });
    await app.run({ messagesLimit: 1, signals: [] });
    expect(seen).toEqual({});
  });

  test("a forged reserved header is clamped and not shown", async () => {
    await createFile();
    insert({ headers: '{"topic":"greet","millrace":"a=999999999;u=-4;first=x;of=old"}' }, "1");
    const app = newApp();
    let seen: unknown;
    app.actor({ name: "greet", retry: 3 }, ({ headers, attempt }) => {
      seen = { headers: { ...headers }, attempt };
      throw new Error("no more attempts are left");
    });
    await app.run({ messagesLimit: 1, signals: [] });
    expect(seen).toEqual({ headers: { topic: "greet" }, attempt: 100_001 });
    expect(rows()[0]?.["state"]).toBe(5);
  });
});

describe("the reserved header", () => {
  const full = { attempts: 2, deliveries: 3, results: 1, unrouted: 4, firstFailureAt: 1730, replayOf: "m-1" };

  test("its grammar", () => {
    expect(formatBookkeeping(noBookkeeping)).toBeUndefined();
    expect(formatBookkeeping(full)).toBe("a=2;d=3;r=1;u=4;first=1730;of=m-1");
    expect(parseBookkeeping("a=2;d=3;r=1;u=4;first=1730;of=m-1")).toEqual(full);
    expect(parseBookkeeping("of=m-1;new=field;a=2")).toEqual({ ...noBookkeeping, attempts: 2, replayOf: "m-1" });
  });

  test("what does not fit counts as nothing", () => {
    for (const value of ["", "a", "a=", "a=-1", "a=1.5", "a=x", "first=-1", `of=${"x".repeat(9000)}`]) {
      expect(parseBookkeeping(value)).toEqual(noBookkeeping);
    }
    expect(parseBookkeeping("a=1000000000").attempts).toBe(100_000);
  });

  test("cannot be sent by an app, in any case", async () => {
    const app = newApp();
    for (const name of ["millrace", "Millrace"]) {
      await expect(app.publish("c", "", { headers: { [name]: "a=1" } })).rejects.toThrow(InvalidHeaderError);
    }
  });
});

describe("headers", () => {
  test.each([
    ["a b", "x"],
    ["", "x"],
    ["ä", "x"],
    ["a", "line\nbreak"],
    ["a", "\0"],
  ])("%j: %j is refused", async (name, value) => {
    const app = newApp();
    await expect(app.publish("c", "", { headers: { [name]: value } })).rejects.toThrow(InvalidHeaderError);
  });
});

describe("JSON", () => {
  const text = (value: unknown): string => Buffer.from(jsonCodec.encode(value)).toString();

  test("what becomes of values that JSON does not have", () => {
    expect(text({ at: new Date(0), big: 12n, bytes: new Uint8Array([1, 2]), none: undefined, list: [undefined] })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","big":"12","bytes":"AQI=","list":[null]}',
    );
    expect(text(undefined)).toBe("");
    expect(jsonCodec.decode(new Uint8Array(), "application/json")).toEqual({});
  });

  test.each([
    [{ a: new Map() }, "a"],
    [{ a: [new Set()] }, "a[0]"],
    [{ a: { b: Number.NaN } }, "a.b"],
    [{ f: () => {} }, "f"],
    [Symbol("s"), ""],
    [{ at: new Date(Number.NaN) }, "at"],
  ])("refuses %j", (value, place) => {
    expect(() => text(value)).toThrow(EncodeError);
    expect(() => text(value)).toThrow(expect.objectContaining({ path: place }));
  });

  test("a key __proto__ is left out when reading", () => {
    const value = jsonCodec.decode(Buffer.from('{"__proto__":{"admin":true},"a":1}'), "application/json");
    expect(Object.keys(value as object)).toEqual(["a"]);
    expect((value as { admin?: unknown }).admin).toBeUndefined();
  });
});

describe("content types", () => {
  const decode = createDecoder(undefined);
  const bytes = Buffer.from("[1]");

  test.each([
    undefined,
    "",
    "application/json",
    "Application/JSON; charset=UTF-8",
    'application/json;charset="utf-8"',
    "application/vnd.github.v3+json",
    "application/json; profile=x",
  ])("%j is JSON", (type) => {
    expect(decode(bytes, type)).toEqual([1]);
  });

  test("text and bytes", () => {
    expect(decode(bytes, "text/plain; charset=utf-8")).toBe("[1]");
    expect(decode(bytes, "application/octet-stream")).toEqual(bytes);
  });

  test.each(["application/xml", "application/json; charset=latin1", "text/csv", "application/jsonx"])(
    "%j is refused",
    (type) => {
      expect(() => decode(bytes, type)).toThrow(DecodeError);
    },
  );

  test.each([[Buffer.from("{")], [Buffer.from([0xff, 0x22])]])("bytes that are no JSON are refused: %j", (broken) => {
    expect(() => decode(broken, undefined)).toThrow(DecodeError);
  });
});

describe("memory", () => {
  test("keeps the same fields, headers as they were given", async () => {
    const app = createApp({ server: inMemory(), logger: false, runtime: { clock } });
    open.push(app);
    const greet = app.actor({ name: "greet", retry: 2, onError: () => ({ retryAfter: 1 }) }, () => {
      throw new Error("no");
    });
    await app.send(greet, { a: 1 }, { id: "m-1", replyTo: "answers", headers: { "X-Tenant": "a" } });
    await app.run({ messagesLimit: 2, signals: [] });
    const [letter] = await app.deadLetters("default").list();
    expect({ ...letter, headers: { ...letter?.headers }, payload: Buffer.from(letter!.payload).toString() }).toEqual({
      ...{ id: "m-1", channel: "default", payload: '{"a":1}', contentType: "application/json", replyTo: "answers" },
      headers: { "X-Tenant": "a", topic: "greet", millrace: `a=1;first=${now}` },
      reason: {
        ...{ code: "error", actor: "greet", attempts: 2, deliveries: 2, firstFailureAt: now, lastFailureAt: now },
        error: { name: "Error", message: "no", stack: expect.any(String) },
      },
      deadAt: expect.any(Number),
    });
  });
});
