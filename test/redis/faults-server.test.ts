import { createConnection, createServer, type Socket } from "node:net";
import { type BrokerServer, createApp, type Delivery, PublishError, ServerFullError } from "millrace";
import { inMemory } from "millrace/memory";
import { redis as createRedis } from "millrace/redis";
import { describe, expect, type TestContext, test } from "vitest";
import { requireProgram } from "../brokers.ts";
import { ack, type FaultStage, hold, quick, send, stage, until } from "./faults-stage.ts";
import type { RedisProcess } from "./redis-process.ts";

const there = (await requireProgram("redis")) !== undefined;
const stream = "millrace:{a}";
const lengthOf = async (redis: RedisProcess, key = stream): Promise<number> => Number(await redis.command("XLEN", key));

/** Sends one number after the other and remembers which were confirmed, until told to stop. */
function sender(publish: (text: string) => Promise<unknown>): {
  readonly confirmed: Set<string>;
  stop(): Promise<void>;
} {
  const confirmed = new Set<string>();
  let goesOn = true;
  const lane = async (name: number): Promise<void> => {
    for (let i = 0; goesOn; i += 1) {
      const text = `${name}-${i}`;
      try {
        await publish(text);
        confirmed.add(text);
      } catch (error) {
        expect(error).toBeInstanceOf(PublishError);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const lanes = [0, 1, 2, 3].map(lane);
  return {
    confirmed,
    async stop() {
      goesOn = false;
      await Promise.all(lanes);
    },
  };
}

describe.skipIf(!there).concurrent("Redis goes and comes back, under load", () => {
  for (const [name, outage, end] of [
    ["B1: killed, back after 3 s", 3000, (redis: RedisProcess) => redis.kill()],
    ["B2: shut down, back at once", 0, (redis: RedisProcess) => redis.shutDown()],
  ] as const) {
    test(`${name}: nothing confirmed is lost, and work resumes within 5 s`, async (context) => {
      const { own, server, app, work } = stage(context);
      const redis = await own();
      const made = app(server({ url: redis.url, leaseDuration: "10s" }));
      const seen = new Map<unknown, number>();
      const actor = made.actor({ name: "a" }, async ({ payload }) => {
        seen.set(payload, (seen.get(payload) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 5));
      });
      const worker = await work(made, { concurrency: 50 });
      const { confirmed, stop } = sender((text) => made.send(actor, text));
      await until("it runs", () => seen.size > 200);
      await end(redis);
      await new Promise((resolve) => setTimeout(resolve, outage));
      await redis.start();
      const [back, before] = [performance.now(), seen.size];
      await until("work resumes", () => seen.size > before + 100, 6000);
      expect(performance.now() - back).toBeLessThan(5000);
      await stop();
      await until("all that was confirmed is done", () => [...confirmed].every((text) => seen.has(text)), 15_000);
      await until("nothing is left", async () => (await lengthOf(redis, "millrace:{default}")) === 0);
      // What ran or was being settled when it went away.
      expect([...seen.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(110);
      expect(worker.health()).toMatchObject({ live: true, ready: true });
    }, 40_000);
  }
});

describe.skipIf(!there).concurrent("B9: Redis stands still", () => {
  test("SIGSTOP for longer than a lease: the lease is lost, the message comes again, work goes on", async (context) => {
    const { own, server, app, work, logs } = stage(context);
    const redis = await own();
    const made = app(server({ url: redis.url, leaseDuration: 1500 }));
    const runs: string[] = [];
    const actor = made.actor({ name: "a" }, async ({ signal }) => {
      runs.push("start");
      if (runs.length > 1) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      runs.push(String((signal.reason as Error).name));
    });
    await work(made);
    await made.send(actor, 1);
    await until("it runs", () => runs.length === 1);
    redis.pause();
    await until("the lease is lost", () => runs.length === 2, 6000);
    redis.resume();
    await until("it comes again", () => runs.length === 3);
    await until("it is settled", async () => (await lengthOf(redis, "millrace:{default}")) === 0);
    expect(runs).toEqual(["start", "LeaseLostError", "start"]);
    expect(logs.of("message.lease.lost")).toHaveLength(1);
  }, 20_000);

  test("SIGSTOP for less than a lease: nothing runs twice", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    const made = app(server({ url: redis.url, leaseDuration: "20s" }));
    let runs = 0;
    const actor = made.actor({ name: "a" }, async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    await work(made);
    await made.send(actor, 1);
    await until("it runs", () => runs === 1);
    redis.pause();
    await new Promise((resolve) => setTimeout(resolve, 2200));
    redis.resume();
    await until("it is settled", async () => (await lengthOf(redis, "millrace:{default}")) === 0);
    expect(runs).toBe(1);
  }, 20_000);

  test("CLIENT PAUSE WRITE: what is not answered is unknown, and all comes right", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, leaseDuration: "20s" });
    const intake = await consume(main, "a", { handle: hold });
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    await redis.command("CLIENT", "PAUSE", "5000", "WRITE");
    const [sent, settled] = await Promise.allSettled([send(main, "a", "2"), intake.deliveries[0]?.settle("ack")]);
    expect(sent).toMatchObject({ status: "rejected", reason: { outcome: "unknown" } });
    expect(settled).toMatchObject({ status: "rejected", reason: { code: "CONNECTION_FAILED" } });
    // As core does: again, until it is answered.
    const settle = async (): Promise<void> => intake.deliveries[0]?.settle("ack");
    await until("it is settled", () =>
      settle().then(
        () => true,
        () => false,
      ),
    );
    await send(main, "a", "3");
    await until("the third", () => intake.texts.includes("3"));
    expect(intake.texts.filter((text) => text === "1")).toHaveLength(1);
  }, 20_000);
});

describe.skipIf(!there).concurrent("B12: Redis is out of memory", () => {
  const fill = async (redis: RedisProcess): Promise<void> => {
    await redis.command("SET", "ballast", "x".repeat(1_000_000));
    await redis.command("CONFIG", "SET", "maxmemory", "1000000");
  };

  test("sends are refused as such, consumers go on and drain, and it recovers by itself", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    for (let i = 0; i < 50; i += 1) await send(main, "a", String(i));
    await fill(redis);
    const error = await send(main, "a", "50").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ outcome: "failed", cause: expect.any(ServerFullError) });
    for (const options of [{ delay: 1000 }, { dedupe: { key: "k", window: 1000, onDuplicate: "throw" as const } }]) {
      const refused = await send(main, "a", "x", options).catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ outcome: "failed", cause: expect.any(ServerFullError) });
    }
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    const intake = await consume(main, "a", { handle: hold });
    await until("they come", () => intake.texts.length === 50);
    await redis.command("CONFIG", "SET", "maxmemory", "1000000");
    for (const delivery of intake.deliveries) ack(delivery);
    await until("all are settled", async () => (await lengthOf(redis)) === 0);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await send(main, "a", "51");
    await until("the next", () => intake.texts.includes("51"));
  });

  test("messages are also read while there is no room", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await intake.subscription.pause();
    for (let i = 0; i < 500; i += 1) await send(main, "a", String(i));
    await fill(redis);
    intake.subscription.resume();
    await until("they come", () => intake.texts.length === 500);
    await until("all are settled", async () => (await lengthOf(redis)) === 0);
  });

  test("delayed messages wait until there is room, and come once", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await Promise.all([1, 2, 3].map((i) => send(main, "a", String(i), { delay: 300 })));
    await fill(redis);
    await until("they are due", async () => {
      const due = await redis.command("ZCOUNT", `${stream}:delayed`, "-inf", String(Date.now() - 300));
      return due === 3;
    });
    expect(intake.texts).toEqual([]);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await until("they come", () => intake.texts.length === 3);
    await until("all are settled", async () => (await lengthOf(redis)) === 0);
    expect([...intake.texts].sort()).toEqual(["1", "2", "3"]);
  });

  test("B29: a dead letter that cannot be written leaves its message unsettled, and is written later", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, leaseDuration: "20s" });
    const intake = await consume(main, "a", { handle: hold });
    for (const text of ["good", "bad", "late"]) await send(main, "a", text);
    await until("they come", () => intake.deliveries.length === 3);
    await fill(redis);
    const [good, bad, late] = intake.deliveries as [Delivery, Delivery, Delivery];
    const settled = await Promise.allSettled([bad.settle("nack"), late.settle({ retryAfter: 10 }), good.settle("ack")]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(settled[0]).toMatchObject({ reason: expect.any(ServerFullError) });
    expect(await redis.command("XPENDING", stream, "millrace")).toHaveProperty("0", 2);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await Promise.all([bad.settle("nack"), late.settle({ retryAfter: 10 })]);
    expect(await main.deadLetters?.("a").count()).toBe(1);
    await until("the other comes again", () => intake.texts.length === 4);
  });

  test("one outcome that cannot be written does not spoil its neighbours", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, leaseDuration: "20s" });
    const intake = await consume(main, "a", { handle: hold });
    for (const text of ["1", "2", "3"]) await send(main, "a", text);
    await until("they come", () => intake.deliveries.length === 3);
    await redis.command("SET", `${stream}:dead`, "x");
    const [first, second, third] = intake.deliveries as [Delivery, Delivery, Delivery];
    const reject = () => first.settle({ retryAfter: 60_000 });
    const settled = await Promise.allSettled([reject(), second.settle("nack"), third.settle({ retryAfter: 60_000 })]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await redis.command("DEL", `${stream}:dead`);
    await second.settle("nack");
    expect(await redis.command("ZCARD", `${stream}:delayed`)).toBe(2);
    expect(await lengthOf(redis)).toBe(0);
  });

  test("a policy that may throw messages away is warned of, once", async (context) => {
    const { own, connected, logs } = stage(context);
    const redis = await own({ args: ["--maxmemory-policy", "allkeys-lru"] });
    const main = await connected({ url: redis.url });
    await redis.command("CLIENT", "KILL", "TYPE", "normal");
    await until("it reconnects", () => logs.of("server.connected").length === 1);
    expect(main.state).toBe("ready");
    expect(logs.of("redis.eviction_policy")).toMatchObject([{ level: "warn", policy: "allkeys-lru" }]);
  });
});

