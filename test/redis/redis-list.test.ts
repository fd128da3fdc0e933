import { randomUUID } from "node:crypto";
import { createCluster } from "@redis/client";
import { catchAll, createApp, type Logger } from "millrace";
import { type RedisListOptions, redisList } from "millrace/redis";
import { afterAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { respCommands } from "../../dev/resp.ts";
import { requireBroker, requireProgram } from "../brokers.ts";
import { startRedis } from "./redis-process.ts";
import { startSentinel } from "./redis-sentinel.ts";

const broker = await requireBroker("redis");
const url = broker?.url ?? "";
const used: string[] = [];

function newChannel(): string {
  const channel = `list-${randomUUID()}`;
  used.push(channel);
  return channel;
}

async function command(...words: readonly string[]): Promise<unknown> {
  const [reply] = await respCommands(url, [words]);
  return reply;
}

/** Events and the fields that go with them. */
function recorder(): { readonly logger: Logger; readonly events: Record<string, unknown>[] } {
  const events: Record<string, unknown>[] = [];
  const add = (fields: object): void => void events.push({ ...fields });
  return { events, logger: { debug() {}, info: add, warn: add, error: add } };
}

const appOn = (options: RedisListOptions = {}, logger: Logger | false = false) =>
  createApp({ server: redisList({ url, ...options }), logger });

afterAll(async () => {
  if (broker !== undefined && used.length > 0) await command("DEL", ...used);
});

describe.skipIf(broker === undefined)("a plain list", () => {
  test("what a program of others pushes as JSON reaches the actor of its name", async () => {
    const channel = newChannel();
    const app = appOn();
    const seen: unknown[] = [];
    app.actor(
      { name: "send_welcome_email", channel, payload: z.object({ email: z.string(), name: z.string() }) },
      ({ payload, message }) => void seen.push([payload, message.id, message.sentAt]),
    );
    // As json.dumps() of Python writes it: spaces after colons and commas, everything but ASCII escaped.
    await command(
      "RPUSH",
      channel,
      '{"id": "8a5c3c1e-6d0f-4a57-9a43-0a4f4f1b7a55", "name": "send_welcome_email", ' +
        '"payload": {"email": "zo\\u00eb@example.com", "name": "Zo\\u00eb"}, "timestamp": 1730000000.1234567}',
    );
    await app.run({ messagesLimit: 1 });
    expect(seen).toEqual([
      [{ email: "zoë@example.com", name: "Zoë" }, "8a5c3c1e-6d0f-4a57-9a43-0a4f4f1b7a55", 1_730_000_000_123],
    ]);
    await app.close();
  });

  test("what an app sends is the object that such programs read, first in, first out", async () => {
    const channel = newChannel();
    const app = appOn();
    const track = app.actor({ name: "track", channel, payload: z.object({ event: z.string() }) }, () => {});
    const before = Date.now() / 1000;
    const { id } = await app.send(track, { event: "größer" });
    await app.sendMany(track, [{ event: "second" }, { event: "third" }]);
    const item = JSON.parse(String(await command("LPOP", channel)));
    expect(item).toEqual({ id, name: "track", payload: { event: "größer" }, timestamp: expect.any(Number) });
    expect(item.timestamp).toBeGreaterThanOrEqual(before);
    expect(item.timestamp).toBeLessThanOrEqual(Date.now() / 1000);
    const rest = (await command("LRANGE", channel, "0", "-1")) as string[];
    expect(rest.map((text) => JSON.parse(text).payload.event)).toEqual(["second", "third"]);
    await app.close();
  });

  test("headers and a content type of one's own are further members, and come back", async () => {
    const channel = newChannel();
    const app = appOn();
    const seen: unknown[] = [];
    app.actor({ name: "any", channel, routing: catchAll }, ({ payload, message }) => {
      seen.push([payload, message.contentType, message.header("x-trace")]);
    });
    await app.publish(channel, Buffer.from([1, 255]), {
      contentType: "application/octet-stream",
      headers: { "x-trace": "7" },
    });
    expect(JSON.parse(String(await command("LINDEX", channel, "0")))).toMatchObject({
      name: null,
      payload: Buffer.from([1, 255]).toString("base64"),
      encoding: "base64",
      contentType: "application/octet-stream",
      headers: { "x-trace": "7" },
    });
    await app.run({ messagesLimit: 1 });
    expect(seen).toEqual([[Buffer.from([1, 255]), "application/octet-stream", "7"]]);
    await app.close();
  });

  test("an item that is no such object does not stop the others, and reaches a catch-all as it is", async () => {
    const channel = newChannel();
    const { logger, events } = recorder();
    const app = appOn({}, logger);
    const seen: unknown[] = [];
    app.actor({ name: "good", channel }, ({ payload }) => void seen.push(payload));
    for (const item of ["not json", "[1]", '{"name":"good"', '{"name":"nobody","payload":1}']) {
      await command("RPUSH", channel, item);
    }
    await command("RPUSH", channel, '{"id":"1","name":"good","payload":{"n":1},"timestamp":1}');
    const worker = app.createWorker({ signals: [], unrouted: { attempts: 2 } });
    await worker.start();
    await vi.waitFor(() => expect(events.filter(({ event }) => event === "message.dropped")).toHaveLength(4));
    expect(seen).toEqual([{ n: 1 }]);
    await worker.stop();
    expect(await command("LLEN", channel)).toBe(0);
    await app.close();
  });

  test("a message that fails is dropped, and that is told", async () => {
    const channel = newChannel();
    const { logger, events } = recorder();
    const app = appOn({}, logger);
    const fail = app.actor({ name: "fail", channel }, () => {
      throw new Error("no");
    });
    const { id } = await app.send(fail, {});
    await app.run({ messagesLimit: 1 });
    expect(events).toContainEqual({ event: "message.dropped", channel, id, reason: "error" });
    expect(await command("LLEN", channel)).toBe(0);
    await app.close();
  });

  test("what a list cannot do is refused where it is asked for", async () => {
    const channel = newChannel();
    const server = redisList({ url });
    const app = createApp({ server, logger: false });
    const plain = app.actor({ name: "plain", channel }, () => {});
    const unsupported = { code: "UNSUPPORTED_FEATURE" };
    const options: readonly object[] = [
      { delay: "1s" },
      { priority: 50 },
      { expiresIn: "1s" },
      { dedupe: { key: "k", window: "1m" } },
    ];
    for (const one of options) await expect(app.send(plain, {}, one)).rejects.toMatchObject(unsupported);
    // @ts-expect-error a list takes no params
    await expect(app.send(plain, {}, { params: { maxLength: 1 } })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(() => app.deadLetters(channel)).toThrow(expect.objectContaining(unsupported));
    app.actor({ name: "again", channel, retry: 3 }, () => {});
    await expect(app.run()).rejects.toMatchObject(unsupported);
    expect(await command("LLEN", channel)).toBe(0);
    await app.close();
  });

  test("what a stopping worker had not started goes back to the front, in order", async () => {
    const channel = newChannel();
    const app = appOn();
    const started: number[] = [];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const work = app.actor({ name: "work", channel, payload: z.object({ n: z.int() }) }, async ({ payload }) => {
      started.push(payload.n);
      await gate;
    });
    await app.sendMany(
      work,
      [0, 1, 2, 3, 4, 5].map((n) => ({ n })),
    );
    const worker = app.createWorker({ signals: [], concurrency: 1, prefetch: 3 });
    await worker.start();
    await vi.waitFor(async () => expect([started, await command("LLEN", channel)]).toEqual([[0], 2]));
    const stopping = worker.stop();
    await vi.waitFor(async () => expect(await command("LLEN", channel)).toBe(5));
    release();
    await stopping;
    const left = (await command("LRANGE", channel, "0", "-1")) as string[];
    expect(left.map((text) => JSON.parse(text).payload.n)).toEqual([1, 2, 3, 4, 5]);
    await app.close();
  });

  test("a key that holds something else is refused by name", async () => {
    const channel = newChannel();
    await command("SET", channel, "text");
    const app = appOn();
    const work = app.actor({ name: "work", channel }, () => {});
    await expect(app.run()).rejects.toThrow(channel);
    await expect(app.send(work, {})).rejects.toMatchObject({ code: "PUBLISH_FAILED", outcome: "failed" });
    await app.close();
  });
});

test("a cluster is refused, with what to use instead", () => {
  const client = createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] });
  expect(() => redisList({ client })).toThrow("Use redis() there");
  expect(() => redisList({ url: "redis://127.0.0.1:1", client })).toThrow("not several");
});

