import { createClient } from "@redis/client";
import type { Delivery } from "millrace";
import type { RedisServer } from "millrace/redis";
import { describe, expect, test } from "vitest";
import { numbered } from "../../src/conformance/message.ts";
import { requireProgram } from "../brokers.ts";
import { createAuthority } from "./certificates.ts";
import { ack, callsOf, hold, type Intake, numbers, send, stage, until } from "./faults-stage.ts";
import type { RedisProcess } from "./redis-process.ts";

const there = (await requireProgram("redis")) !== undefined;
const stream = "millrace:{a}";
const lengthOf = async (redis: RedisProcess, key = stream): Promise<number> => Number(await redis.command("XLEN", key));

describe.skipIf(!there).concurrent("priorities", () => {
  const fill = async (main: RedisServer): Promise<void> => {
    await Promise.all(numbered(640, "high ").map((one) => main.publish("a", one, { priority: 100 })));
    await Promise.all(numbered(40, "low ").map((one) => main.publish("a", one, { priority: 1 })));
  };

  for (const maxUnsettled of [1, 8, 64]) {
    test(`weighted, ${maxUnsettled} at a time: a low level gets about one in sixteen of a constant stream`, async (context) => {
      const { connected, consume, shared } = stage(context);
      const main = await connected(await shared());
      await fill(main);
      const intake = await consume(main, "a", { maxUnsettled });
      await until("all come", () => intake.texts.length === 680, 15_000);
      const low = intake.texts.slice(0, 320).filter((text) => text.startsWith("low")).length;
      expect(low).toBeGreaterThanOrEqual(10);
      expect(low).toBeLessThanOrEqual(30);
    }, 20_000);
  }

  test("strict: a low level waits", async (context) => {
    const { connected, consume, shared } = stage(context);
    const main = await connected({ ...(await shared()), priorityOrder: "strict" });
    await fill(main);
    const intake = await consume(main, "a", { maxUnsettled: 8 });
    await until("all come", () => intake.texts.length === 680, 15_000);
    expect(intake.texts.slice(0, 640).every((text) => text.startsWith("high"))).toBe(true);
  }, 20_000);

  test("an urgent message of another process is seen by a worker that waits", async (context) => {
    const { connected, consume, shared } = stage(context);
    const place = await shared();
    const [main, other] = [await connected({ ...place, blockTime: "5s" }), await connected(place)];
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it blocks again", () => intake.texts.length === 1);
    await send(other, "a", "urgent", { priority: 100 });
    await until("it comes", () => intake.texts.includes("urgent"), 1000);
  });
});

describe.skipIf(!there).concurrent("groups", () => {
  test('groupStart: "0" begins with everything, "$" with what is sent from then on, an id behind that', async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    await send(main, "a", "1");
    const second = (await send(main, "a", "2")).brokerId as `${number}-${number}`;
    await send(main, "a", "3");
    const seen: Intake[] = [];
    for (const groupStart of ["0", "$", second] as const) {
      const one = await connected({ url: redis.url, group: `from ${groupStart}`, groupStart, settled: "keep" });
      seen.push(await consume(one, "a"));
    }
    await send(main, "a", "4");
    await until("all are served", () => seen.every(({ texts }) => texts.includes("4")));
    expect(seen.map(({ texts }) => texts)).toEqual([["1", "2", "3", "4"], ["4"], ["3", "4"]]);
  });

  test('settled: "keep": two groups each get everything, and nothing is deleted', async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const servers = await Promise.all(
      ["one", "two"].map((group) => connected({ url: redis.url, group, settled: "keep" })),
    );
    const [one, two] = servers as [RedisServer, RedisServer];
    for (const text of numbers(50)) await send(one, "a", text);
    const first = await consume(one, "a", { handle: ack });
    await until("the first has all", () => first.texts.length === 50);
    expect(await two.inspect?.("a")).toMatchObject({ ready: 50, inFlight: 0 });
    const second = await consume(two, "a", {
      handle: (delivery) =>
        void delivery.settle(delivery.deliveryCount === 1 && textsOf([delivery])[0] === "7" ? "nack" : "ack"),
    });
    await until("the second has all", () => second.texts.length === 50);
    await until("all are settled", async () => {
      const stats = await Promise.all(servers.map((server) => server.inspect?.("a")));
      return stats.every((known) => known?.ready === 0 && known.inFlight === 0);
    });
    expect(await lengthOf(redis)).toBe(50);
    expect(await one.deadLetters?.("a").count()).toBe(1);
    expect([first.texts, second.texts]).toEqual([numbers(50), numbers(50)]);
  });
});

