import {
  createApp,
  createRouter,
  defineDependency,
  defineOperation,
  type ProducerMiddleware,
  RetryAfterError,
} from "millrace";
import { inMemory } from "millrace/memory";
import { createTestClient, type TestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";

const numbered = z.object({ n: z.number() });
const notFound = expect.objectContaining({ code: "NOT_FOUND" });

function newApp(producer: readonly ProducerMiddleware[] = []) {
  const server = inMemory();
  const app = createApp({ server, logger: false, middleware: { producer } });
  const ran: unknown[] = [];
  const good = app.actor({ name: "good", channel: "work", payload: numbered }, ({ payload }) => {
    ran.push(payload.n);
    return payload.n * 2;
  });
  const bad = app.actor({ name: "bad", channel: "work" }, () => {
    ran.push("bad");
    throw new RangeError("bad");
  });
  return { app, server, ran, good, bad };
}

/** Sees to it that a client is closed, whatever becomes of the test. */
async function within<C extends TestClient>(client: C, body: (client: C) => Promise<void>): Promise<void> {
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

describe("sending with autoProcess", () => {
  test("processes inside the call, before it resolves", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app), async (client) => {
      const { id } = await client.send(good, { n: 1 });
      expect(ran).toEqual([1]);
      expect(client.processed()).toMatchObject([
        { id, server: "default", channel: "work", actor: "good", attempt: 1, deliveries: 1, outcome: "ack", result: 2 },
      ]);
      expect(client.processed()[0]?.json()).toEqual({ n: 1 });
      expect(client.processed()[0]?.error).toBeUndefined();
    });
  });

  test("sendMany, publish and publishJson as well", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app), async (client) => {
      await client.sendMany(good, [{ n: 1 }, { n: 2 }]);
      await client.publish("work", '{"n":3}', { headers: { topic: "good" } });
      await client.publishJson("work", { n: 4 }, { headers: { topic: "good" } });
      expect(ran.toSorted()).toEqual([1, 2, 3, 4]);
    });
  });

  test("throws the error of the actor itself, after the run was recorded", async () => {
    const { app, bad } = newApp();
    await within(createTestClient(app), async (client) => {
      await expect(client.send(bad, {})).rejects.toThrow(RangeError);
      expect(client.processed()).toMatchObject([{ actor: "bad", outcome: "nack", error: { message: "bad" } }]);
      expect(await client.deadLetters("work").count()).toBe(1);
    });
  });

  test("throwOnError: false keeps the error in the record only", async () => {
    const { app, bad } = newApp();
    await within(createTestClient(app, { throwOnError: false }), async (client) => {
      await client.send(bad, {});
      expect(client.processed()[0]?.error).toBeInstanceOf(RangeError);
    });
  });

  test("invalid input of a foreign sender is an error, too", async () => {
    const { app } = newApp();
    await within(createTestClient(app), async (client) => {
      await expect(client.publish("work", '{"n":"x"}', { headers: { topic: "good" } })).rejects.toMatchObject({
        code: "VALIDATION_FAILED",
      });
      expect(client.processed()).toMatchObject([{ actor: "good", outcome: "nack" }]);
    });
  });

  test("a message that no actor wants throws, or is left with throwOnUnrouted: false", async () => {
    const { app } = newApp();
    await within(createTestClient(app), async (client) => {
      await expect(client.publish("work", "{}", { headers: { topic: "who" } })).rejects.toThrow(notFound);
    });
    await within(createTestClient(app, { throwOnUnrouted: false }), async (client) => {
      await client.publish("work", "{}", { headers: { topic: "who" } });
      expect(client.processed()).toEqual([]);
      expect(client.events.some(({ event }) => event === "message.unrouted")).toBe(true);
      await client.drain();
      expect(await client.deadLetters("work").list()).toMatchObject([{ reason: { code: "unrouted" } }]);
    });
  });

  test("refuses what the app refuses: input that does not fit, actors of others, servers that are not there", async () => {
    const { app, good } = newApp();
    const stranger = createRouter().actor({ name: "stranger" }, () => {});
    await within(createTestClient(app), async (client) => {
      await expect(client.send(good, { n: "1" as unknown as number })).rejects.toMatchObject({
        code: "VALIDATION_FAILED",
      });
      await expect(client.send(stranger, {})).rejects.toThrow(notFound);
      await expect(client.send(good, { n: 1 }, { server: "x" as "default" })).rejects.toThrow(notFound);
      expect([client.sent(), client.processed()]).toEqual([[], []]);
    });
  });

  test("producer middleware of the app runs, and what it changes is what was sent", async () => {
    const { app, good } = newApp([
      ({ message }, next) => next({ message: { ...message, headers: { ...message.headers, trace: "t1" } } }),
    ]);
    await within(createTestClient(app), async (client) => {
      await client.send(good, { n: 1 });
      expect(client.sent()[0]?.headers).toMatchObject({ topic: "good", trace: "t1" });
      expect(client.processed()[0]?.headers).toMatchObject({ trace: "t1" });
    });
  });

  test("what a middleware suppresses was not sent", async () => {
    const { app, good } = newApp([() => undefined]);
    await within(createTestClient(app), async (client) => {
      expect(await client.send(good, { n: 1 })).toMatchObject({ suppressed: true });
      expect([client.sent(), client.processed()]).toEqual([[], []]);
    });
  });

  test("a message for later is not processed now; advancing the clock processes it", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app), async (client) => {
      await client.send(good, { n: 1 }, { delay: "1h" });
      await client.advance("59m");
      expect(ran).toEqual([]);
      await client.advance("1m");
      expect(ran).toEqual([1]);
    });
  });

  test("errors of what becomes due are thrown by the advance that made it so", async () => {
    const { app, bad } = newApp();
    await within(createTestClient(app), async (client) => {
      await client.send(bad, {}, { delay: "1h" });
      await expect(client.advance("1h")).rejects.toThrow(RangeError);
    });
  });

  test("a request is answered, and its error is a timeout when the actor fails", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const double = defineOperation({ name: "double", payload: numbered, reply: numbered });
    app.actor({ operation: double }, ({ payload: { n } }) => ({ n: n * 2 }));
    await within(createTestClient(app), async (client) => {
      expect(await client.request(double, { n: 2 })).toEqual({ n: 4 });
      expect(await Promise.all([1, 2, 3].map((n) => client.request(double, { n })))).toEqual([
        { n: 2 },
        { n: 4 },
        { n: 6 },
      ]);
      expect(client.processed({ operation: double }).map(({ outcome }): unknown => outcome)).toEqual(
        Array.from({ length: 4 }, () => "reply"),
      );
    });
  });

  test("many sends at the same time are each processed once", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app), async (client) => {
      await Promise.all(Array.from({ length: 30 }, (_, n) => client.send(good, { n })));
      expect(ran.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 30 }, (_, n) => n));
    });
  });
});

