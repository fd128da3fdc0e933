import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Delivery } from "millrace";
import { describe, expect, type TestContext, test } from "vitest";
import { message } from "../../src/conformance/message.ts";
import { type Clock, systemClock } from "../../src/internal/clock.ts";
import { consumersScript } from "../../src/servers/redis/lua/lease.ts";
import { requireProgram } from "../brokers.ts";
import { hold, numbers, send, stage, until } from "./faults-stage.ts";
import type { RedisProcess } from "./redis-process.ts";

const there = (await requireProgram("redis")) !== undefined;
const stream = "millrace:{a}";
const lengthOf = async (redis: RedisProcess, key = stream): Promise<number> => Number(await redis.command("XLEN", key));
const pause = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

/** Another process that holds so many messages of the channel; resolves when it does. */
async function victim(context: TestContext, redis: RedisProcess, count: number): Promise<{ kill(): void }> {
  const script = fileURLToPath(new URL("./faults-victim.ts", import.meta.url));
  const child = spawn(process.execPath, [script, redis.url, "a", String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return { kill: () => void child.kill("SIGKILL") };
}

describe.skipIf(!there).concurrent("W7: messages that go round", () => {
  test("rejected for ever: it ends as poison, although each time it is another entry", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    const main = server({ url: redis.url });
    const made = app(main);
    let runs = 0;
    const actor = made.actor({ name: "x", channel: "a", confirmation: "explicit" }, () => {
      runs += 1;
      return "reject";
    });
    await work(made, { deliveryLimit: 6 });
    await made.send(actor, 1);
    await until("it is dead", async () => (await lengthOf(redis, `${stream}:dead`)) === 1);
    const letters = await main.deadLetters?.("a").list();
    expect(letters?.[0]?.reason).toMatchObject({ code: "poison" });
    expect(runs).toBe(6);
    expect(await lengthOf(redis)).toBe(0);
  });

  test("nobody wants it: it is looked at some times, with pauses, and ends as unrouted", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    const main = server({ url: redis.url });
    const made = app(main);
    made.actor({ name: "x", channel: "a" }, () => {});
    await work(made, { unrouted: { attempts: 3, delay: 50 } });
    await made.publishJson("a", 1, { headers: { topic: "nobody" } });
    await until("it is dead", async () => (await lengthOf(redis, `${stream}:dead`)) === 1);
    const letters = await main.deadLetters?.("a").list();
    expect(letters?.[0]?.reason).toMatchObject({ code: "unrouted" });
  });
});

describe.skipIf(!there).concurrent("W8: a worker is killed", () => {
  test("what it held comes again within lease and sweep, counted, and nothing is left behind", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, leaseDuration: 1500 });
    for (const text of numbers(300)) await send(main, "a", text);
    const dying = await victim(context, redis, 200);
    const intake = await consume(main, "a");
    await until("the rest is done", () => intake.texts.length === 100);
    // Twice its lease: it lives and renews, so nobody takes what is its own.
    await pause(2500);
    expect(intake.texts.length).toBe(100);
    dying.kill();
    const start = performance.now();
    await until("all come", () => intake.texts.length === 300);
    expect(performance.now() - start).toBeLessThan(1500 + 200 + 1000);
    expect(new Set(intake.texts).size).toBe(300);
    expect(intake.deliveries.slice(100).every(({ deliveryCount, lapses }) => deliveryCount === 2 && lapses === 1)).toBe(
      true,
    );
    await until("all are settled", async () => (await lengthOf(redis)) === 0);
    expect(await redis.command("XPENDING", stream, "millrace")).toHaveProperty("0", 0);
  }, 20_000);

  test("consumers that are gone are removed once they own nothing, and only then", async (context) => {
    const { own, connected } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url });
    await send(main, "a", "1");
    await redis.command("XGROUP", "CREATE", stream, "millrace", "0");
    await redis.command("XREADGROUP", "GROUP", "millrace", "owner", "STREAMS", stream, ">");
    await redis.command("XGROUP", "CREATECONSUMER", stream, "millrace", "idler");
    const remove = (silence: number) =>
      redis.command("EVAL", consumersScript, "1", stream, "millrace", String(silence), "");
    expect(await remove(60_000)).toBe(0);
    await pause(20);
    expect(await remove(10)).toBe(1);
    const left = (await redis.command("XINFO", "CONSUMERS", stream, "millrace")) as readonly (readonly unknown[])[];
    expect(left.map(([, name]) => name)).toEqual(["owner"]);
  });

  test("a worker that stops takes its consumer with it", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    const made = app(server({ url: redis.url }));
    const actor = made.actor({ name: "x", channel: "a" }, () => {});
    const worker = await work(made);
    await made.send(actor, 1);
    await until("it is done", () => worker.counts.acked === 1);
    await worker.stop();
    expect(await redis.command("XINFO", "CONSUMERS", stream, "millrace")).toEqual([]);
  });
});