const textsOf = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ payload }) => Buffer.from(payload).toString());

describe.skipIf(!there).concurrent("params of XADD", () => {
  test("maxLength, exact and approximate", async (context) => {
    const { own, connected } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    for (const text of numbers(20)) await send(main, "a", text, { params: { maxLength: 5, approximate: false } });
    expect(await lengthOf(redis)).toBe(5);
    const rough = { params: { maxLength: 100 } };
    await Promise.all(numbered(1000).map((one) => main.publish("b", one, rough)));
    const length = await lengthOf(redis, "millrace:{b}");
    expect(length).toBeGreaterThanOrEqual(100);
    expect(length).toBeLessThan(500);
    expect(await main.publishBatch?.("b", numbered(3), rough)).toHaveLength(3);
  });

  test("noMakeStream fails where nobody has used the channel, streamId is the entry's id", async (context) => {
    const { own, connected } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const refused = await send(main, "a", "1", { params: { noMakeStream: true } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ outcome: "failed", message: expect.stringContaining("noMakeStream") });
    expect(await redis.command("EXISTS", stream)).toBe(0);
    expect(await send(main, "a", "2", { params: { streamId: "5-1" } })).toMatchObject({ brokerId: "5-1" });
    const old = await send(main, "a", "3", { params: { streamId: "5-1" } }).catch((error: unknown) => error);
    expect(old).toMatchObject({ outcome: "failed", message: expect.stringContaining("equal or smaller") });
    await expect(send(main, "a", "4", { params: { streamId: "* KEYS" } })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(await send(main, "a", "5", { params: { noMakeStream: true, streamId: "6-*" } })).toHaveProperty("brokerId");
  });
});

describe.skipIf(!there).concurrent("keys", () => {
  test("keyPrefix parts servers; streamKey finds streams of others", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const [one, two] = [
      await connected({ url: redis.url, keyPrefix: "one:" }),
      await connected({ url: redis.url, keyPrefix: "" }),
    ];
    const [first, second] = [await consume(one, "a"), await consume(two, "a")];
    await send(one, "a", "1");
    await send(two, "a", "2");
    await until("each its own", () => first.texts.length === 1 && second.texts.length === 1);
    expect([first.texts, second.texts]).toEqual([["1"], ["2"]]);
    const given = await connected({ url: redis.url, streamKey: (channel) => `orders:${channel}` });
    const intake = await consume(given, "eu");
    await redis.command("XADD", "orders:eu", "*", "payload", "3");
    await send(given, "eu", "4", { delay: 20, priority: 50 });
    await until("both come", () => intake.texts.length === 2);
    expect(await redis.command("KEYS", "*orders:eu*")).toEqual(
      expect.arrayContaining(["orders:eu", "{orders:eu}:p50"]),
    );
  });

  test("an idle channel leaves nothing that grows: its streams are empty", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    const dedupe = { key: "k", window: 50, onDuplicate: "ignore" as const };
    await send(main, "a", "1", { dedupe });
    await send(main, "a", "2", { delay: 20, priority: 100 });
    await until("both come", () => intake.texts.length === 2);
    await until("only empty streams are left", async () => {
      const keys = (await redis.command("KEYS", "*")) as string[];
      const lengths = await Promise.all(keys.map((key) => redis.command("XLEN", key).catch(() => -1)));
      return lengths.every((length) => length === 0);
    });
  });
});