describe("processing by hand", () => {
  test("processNext takes one message, and gives nothing when there is none", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      expect(await client.processNext()).toBeUndefined();
      await client.send(good, { n: 1 });
      await client.send(good, { n: 2 });
      expect(ran).toEqual([]);
      expect(await client.processNext()).toMatchObject({ result: 2, outcome: "ack" });
      expect(ran).toEqual([1]);
      expect(await client.processNext()).toMatchObject({ result: 4 });
      expect(await client.processNext()).toBeUndefined();
    });
  });

  test("processNext gives failures as they are instead of throwing", async () => {
    const { app, bad } = newApp();
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.send(bad, {});
      expect(await client.processNext()).toMatchObject({ actor: "bad", outcome: "nack", error: { message: "bad" } });
    });
  });

  test("processAll takes everything that is ready, and what that causes", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const countdown = app.actor({ name: "countdown", payload: numbered }, async ({ payload: { n }, message }) => {
      if (n > 0) await message.send(countdown, { n: n - 1 });
    });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.send(countdown, { n: 4 });
      const runs = (await client.processAll()).map((run) => (run.json() as { readonly n: number }).n);
      expect(runs.toSorted((a, b) => b - a)).toEqual([4, 3, 2, 1, 0]);
      expect(await client.processAll()).toEqual([]);
    });
  });

  test("neither takes what is not due yet; drain does, and lets the time pass", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const flaky = app.actor({ name: "flaky", retry: { attempts: 3, backoff: "1h" } }, ({ attempt }) => {
      if (attempt === 1) throw new Error("again");
      if (attempt === 2) throw new RetryAfterError("1d");
    });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      const start = client.clock.now();
      await client.send(flaky, {});
      expect((await client.processAll()).map(({ outcome }) => outcome)).toEqual(["retry"]);
      expect(await client.processNext()).toBeUndefined();
      expect(await client.inspect("default")).toMatchObject({ ready: 0, delayed: 1 });
      expect((await client.drain()).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [2, "retry"],
        [3, "ack"],
      ]);
      expect(client.clock.now() - start).toBeGreaterThanOrEqual(25 * 3_600_000 * 0.9);
    });
  });

  test("advance only moves the clock", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app, { autoProcess: false, startAt: new Date("2030-01-01") }), async (client) => {
      expect(new Date(client.clock.now()).toISOString()).toBe("2030-01-01T00:00:00.000Z");
      await client.send(good, { n: 1 }, { at: new Date("2030-01-02") });
      await client.advance("1d");
      expect(ran).toEqual([]);
      expect(await client.inspect("work")).toMatchObject({ ready: 1 });
      expect(await client.processNext()).toMatchObject({ result: 2 });
    });
  });

  test("a message that is urgent is next", async () => {
    const { app, ran, good } = newApp();
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.send(good, { n: 1 });
      await client.send(good, { n: 2 }, { priority: 90 });
      await client.processNext();
      expect(ran).toEqual([2]);
    });
  });

  test("a manual actor that leaves messages unsettled does not hang it", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    let runs = 0;
    const lazy = app.actor({ name: "lazy", confirmation: "manual" }, () => {
      runs += 1;
    });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      for (let n = 0; n < 5; n += 1) await client.send(lazy, {});
      const processed = await client.processAll();
      expect(processed.length).toBe(5);
      expect(processed.every(({ outcome }) => outcome === undefined)).toBe(true);
      expect(runs).toBe(5);
      // Nobody settled them, so that they are still there.
      expect(await client.inspect("default")).toMatchObject({ ready: 5 });
      expect(await client.processNext()).toMatchObject({ actor: "lazy" });
      expect((await client.drain()).length).toBe(5);
    });
    await within(createTestClient(app), async (client) => {
      await client.send(lazy, {});
      expect(client.processed()).toMatchObject([{ outcome: undefined }]);
    });
  });

  test("an actor that always rejects does not hang it: the delivery limit ends it", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const never = app.actor({ name: "never", onError: "reject" }, () => {
      throw new Error("not now");
    });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.send(never, {});
      expect((await client.processAll()).length).toBe(20);
      expect(await client.deadLetters("default").list()).toMatchObject([{ reason: { code: "poison" } }]);
    });
  });

  test("a request stays open until something processes it", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const double = defineOperation({ name: "double", payload: numbered, reply: numbered });
    app.actor({ operation: double }, ({ payload: { n } }) => ({ n: n * 2 }));
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      const pending = client.request(double, { n: 2 });
      expect(await Promise.race([pending, new Promise((resolve) => setImmediate(resolve, "open"))])).toBe("open");
      await client.processAll();
      expect(await pending).toEqual({ n: 4 });
    });
  });

  test("without actors there is nothing to process", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.publish("work", "{}");
      expect([await client.processNext(), await client.processAll(), await client.drain()]).toEqual([
        undefined,
        [],
        [],
      ]);
    });
  });
});