describe.skipIf(broker === undefined)("a list of payloads only", () => {
  test("has the bytes and nothing else, both ways", async () => {
    const channel = newChannel();
    const app = appOn({ frame: "raw" });
    const seen: unknown[] = [];
    const work = app.actor({ name: "work", channel, routing: catchAll }, ({ payload }) => void seen.push(payload));
    await app.send(work, { n: 1 });
    expect(await command("LRANGE", channel, "0", "-1")).toEqual(['{"n":1}']);
    await command("RPUSH", channel, '{"n":2}');
    await app.run({ messagesLimit: 2 });
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    await app.close();
  });

  test("refuses headers, and drops what an actor does not want rather than going round with it for ever", async () => {
    const channel = newChannel();
    const { logger, events } = recorder();
    const app = appOn({ frame: "raw" }, logger);
    app.actor({ name: "never", channel, routing: () => () => false }, () => {});
    await expect(app.publish(channel, Buffer.from("x"), { headers: { a: "b" } })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    await command("RPUSH", channel, "{}");
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    await vi.waitFor(() => expect(events.map(({ event }) => event)).toContain("message.dropped"));
    await worker.stop();
    expect(await command("LLEN", channel)).toBe(0);
    await app.close();
  });
});

describe.skipIf(broker === undefined)("a list in a format of one's own", () => {
  test("is written and read by the frame", async () => {
    const channel = newChannel();
    const app = appOn({
      frame: {
        carriesHeaders: false,
        encode: ({ topic, payload }) => `${topic}|${Buffer.from(payload)}`,
        decode(bytes) {
          const text = Buffer.from(bytes).toString();
          const [topic, payload = ""] = text.split("|");
          const none = { id: undefined, contentType: undefined, replyTo: undefined, sentAt: undefined, headers: {} };
          return { ...none, topic, payload: Buffer.from(payload) };
        },
      },
      topicHeader: "topic",
    });
    const seen: unknown[] = [];
    const work = app.actor({ name: "work", channel }, ({ payload }) => void seen.push(payload));
    await app.send(work, { n: 1 });
    expect(await command("LRANGE", channel, "0", "-1")).toEqual(['work|{"n":1}']);
    await app.run({ messagesLimit: 1 });
    expect(seen).toEqual([{ n: 1 }]);
    await app.close();
  });
});

describe.skipIf((await requireProgram("redis")) === undefined)("a user who may do little", () => {
  test("can send, receive and stop, with the commands that docs/servers/redis.md names", async () => {
    const rules = "on >secret ~work +rpush +lpush +lpop +blpop +type +client|info +client|unblock +client|kill";
    await using own = await startRedis({ users: { worker: rules } });
    const app = createApp({ server: redisList({ url: own.urlFor("worker", "secret") }), logger: false });
    const seen: unknown[] = [];
    const work = app.actor({ name: "work", channel: "work" }, ({ payload }) => void seen.push(payload));
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    await app.send(work, { n: 1 });
    await vi.waitFor(() => expect(seen).toEqual([{ n: 1 }]));
    const before = performance.now();
    await worker.stop();
    expect(performance.now() - before).toBeLessThan(1000);
    await app.close();
  });
});

describe.skipIf((await requireProgram("redis")) === undefined)("a list behind Sentinel", () => {
  test("is that of the master, also of the next one", { timeout: 60_000 }, async () => {
    await using group = await startSentinel();
    const sentinel = { name: group.name, nodes: group.sentinels.map(({ host, port }) => ({ host, port })) };
    const app = createApp({ server: redisList({ sentinel, commandTimeout: "1s", blockTime: "500ms" }), logger: false });
    const seen: unknown[] = [];
    const work = app.actor({ name: "work", channel: "work" }, ({ payload }) => void seen.push(payload));
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    await app.send(work, { n: 1 });
    await vi.waitFor(() => expect(seen).toEqual([{ n: 1 }]));
    await group.failOver();
    await vi.waitFor(() => app.send(work, { n: 2 }), { timeout: 20_000 });
    await vi.waitFor(() => expect(seen).toContainEqual({ n: 2 }), { timeout: 20_000 });
    await worker.stop();
    await app.close();
  });
});

describe.skipIf((await requireProgram("redis")) === undefined)("a list whose Redis is gone for a while", () => {
  test.for([
    ["is killed and comes back", "kill"],
    ["cuts all connections", "cut"],
    ["is frozen for longer than it is waited for", "freeze"],
  ] as const)("goes on when it %s", { timeout: 30_000 }, async ([, fault]) => {
    await using own = await startRedis();
    const channel = "work";
    const app = createApp({
      server: redisList({ url: own.url, commandTimeout: "1s", blockTime: "500ms" }),
      logger: false,
    });
    const seen: number[] = [];
    const work = app.actor({ name: "work", channel, payload: z.object({ n: z.int() }) }, ({ payload }) => {
      seen.push(payload.n);
    });
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    await app.send(work, { n: 1 });
    await vi.waitFor(() => expect(seen).toEqual([1]));
    if (fault === "kill") {
      await own.kill();
      await own.start();
    } else if (fault === "cut") {
      await own.command("CLIENT", "KILL", "TYPE", "normal");
    } else {
      own.pause();
      await expect(app.send(work, { n: 0 })).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
      own.resume();
    }
    await vi.waitFor(() => app.send(work, { n: 2 }), { timeout: 10_000 });
    // The one that was sent to the frozen Redis may be there as well.
    await vi.waitFor(() => expect(seen.filter((n) => n !== 0)).toEqual([1, 2]), { timeout: 10_000 });
    expect(new Set(seen).size).toBe(seen.length);
    await worker.stop();
    await app.close();
  });
});