describe.skipIf(!there).concurrent("W10: messages that wait for a slot", () => {
  test("are kept for many leases, and run once, although another worker has nothing to do", async (context) => {
    const { own, server, app, work } = stage(context);
    const redis = await own();
    const runs: unknown[] = [];
    const worker = async (name: string, concurrency: number) => {
      const made = app(server({ url: redis.url, leaseDuration: 900, sweepInterval: 50 }));
      const actor = made.actor({ name: "x", channel: "a" }, async ({ payload }) => {
        runs.push(`${name}${payload}`);
        await pause(500);
      });
      return { made, actor, worker: await work(made, { concurrency, prefetch: 10 }) };
    };
    const busy = await worker("busy ", 1);
    for (let i = 0; i < 6; i += 1) await busy.made.send(busy.actor, i);
    await until("all are fetched", () => busy.worker.health().consumers[0]?.held === 6);
    await worker("idle ", 10);
    await until("all ran", () => busy.worker.counts.acked === 6);
    expect(runs).toEqual([0, 1, 2, 3, 4, 5].map((i) => `busy ${i}`));
  });
});

describe.skipIf(!there).concurrent("W11: a settle that fails is tried again", () => {
  for (const outcome of ["ack", "nack", "reject"] as const) {
    test(`${outcome}, while Redis is away: applied once when it is back`, async (context) => {
      const { own, server, app, work } = stage(context);
      const redis = await own();
      const made = app(server({ url: redis.url, leaseDuration: "20s" }));
      let runs = 0;
      const open: (() => void)[] = [];
      const actor = made.actor({ name: "x", channel: "a", confirmation: "explicit" }, async () => {
        runs += 1;
        if (runs === 1) await new Promise<void>((resolve) => open.push(resolve));
        return runs === 1 ? outcome : "ack";
      });
      await work(made);
      await made.send(actor, 1);
      await until("it runs", () => open.length === 1);
      await redis.kill();
      open[0]?.();
      await pause(500);
      await redis.start();
      await until("it is settled", async () => (await lengthOf(redis)) === 0);
      expect(runs).toBe(outcome === "reject" ? 2 : 1);
      expect(await lengthOf(redis, `${stream}:dead`)).toBe(outcome === "nack" ? 1 : 0);
    }, 20_000);
  }
});