describe("what happened", () => {
  test("sent and processed are filtered by operation, actor, name and channel", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const order = defineOperation({ name: "order", channel: "orders", payload: numbered });
    app.actor({ operation: order }, () => {});
    const mail = app.actor({ name: "mail", channel: "mails" }, () => {});
    await within(createTestClient(app), async (client) => {
      await client.send(order, { n: 1 });
      await client.send(order, { n: 2 });
      await client.send(mail, {});
      await client.publishJson("mails", {}, { headers: { topic: "mail" } });
      const filters = [
        undefined,
        {},
        { operation: order },
        { operation: "order" },
        { operation: mail },
        { channel: "mails" },
        { channel: "orders", operation: "mail" },
        { channel: "none" },
      ];
      expect(filters.map((filter) => client.sent(filter).length)).toEqual([4, 4, 2, 2, 1, 2, 0, 0]);
      expect(filters.map((filter) => client.processed(filter).length)).toEqual([4, 4, 2, 2, 2, 2, 0, 0]);
      expect(client.sent({ operation: order }).map((sent) => sent.json())).toEqual([{ n: 1 }, { n: 2 }]);
    });
  });

  test("the lists are copies", async () => {
    const { app, good } = newApp();
    await within(createTestClient(app), async (client) => {
      await client.send(good, { n: 1 });
      const sent = client.sent() as unknown[];
      const processed = client.processed() as unknown[];
      await client.send(good, { n: 2 });
      expect([sent.length, processed.length]).toEqual([1, 1]);
      sent.length = 0;
      processed.push("mine");
      expect([client.sent().length, client.processed().length]).toEqual([2, 2]);
    });
  });

  test("clear forgets what was recorded, not what waits", async () => {
    const { app, good } = newApp();
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await client.send(good, { n: 1 });
      await client.send(good, { n: 2 });
      await client.processNext();
      client.clear();
      expect([client.sent(), client.processed(), client.events]).toEqual([[], [], []]);
      expect(await client.processAll()).toMatchObject([{ result: 4 }]);
    });
  });

  test("replies and messages that actors send on are there as well, with their results", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const next = app.actor({ name: "next" }, () => "next");
    const first = app.actor({ name: "first" }, async ({ message, send }) => {
      await send(next, { from: "first" });
      await message.replyValue({ ok: true });
    });
    app.actor({ name: "answers", channel: "answers", routing: () => () => true }, () => "answer");
    await within(createTestClient(app), async (client) => {
      await client.send(first, {}, { replyTo: "answers" });
      expect(client.sent().map(({ operation, channel }) => [operation, channel])).toEqual([
        ["first", "default"],
        ["next", "default"],
        [undefined, "answers"],
      ]);
      const runs = client.processed().map(({ actor, result, outcome }) => [actor, result, outcome]);
      expect(runs.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))).toEqual([
        ["answers", "answer", "ack"],
        ["first", undefined, "reply"],
        ["next", "next", "ack"],
      ]);
    });
  });

  // A run is recorded when its message is settled, and here that is before it ends.
  test("a run that settles early still shows what it returned or threw, and throws it", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const returns = app.actor({ name: "returns" }, async ({ message }) => {
      await message.ack();
      return 42;
    });
    const throws = app.actor({ name: "throws" }, async ({ message }) => {
      await message.ack();
      throw new RangeError("after the ack");
    });
    await within(createTestClient(app), async (client) => {
      await client.send(returns, {});
      await expect(client.send(throws, {})).rejects.toThrow(RangeError);
      expect(client.processed()).toMatchObject([
        { outcome: "ack", result: 42 },
        { outcome: "ack", error: { message: "after the ack" } },
      ]);
    });
  });

  test("every run is an entry of its own, with its counters", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const flaky = app.actor({ name: "flaky", retry: { attempts: 3, backoff: 0 } }, ({ attempt }) => {
      if (attempt < 3) throw new Error(`attempt ${attempt}`);
      return "done";
    });
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      const { id } = await client.send(flaky, {});
      await client.drain();
      expect(client.processed()).toMatchObject([
        { id, attempt: 1, deliveries: 1, outcome: "retry", error: { message: "attempt 1" } },
        { id, attempt: 2, deliveries: 2, outcome: "retry", error: { message: "attempt 2" } },
        { id, attempt: 3, deliveries: 3, outcome: "ack", result: "done" },
      ]);
    });
  });

  test("events are those of the log, with their level; the app's own logger hears nothing", async () => {
    const heard: unknown[] = [];
    const log = (fields: unknown): void => void heard.push(fields);
    const logger = { debug: log, info: log, warn: log, error: log };
    const app = createApp({ server: inMemory(), logger });
    const bad = app.actor({ name: "bad" }, () => {
      throw new Error("bad");
    });
    await within(createTestClient(app, { throwOnError: false }), async (client) => {
      await client.send(bad, {});
      expect(client.events).toContainEqual(expect.objectContaining({ event: "handler.error", level: "error" }));
    });
    expect(heard).toEqual([]);
  });
});

