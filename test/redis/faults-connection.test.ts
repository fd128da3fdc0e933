import { createClient } from "@redis/client";
import { ConnectionError, PublishError } from "millrace";
import type { RedisOptions } from "millrace/redis";
import { describe, expect, test } from "vitest";
import { numbered } from "../../src/conformance/message.ts";
import { requireProgram } from "../brokers.ts";
import { callsOf, hold, numbers, send, stage, until } from "./faults-stage.ts";

const there = (await requireProgram("redis")) !== undefined;
const has = (word: string) => (request: Buffer) => request.includes(word);

/** Connections in the order in which they are made: first the one for commands, then the one that blocks, then reconnects. */
function through(ports: readonly number[]): Pick<RedisOptions, "client"> {
  let made = 0;
  const duplicate = (overrides: object & { readonly socket?: object } = {}): unknown => {
    const port = ports[Math.min(made, ports.length - 1)] as number;
    made += 1;
    const socket = { ...overrides.socket, host: "127.0.0.1", port } as object;
    return createClient({ ...overrides, socket } as NonNullable<Parameters<typeof createClient>[0]>);
  };
  return { client: { duplicate } };
}

describe.skipIf(!there).concurrent("B3: Redis is not there yet", () => {
  test("with connectTimeout Infinity, connect() waits for it", async (context) => {
    const { own, server } = stage(context);
    const redis = await own();
    await redis.shutDown();
    const main = server({ url: redis.url, connectTimeout: Number.POSITIVE_INFINITY });
    let connected = false;
    const connecting = main.connect().then(() => {
      connected = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([connected, main.state]).toEqual([false, "connecting"]);
    await redis.start();
    await connecting;
    expect(await send(main, "a", "x")).toHaveProperty("brokerId");
  });

  test("otherwise connect() rejects, names the place, and may be called again", async (context) => {
    const { server, own } = stage(context);
    const redis = await own({ password: "hush" });
    await redis.shutDown();
    const main = server({ url: redis.url, connectTimeout: 200 });
    const error = await main.connect().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain(`Cannot connect to Redis at 127.0.0.1:${redis.port}`);
    expect(String(error)).not.toContain("hush");
    expect(main.state).toBe("closed");
    await redis.start();
    await main.connect();
    expect(main.state).toBe("ready");
  });

  test("a worker that is started first waits and then works", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    await redis.shutDown();
    const made = app(server({ url: redis.url, connectTimeout: Number.POSITIVE_INFINITY }));
    const done: unknown[] = [];
    const actor = made.actor({ name: "a" }, ({ payload }) => void done.push(payload));
    const starting = work(made);
    await redis.start();
    await starting;
    await made.send(actor, 1);
    await until("the message is done", () => done.length === 1);
  });
});

describe.skipIf(!there).concurrent("B4: connections are reset", () => {
  test("every 300 ms under load: all messages arrive, connections and timers do not pile up", async (context) => {
    const { own, network, connected, server, app, work } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const made = app(server({ url }));
    const seen = new Map<unknown, number>();
    made.actor({ name: "a" }, async ({ payload }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      seen.set(payload, (seen.get(payload) ?? 0) + 1);
    });
    await work(made, { concurrency: 20 });
    const sender = await connected({ url: redis.url });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const count = 4000;
    let sent = 0;
    const sending = (async () => {
      for (; sent < count; sent += 20) {
        const messages = numbered(20, "").map((one, i) => ({
          ...one,
          headers: { topic: "a" },
          contentType: "application/json",
          payload: Buffer.from(String(sent + i)),
        }));
        const results = await sender.publishBatch?.("default", messages);
        expect(results?.filter((result) => result instanceof Error)).toEqual([]);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    while (sent < count) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      proxy.reset();
    }
    await sending;
    await until("all arrive", () => seen.size === count, 15_000);
    await until("nothing is left", async () => Number(await redis.command("XLEN", "millrace:{default}")) === 0);
    // At most what ran when a connection broke, each time.
    expect([...seen.values()].filter((times) => times > 2).length).toBeLessThan(count / 100);
    await until("two connections", () => proxy.connections === 2);
    await until("as many timers as before", () => timers() <= before + 10);
  }, 40_000);
});

describe.skipIf(!there).concurrent("B5: a connection goes silent", () => {
  const both = { drop: "both" } as const;

  test("the one for commands: found, replaced, work goes on", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected(through([proxy.port, redis.port]));
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("the first", () => intake.texts.length === 1);
    await proxy.set(both);
    const lost = await send(main, "a", "2").catch((error: unknown) => error);
    expect(lost).toMatchObject({ code: "PUBLISH_FAILED", outcome: "unknown" });
    expect(String(lost)).toContain("Redis did not answer for");
    await until("ready again", () => main.state === "ready", 5000);
    await send(main, "a", "3");
    await until("the next", () => intake.texts.includes("3"), 3000);
    expect(intake.texts).not.toContain("2");
  });

  test("the one that blocks: found, and what was delivered into the hole comes again at once", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({
      ...through([redis.port, proxy.port, redis.port]),
      leaseDuration: "1m",
      sweepInterval: "1m",
    });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("the first", () => intake.texts.length === 1);
    await proxy.set({ drop: "replies" });
    await send(main, "a", "2");
    await until("the second, long before its lease ends", () => intake.texts.includes("2"), 5000);
    expect(intake.deliveries.at(-1)?.deliveryCount).toBe(1);
    await send(main, "a", "3");
    await until("the third", () => intake.texts.includes("3"), 3000);
    expect(intake.texts).toEqual(["1", "2", "3"]);
  });

  test("what was delivered into the hole comes again, also when the first look for it fails", async (context) => {
    const { own, network, connected, consume, logs } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({
      ...through([redis.port, proxy.port, redis.port]),
      leaseDuration: "1m",
      sweepInterval: "1s",
    });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("the first", () => intake.texts.length === 1);
    await redis.command("ACL", "SETUSER", "default", "-xpending");
    await proxy.set({ drop: "replies" });
    await send(main, "a", "2");
    await until("the look fails", () => logs.of("consumer.read.failed").length > 0);
    await redis.command("ACL", "SETUSER", "default", "+xpending");
    await until("the second, long before its lease ends", () => intake.texts.includes("2"), 5000);
  });

  test("both, and new ones as well, for a while", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({ url: `redis://127.0.0.1:${proxy.port}`, leaseDuration: "1m", sweepInterval: "1m" });
    const other = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await until("it blocks", () => intake.states.includes("ready"));
    await proxy.set(both);
    await send(other, "a", "1");
    await until("found", () => main.state === "reconnecting", 5000);
    expect(intake.states.at(-1)).toBe("reconnecting");
    await proxy.pass();
    await until("the message", () => intake.texts.length === 1, 10_000);
    expect([main.state, intake.states.at(-1)]).toEqual(["ready", "ready"]);
  }, 25_000);

  test("with the default options, both are found within 15 s", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxies = [await network(redis), await network(redis)] as const;
    const main = await connected({
      ...through([proxies[0].port, proxies[1].port, redis.port]),
      ...{ commandTimeout: "8s", blockTime: "5s", leaseDuration: "30s", sweepInterval: "5s" },
    });
    const other = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await send(other, "a", "1");
    await until("the first", () => intake.texts.length === 1);
    const start = performance.now();
    await Promise.all(proxies.map((proxy) => proxy.set(both)));
    await send(other, "a", "2");
    await until("the second", () => intake.texts.includes("2"), 20_000);
    expect(performance.now() - start).toBeLessThan(15_500);
  }, 40_000);

  test("a worker stops in time, although Redis does not answer", async (context) => {
    const { own, network, server, app, work } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = server({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeout: "8s", blockTime: "5s" });
    const made = app(main);
    let runs = 0;
    const actor = made.actor({ name: "a" }, async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    const worker = await work(made, { shutdownTimeout: 1000 });
    await made.send(actor, 1);
    await until("it runs", () => runs === 1);
    await proxy.set(both);
    const start = performance.now();
    await worker.stop();
    expect(performance.now() - start).toBeLessThan(1000 + 1000 + 2000 + 500);
    // Nothing is left that would keep the process alive.
    await until("its connections are closed", () => main.state === "closed", 2500);
  });

  test("only the replies are lost (B6): settled in the end, and handled once", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({ url: `redis://127.0.0.1:${proxy.port}`, leaseDuration: "1m" });
    const intake = await consume(main, "a", { handle: hold });
    await send(main, "a", "1");
    await until("it comes", () => intake.deliveries.length === 1);
    await proxy.set({ drop: "replies" });
    const [delivery] = intake.deliveries;
    await expect(delivery?.settle("ack")).rejects.toThrow(ConnectionError);
    // Applied and not heard of.
    expect(await redis.command("XLEN", "millrace:{a}")).toBe(0);
    await proxy.pass();
    await until("ready again", () => intake.states.at(-1) === "ready" && main.state === "ready");
    await delivery?.settle("ack");
    await send(main, "a", "2");
    await until("the second", () => intake.texts.length === 2);
    expect(intake.texts).toEqual(["1", "2"]);
  });
});