describe.skipIf(!there).concurrent("B27: the clock of the worker jumps", () => {
  for (const [name, jump] of [
    ["an hour ahead", 3_600_000],
    ["an hour back", -3_600_000],
  ] as const) {
    test(`${name}: leases, delays and expiry are as before`, async (context) => {
      const { own, server, app, work } = stage(context);
      const redis = await own();
      let offset = 0;
      const clock: Clock = { ...systemClock, now: () => Date.now() + offset };
      const made = app(server({ url: redis.url, leaseDuration: 900, clock }));
      const runs: unknown[] = [];
      const actor = made.actor({ name: "x", channel: "a" }, async ({ payload }) => {
        runs.push([payload, performance.now()]);
        if (payload === "long") await pause(2000);
      });
      const worker = await work(made);
      await made.send(actor, "long");
      await until("it runs", () => runs.length === 1);
      const sentAt = performance.now();
      await made.send(actor, "late", { delay: 700 });
      offset = jump;
      await made.send(actor, "late too", { delay: 700 });
      await made.send(actor, "short-lived", { expiresIn: "30s" });
      await until("all are done", () => worker.counts.acked === 4);
      const at = new Map(runs as [string, number][]);
      expect(runs).toHaveLength(4);
      for (const text of ["late", "late too"]) {
        expect((at.get(text) ?? 0) - sentAt).toBeGreaterThanOrEqual(690);
        expect((at.get(text) ?? 0) - sentAt).toBeLessThan(1500);
      }
    });
  }
});

describe.skipIf(!there).concurrent("B28: a crash between reply and settle", () => {
  for (const forward of [true, false]) {
    test(`the connection breaks ${forward ? "after" : "before"} Redis has both: one reply, one settle`, async (context) => {
      const { own, network, connected, consume } = stage(context);
      const redis = await own();
      const proxy = await network(redis);
      const main = await connected({ url: `redis://127.0.0.1:${proxy.port}`, leaseDuration: 1500 });
      // Its answers must not be what is cut.
      const sender = await connected({ url: redis.url });
      const answers: unknown[] = [];
      const handle = async (delivery: Delivery): Promise<void> => {
        for (let attempt = 0; attempt < 5; attempt += 1) {
          try {
            await delivery.reply?.(message("answer", { id: "one" }), "answers");
            answers.push("sent");
            return;
          } catch (error) {
            answers.push((error as { readonly code: string }).code);
            if (answers.at(-1) === "LEASE_LOST") return;
            await until("ready again", () => main.state === "ready");
          }
        }
      };
      const intake = await consume(main, "a", { handle: (delivery) => void handle(delivery) });
      // From then on, Redis knows the script.
      await send(sender, "a", "first");
      await until("the first is answered", () => answers.length === 1);
      const cut = proxy.cut((request) => request.includes("answers"), { forward });
      await send(sender, "a", "second");
      await cut;
      await until("it is settled", async () => answers.length === 3 && (await lengthOf(redis)) === 0);
      expect(await lengthOf(redis, "millrace:{answers}")).toBe(2);
      expect(answers).toEqual(["sent", "CONNECTION_FAILED", forward ? "LEASE_LOST" : "sent"]);
      expect(intake.texts).toEqual(["first", "second"]);
    });
  }

  test("a worker dies before it replied: the request comes again, and is answered", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own();
    const main = await connected({ url: redis.url, leaseDuration: 1500 });
    await send(main, "a", "question");
    const dying = await victim(context, redis, 1);
    dying.kill();
    const intake = await consume(main, "a", {
      handle: (delivery) => void delivery.reply?.(message("answer"), "answers"),
    });
    await until("it is answered", async () => (await lengthOf(redis, "millrace:{answers}")) === 1);
    expect([intake.texts, await lengthOf(redis)]).toEqual([["question"], 0]);
  });
});

// Alone: it would stall the others as well.
describe.skipIf(!there)("a stall of the worker itself", () => {
  test("a loop that stands still for longer than its patience costs no connection", async (context) => {
    const { own, network, connected, consume } = stage(context);
    const redis = await own();
    const proxy = await network(redis);
    const main = await connected({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeout: 300, leaseDuration: "20s" });
    const intake = await consume(main, "a", { handle: hold });
    await send(main, "a", "1");
    const sending = send(main, "a", "2");
    for (const end = performance.now() + 1500; performance.now() < end; );
    await sending;
    await until("both come", () => intake.texts.length === 2);
    expect(proxy.accepted).toBe(2);
    expect(intake.states).toEqual(["ready"]);
  });
});
