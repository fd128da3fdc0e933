import type { RedisServer } from "millrace/redis";
import { describe, expect, test } from "vitest";
import { numbered } from "../../src/conformance/message.ts";
import { requireProgram } from "../brokers.ts";
import { ack, send, stage, textOf, until } from "../redis/faults-stage.ts";
import type { RedisProcess } from "../redis/redis-process.ts";

const there = (await requireProgram("redis")) !== undefined;

/** What the server does by default: these tests are about its speed. */
const usual = {
  leaseDuration: "30s",
  sweepInterval: "5s",
  pollInterval: 150,
  blockTime: "5s",
  commandTimeout: "8s",
} as const;

async function delayMany(main: RedisServer, channel: string, count: number, delay: number): Promise<void> {
  for (let done = 0; done < count; done += 1000) {
    const results = await main.publishBatch?.(channel, numbered(Math.min(1000, count - done)), { delay });
    expect(results?.filter((result) => result instanceof Error)).toEqual([]);
  }
}

/** Messages per second through a channel that has nothing to do with delays. */
async function throughput(context: Parameters<typeof stage>[0], redis: RedisProcess): Promise<number> {
  const { connected, consume } = stage(context);
  const main = await connected({ url: redis.url, ...usual });
  const intake = await consume(main, "busy", { maxUnsettled: 1000 });
  const count = 30_000;
  const start = performance.now();
  for (let sent = 0; sent < count; sent += 1000) await main.publishBatch?.("busy", numbered(1000));
  await until("all come", () => intake.deliveries.length === count, 60_000);
  await main.disconnect();
  return (count * 1000) / (performance.now() - start);
}

describe.skipIf(!there)("delays of Redis", () => {
  test("200,000 delayed messages: a worker's memory and the others' speed are as without them", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ args: ["--appendfsync", "no"] });
    const main = await connected({ url: redis.url, ...usual });
    const before = Math.max(await throughput(context, redis), await throughput(context, redis));
    await delayMany(main, "later", 200_000, 3_600_000);
    await consume(main, "later");
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    const after = Math.max(await throughput(context, redis), await throughput(context, redis));
    globalThis.gc?.();
    expect(await main.inspect?.("later")).toMatchObject({ delayed: 200_000, ready: 0 });
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(60_000_000);
    // A coarse bound: others use the machine as well. The benchmark has the figure.
    expect(after / before).toBeGreaterThan(0.6);
    expect(await main.purge?.("later")).toBe(200_000);
  }, 120_000);

  test("5,000 due per second: 99 of 100 come less than 250 ms late", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ args: ["--appendfsync", "no"] });
    const producer = await connected({ url: redis.url, ...usual });
    const worker = await connected({ url: redis.url, ...usual });
    const dueAt = new Map<string, number>();
    const late: number[] = [];
    await consume(worker, "a", {
      maxUnsettled: 2000,
      handle(delivery) {
        late.push(performance.now() - (dueAt.get(textOf(delivery)) ?? 0));
        ack(delivery);
      },
    });
    const [seconds, perStep, step] = [6, 50, 10];
    const start = performance.now();
    let sent = 0;
    const sending: Promise<unknown>[] = [];
    for (let i = 0; i < (seconds * 1000) / step; i += 1) {
      const wait = start + i * step - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      for (const one of numbered(perStep, `${i}-`)) {
        dueAt.set(textOf(one), performance.now() + 1000);
        sending.push(Promise.resolve(producer.publish("a", one, { delay: 1000 })));
        sent += 1;
      }
    }
    await Promise.all(sending);
    await until("all come", () => late.length === sent, 20_000);
    expect(performance.now() - start).toBeLessThan(seconds * 1000 + 3000);
    late.sort((one, other) => one - other);
    expect(late[0]).toBeGreaterThan(-5);
    expect(late[Math.floor(late.length * 0.99)]).toBeLessThan(250);
  }, 60_000);

  test("dead consumers are removed after a minute of silence, the living go on", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    await redis.command("XGROUP", "CREATECONSUMER", "millrace:{a}", "millrace", "gone");
    const names = async (): Promise<unknown[]> => {
      const found = (await redis.command("XINFO", "CONSUMERS", "millrace:{a}", "millrace")) as readonly unknown[][];
      return found.map(([, name]) => name);
    };
    await until("it is removed", async () => !(await names()).includes("gone"), 80_000);
    // Also the living one may go: to old versions, a read that brings nothing is no sign of life. It is back with the next message.
    await send(main, "a", "2");
    await until("it goes on", () => intake.texts.length === 2);
    expect(await names()).toHaveLength(1);
  }, 100_000);
});