describe.skipIf(!there).concurrent("dedupe, expiry, dead letters", () => {
  test("a dedupe key counts per channel, for its window, also with a delay", async (context) => {
    const { own, connected } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const dedupe = { key: "k", window: 300, onDuplicate: "ignore" as const };
    const first = await send(main, "a", "1", { dedupe, delay: 60_000 });
    expect(await send(main, "a", "2", { dedupe })).toEqual({ id: first.id, duplicate: true });
    const throwing = send(main, "a", "3", { dedupe: { ...dedupe, onDuplicate: "throw" } });
    await expect(throwing).rejects.toMatchObject({ code: "DUPLICATE_MESSAGE", key: "k" });
    expect(await send(main, "b", "4", { dedupe })).not.toHaveProperty("duplicate");
    await until("the window is over", async () => (await send(main, "a", "5", { dedupe })).duplicate === undefined);
  });

  test('onExpired: "deadLetter" keeps what has expired, with the reason', async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, onExpired: "deadLetter" });
    await send(main, "a", "old", { expiresIn: 1 });
    await send(main, "a", "late", { expiresIn: 1, delay: 30 });
    await send(main, "a", "new", { expiresIn: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const intake = await consume(main, "a");
    await until("they are seen", () => intake.expired.length === 2 && intake.texts.length === 1);
    const letters = await main.deadLetters?.("a").list();
    expect(letters?.map(({ reason }) => reason.code)).toEqual(["expired", "expired"]);
    expect(intake.texts).toEqual(["new"]);
  });

  test("deadLetter: { maxSize } keeps the newest, index included, and says so", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, deadLetter: { maxSize: 5 } });
    for (const text of numbers(20)) await send(main, "a", text);
    await main.publish("a", { ...numbered(1)[0], id: "not-a-uuid" } as ReturnType<typeof numbered>[number]);
    const intake = await consume(main, "a", { handle: (delivery) => void delivery.settle("nack"), maxUnsettled: 7 });
    await until("all are dead", async () => intake.texts.length === 21 && (await lengthOf(redis)) === 0);
    const [dead, ids] = [await lengthOf(redis, `${stream}:dead`), await redis.command("HLEN", `${stream}:dead-ids`)];
    expect([dead, ids]).toEqual([5, 5]);
    expect(await main.deadLetters?.("a").get("not-a-uuid")).toMatchObject({ id: "not-a-uuid" });
    const dropped = logs.of("dead_letter.dropped").reduce((sum, { count }) => sum + Number(count), 0);
    expect(dropped).toBe(16);
  });

  test("a message that dies twice is found once, by its last dead letter", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a", { handle: (delivery) => void delivery.settle("nack") });
    for (const one of [1, 2]) {
      await main.publish("a", { ...numbered(1)[0], id: "same" } as ReturnType<typeof numbered>[number]);
      await until("it is dead", async () => (await lengthOf(redis, `${stream}:dead`)) === one);
    }
    expect(intake.texts).toHaveLength(2);
    expect(await main.deadLetters?.("a").purge()).toBe(2);
    expect(await redis.command("EXISTS", `${stream}:dead-ids`)).toBe(0);
  });

  test("deadLetter: false drops them, says so, and the feature is not there", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, deadLetter: false });
    await consume(main, "a", { handle: (delivery) => void delivery.settle("nack") });
    const { id } = await send(main, "a", "1");
    await until("it is dropped", () => logs.of("message.dropped").length === 1);
    expect(logs.of("message.dropped")).toMatchObject([{ channel: "a", id }]);
    expect(await redis.command("EXISTS", stream, `${stream}:dead`)).toBe(1);
    expect([main.deadLetters, main.features.deadLetter.level]).toEqual([undefined, "unsupported"]);
  });
});