describe("override", () => {
  const clock = defineDependency({ resolve: (): string => "real" });

  function appWithClock() {
    const app = createApp({ server: inMemory(), logger: false });
    const seen: string[] = [];
    const tick = app.actor({ name: "tick", deps: { clock } }, ({ deps }) => void seen.push(deps.clock));
    return { app, seen, tick };
  }

  test("replaces a dependency until it is disposed of; overrides may be nested", async () => {
    const { app, seen, tick } = appWithClock();
    await within(createTestClient(app), async (client) => {
      await client.send(tick, {});
      const outer = client.override(clock, () => "outer");
      await client.send(tick, {});
      const inner = client.override(clock, async () => "inner");
      await client.send(tick, {});
      inner.dispose();
      await client.send(tick, {});
      outer[Symbol.dispose]();
      await client.send(tick, {});
      expect(seen).toEqual(["real", "outer", "inner", "outer", "real"]);
    });
  });

  test("is of one client only", async () => {
    const { app, seen, tick } = appWithClock();
    await within(createTestClient(app), async (client) => {
      client.override(clock, () => "fake");
      await client.send(tick, {});
    });
    await within(createTestClient(app), async (client) => {
      await client.send(tick, {});
    });
    expect(seen).toEqual(["fake", "real"]);
  });

  test("replaces what other dependencies are made of, too, and sees the payload", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const base = defineDependency({ payload: numbered, resolve: ({ payload }): string => `real ${payload.n}` });
    const above = defineDependency({ deps: { base }, resolve: ({ deps }) => `${deps.base}!` });
    const actor = app.actor({ name: "a", payload: numbered, deps: { above } }, ({ deps }) => deps.above);
    await within(createTestClient(app), async (client) => {
      client.override(base, ({ payload }) => `fake ${(payload as { readonly n: number }).n}`);
      await client.send(actor, { n: 7 });
      expect(client.processed()).toMatchObject([{ result: "fake 7!" }]);
    });
  });
});