describe.skipIf(!there).concurrent("a bad network", () => {
  test("B7: two seconds of latency: no reconnects, no duplicates", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({
      url: `redis://127.0.0.1:${proxy.port}`,
      ...{ commandTimeout: "8s", blockTime: "1s", leaseDuration: "30s", sweepInterval: "5s" },
    });
    const intake = await consume(main, "a");
    await proxy.set({ latency: 1000 });
    const sent = numbered(50).map((one) => main.publish("a", one));
    await Promise.all(sent);
    await until("all come", () => intake.texts.length >= 50, 20_000);
    await until("all are settled", async () => Number(await redis.command("XLEN", "millrace:{a}")) === 0, 10_000);
    expect([...intake.texts].sort()).toEqual(numbers(50).sort());
    expect(proxy.accepted).toBe(2);
    expect(intake.states).toEqual(["ready"]);
    await proxy.pass();
  }, 40_000);

  test("B8: a byte at a time, and all in one piece", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({
      url: `redis://127.0.0.1:${proxy.port}`,
      commandTimeout: "8s",
      leaseDuration: "30s",
    });
    const intake = await consume(main, "a");
    for (const faults of [{ slice: 1 }, { slice: 7 }, { coalesce: 50 }]) {
      await proxy.set(faults);
      const before = intake.texts.length;
      await Promise.all(numbered(30, `${JSON.stringify(faults)} é€😀 `).map((one) => main.publish("a", one)));
      await until("they come", () => intake.texts.length === before + 30);
      expect(intake.texts.at(-1)).toMatch(/ é€😀 \d+$/);
    }
    await until("all are settled", async () => Number(await redis.command("XLEN", "millrace:{a}")) === 0);
    expect(proxy.accepted).toBe(2);
  });

  test("B11: the answer to a send is lost: unknown, and it is there", async (context) => {
    const { own, network, connected } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({ url: `redis://127.0.0.1:${proxy.port}` });
    const cut = proxy.cut(has("XADD"));
    const error = await send(main, "a", "1").catch((thrown: unknown) => thrown);
    await cut;
    expect(error).toBeInstanceOf(PublishError);
    expect(error).toMatchObject({ outcome: "unknown", message: expect.stringContaining("may or may not be stored") });
    expect(await redis.command("XLEN", "millrace:{a}")).toBe(1);
    await until("ready again", () => main.state === "ready");
    await send(main, "a", "2");
    expect((await callsOf(redis))["xadd"]).toBe(2);
  });

  test("while there is no connection, a send fails at once, and surely", async (context) => {
    const { own, connected } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    await redis.kill();
    await until("it is seen", () => main.state === "reconnecting");
    const error = await send(main, "a", "1").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "PUBLISH_FAILED", outcome: "failed" });
  });
});