describe.skipIf(!there).concurrent("looking at channels", () => {
  test("purge while some are held: these are settled as ever, all others go", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a", { maxUnsettled: 3, handle: hold });
    await Promise.all(numbered(2500).map((one) => main.publish("a", one)));
    for (const text of numbers(5)) await send(main, "a", text, { delay: 60_000 });
    await until("three are held", () => intake.texts.length === 3);
    expect(await main.inspect?.("a")).toMatchObject({ ready: 2497, inFlight: 3, delayed: 5, dead: 0 });
    expect(await main.purge?.("a")).toBe(2502);
    expect(await main.inspect?.("a")).toMatchObject({ ready: 0, inFlight: 3, delayed: 0, oldestAge: undefined });
    intake.deliveries.map(ack);
    await until("they are settled", async () => (await lengthOf(redis)) === 0);
    await send(main, "a", "next");
    await until("the next", () => intake.texts.includes("next"));
    expect(intake.texts).toHaveLength(4);
  });

  test("stats: every kind, over all levels, also where there is no group and no stream yet", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    expect(await main.inspect?.("a")).toEqual({ ready: 0, inFlight: 0, delayed: 0, dead: 0, oldestAge: undefined });
    for (const priority of [100, 50, 10, 1]) await send(main, "a", "x", { priority });
    await send(main, "a", "due", { delay: 1 });
    await send(main, "a", "later", { delay: 60_000 });
    await until("it is due", async () => (await main.inspect?.("a"))?.delayed === 1);
    const before = await main.inspect?.("a");
    expect(before).toMatchObject({ ready: 5, inFlight: 0, delayed: 1, dead: 0 });
    expect(before?.oldestAge).toBeLessThan(5000);
    const intake = await consume(main, "a", { handle: hold });
    await until("all come", () => intake.texts.length === 5);
    await intake.deliveries[0]?.settle("nack");
    expect(await main.inspect?.("a")).toMatchObject({ ready: 0, inFlight: 4, delayed: 1, dead: 1 });
  });

  test("200 channels in one subscription that holds one message at a time", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, pollInterval: 150 });
    const channels = Array.from({ length: 200 }, (_, i) => `c${i}`);
    let held = 0;
    let most = 0;
    const intake = await consume(main, channels, {
      maxUnsettled: 1,
      handle(delivery) {
        held += 1;
        most = Math.max(most, held);
        setImmediate(() => {
          held -= 1;
          ack(delivery);
        });
      },
    });
    await Promise.all(channels.flatMap((channel) => ["1", "2"].map((text) => send(main, channel, text))));
    await until("all come", () => intake.texts.length === 400, 15_000);
    expect(most).toBe(1);
    expect(new Set(intake.deliveries.map(({ channel }) => channel)).size).toBe(200);
    await send(main, "c77", "one more");
    await until("it comes", () => intake.texts.includes("one more"), 1000);
  }, 25_000);
});

describe.skipIf(!there).concurrent("a client of the user's own", () => {
  test("is neither used nor closed; its password and database are ours as well", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ password: "secret" });
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}/3`, password: "secret" });
    context.onTestFinished(() => client.destroy());
    await client.connect();
    await client.clientSetName("theirs");
    const main = await connected({ client });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    expect(await client.exists(stream)).toBe(1);
    const clients = String(await redis.command("CLIENT", "LIST")).split("\n");
    expect(clients.filter((line) => line.includes("name=theirs"))).toEqual([expect.stringMatching(/cmd=exists/)]);
    await main.disconnect();
    expect(client.isReady).toBe(true);
    expect(await client.ping()).toBe("PONG");
    expect(main.info.host).toBe(`127.0.0.1:${redis.port}`);
    expect((await callsOf(redis))["select"]).toBeGreaterThanOrEqual(3);
  });

  test("need not be connected", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const client = createClient({ url: redis.url, name: "theirs" });
    const main = await connected({ client });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    expect(client.isOpen).toBe(false);
  });

  test("with TLS: its certificates are taken over", async (context) => {
    const { own, connected, consume } = stage(context);
    const authority = await createAuthority();
    context.onTestFinished(() => authority.remove());
    const redis = await own({ tls: { authority, certificate: await authority.issue() } });
    const client = createClient({ url: redis.url, socket: { tls: true, ca: authority.ca } });
    const main = await connected({ client });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
  });
});