describe("the app meanwhile and afterwards", () => {
  test("its own sends go to the client, and nothing reaches the real server", async () => {
    const { app, server, good } = newApp();
    await within(createTestClient(app, { autoProcess: false }), async (client) => {
      await app.send(good, { n: 1 });
      expect(client.sent().length).toBe(1);
      expect(await client.processNext()).toMatchObject({ result: 2 });
      expect([server.state, (await server.inspect("work")).ready]).toEqual(["closed", 0]);
    });
  });

  test("closing restores it: sends go to the real server again, where nothing of the test is", async () => {
    const { app, server, ran, good } = newApp();
    const client = createTestClient(app, { autoProcess: false });
    await client.send(good, { n: 1 });
    await client.close();
    await app.send(good, { n: 2 });
    expect((await server.inspect("work")).ready).toBe(1);
    expect(await app.run({ messagesLimit: 1, signals: [] })).toMatchObject({ processed: 1 });
    expect([ran, client.processed()]).toEqual([[2], []]);
  });

  test("one client at a time, and a new one starts empty", async () => {
    const { app, good } = newApp();
    const first = createTestClient(app, { autoProcess: false });
    expect(() => createTestClient(app)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    await first.send(good, { n: 1 });
    await first[Symbol.asyncDispose]();
    await within(createTestClient(app, { autoProcess: false }), async (second) => {
      expect([second.sent(), await second.processAll()]).toEqual([[], []]);
    });
  });

  // The second `close()` puts the app's own engine back in place of the other client's.
  test("closing a client again leaves the one that came after it alone", async () => {
    const { app, ran, good } = newApp();
    const first = createTestClient(app);
    await first.close();
    await within(createTestClient(app), async (second) => {
      await first.close();
      await second.send(good, { n: 1 });
      expect([ran, second.processed().length]).toEqual([[1], 1]);
    });
  });

  test("app-wide dependencies of the test are disposed of with it", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const open: string[] = [];
    const pool = defineDependency({
      scope: "app",
      resolve: () => {
        open.push("open");
        return open.length;
      },
      dispose: () => void open.push("closed"),
    });
    const actor = app.actor({ name: "a", deps: { pool } }, () => {});
    const client = createTestClient(app);
    await client.send(actor, {});
    await client.send(actor, {});
    await client.close();
    expect(open.filter((event) => event === "open").length).toBe(open.filter((event) => event === "closed").length);
    expect(open.at(-1)).toBe("closed");
  });

  test("several servers are all replaced, each with what it can do", async () => {
    const app = createApp({
      servers: { main: inMemory(), meagre: inMemory({ features: { priority: { level: "unsupported" } } }) },
      logger: false,
    });
    const seen: string[] = [];
    const actor = app.actor({ name: "a" }, ({ message }) => void seen.push(message.server));
    await within(createTestClient(app), async (client) => {
      await client.send(actor, {}, { server: "main", priority: 50 });
      await client.send(actor, {}, { server: "meagre" });
      await expect(client.send(actor, {}, { server: "meagre", priority: 50 })).rejects.toMatchObject({
        code: "UNSUPPORTED_FEATURE",
      });
      expect(seen).toEqual(["main", "meagre"]);
    });
  });

  test("a start time that is none is refused", () => {
    const { app } = newApp();
    expect(() => createTestClient(app, { startAt: Number.NaN })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});