for (const outcome of ["ack", "nack", "reject"] as const) {
  describe.skipIf(!there).concurrent(`B10: the answer to ${outcome} is lost`, () => {
    test("it is applied once, nothing crashes, nothing is lost", async (context) => {
      const { own, network, server, app, work } = stage(context);
      const redis = await own();
      const proxy = await network(redis);
      const made = app(server({ url: `redis://127.0.0.1:${proxy.port}` }));
      let runs = 0;
      // Its answers must not be what is cut.
      const sender = app(server({ url: redis.url }));
      const start = (payload: number) => sender.publishJson("default", payload, { headers: { topic: "a" } });
      made.actor({ name: "a", confirmation: "explicit" }, () => {
        runs += 1;
        return runs === 1 ? outcome : "ack";
      });
      const worker = await work(made);
      // Of the scripts, only this one has the field of the time of sending or the reason among its arguments.
      const cut = proxy.cut(has({ ack: "XACK", nack: '"code":"rejected"', reject: "\r\nlapses\r\n" }[outcome]));
      await start(1);
      await cut;
      const length = async (key: string): Promise<number> => Number(await redis.command("XLEN", key));
      await until("all is settled", async () => runs > 0 && (await length("millrace:{default}")) === 0);
      expect(await length("millrace:{default}:dead")).toBe(outcome === "nack" ? 1 : 0);
      expect(runs).toBe(outcome === "reject" ? 2 : 1);
      await start(2);
      await until("it works on", () => worker.counts.processed === runs && runs > 1);
    });
  });
}