/** A place that leads to one server or another. */
async function movable(
  context: TestContext,
  first: number,
): Promise<{ readonly port: number; to(port: number): void }> {
  let target = first;
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const upstream = createConnection(target, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (relay.address() as { readonly port: number }).port,
    to(port) {
      target = port;
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function replicated(stageOf: FaultStage): Promise<readonly [RedisProcess, RedisProcess]> {
  const master = await stageOf.own();
  const replica = await stageOf.own({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  await until("in step", async () =>
    String(await replica.command("INFO", "replication")).includes("master_link_status:up"),
  );
  return [master, replica];
}

describe.skipIf(!there).concurrent("B30: failover to a replica", () => {
  test("what had reached the replica is there, group and pending messages included", async (context) => {
    const on = stage(context);
    const [master, replica] = await replicated(on);
    const place = await movable(context, master.port);
    const main = await on.connected({ url: `redis://127.0.0.1:${place.port}`, leaseDuration: "20s" });
    const held: Delivery[] = [];
    const intake = await on.consume(main, "a", { handle: (delivery) => held.push(delivery) });
    for (let i = 0; i < 20; i += 1) await send(main, "a", String(i));
    await until("all come", () => held.length === 20);
    for (const delivery of held.slice(0, 10)) ack(delivery);
    await until("the replica has it all", async () => (await lengthOf(replica)) === 10);
    await until("and what is pending", async () => {
      const pending = await replica.command("XPENDING", stream, "millrace");
      return Array.isArray(pending) && pending[0] === 10;
    });
    await master.kill();
    await replica.command("REPLICAOF", "NO", "ONE");
    place.to(replica.port);
    await until("ready again", () => main.state === "ready" && intake.states.at(-1) === "ready", 5000);
    for (const delivery of held.slice(10)) await delivery.settle("ack");
    await send(main, "a", "20");
    await until("the next", () => intake.texts.includes("20"));
    expect(await lengthOf(replica)).toBe(1);
    expect(intake.texts).toHaveLength(21);
  }, 25_000);

  test("what had not reached it is lost, and only that: the window of replication", async (context) => {
    const on = stage(context);
    const [master, replica] = await replicated(on);
    const place = await movable(context, master.port);
    const main = await on.connected({ url: `redis://127.0.0.1:${place.port}` });
    await send(main, "a", "kept");
    await until("the replica has it", async () => (await lengthOf(replica)) === 1);
    replica.pause();
    await send(main, "a", "lost");
    await master.kill();
    replica.resume();
    await replica.command("REPLICAOF", "NO", "ONE");
    place.to(replica.port);
    await until("ready again", () => main.state === "ready", 5000);
    const intake = await on.consume(main, "a");
    await send(main, "a", "next");
    await until("the next", () => intake.texts.includes("next"));
    expect(intake.texts[0]).toBe("kept");
    expect(["kept,next", "kept,lost,next"]).toContain(intake.texts.join());
  }, 25_000);
});

describe.skipIf(!there).concurrent("B26: two servers in one app", () => {
  test("one dies, the other goes on at full speed, and health names the dead one", async (context) => {
    const { own, logs } = stage(context);
    const [first, second] = await Promise.all([own(), own()]);
    const made = createApp({
      servers: {
        one: createRedis({ ...quick, url: first.url }),
        two: createRedis({ ...quick, url: second.url }),
        memory: inMemory() as BrokerServer,
      },
      defaultServer: "one",
      logger: logs,
    });
    const seen: unknown[] = [];
    made.actor({ name: "a" }, ({ payload }) => void seen.push(payload));
    const worker = made.createWorker({ servers: ["one", "two"], signals: [], shutdownTimeout: 500 });
    context.onTestFinished(async () => void (await worker.stop()));
    await worker.start();
    await first.kill();
    await until("it is seen", () => worker.health().consumers.some(({ connection }) => connection === "reconnecting"));
    const start = performance.now();
    for (let i = 0; i < 200; i += 1) {
      await made.publish("default", Buffer.from(String(i)), {
        server: "two",
        contentType: "application/json",
        headers: { topic: "a" },
      });
    }
    await until("all are done", () => seen.length === 200);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(worker.health().consumers.map(({ server, connection }) => [server, connection])).toEqual([
      ["one", "reconnecting"],
      ["two", "ready"],
    ]);
    await first.start();
    await until("it is back", () => worker.health().consumers.every(({ connection }) => connection === "ready"));
    await made.publish("default", Buffer.from("200"), { contentType: "application/json", headers: { topic: "a" } });
    await until("the last", () => seen.length === 201);
  }, 20_000);
});
