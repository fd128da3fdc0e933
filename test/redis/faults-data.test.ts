import { catchAll, type Delivery } from "millrace";
import { describe, expect, test } from "vitest";
import { requireProgram } from "../brokers.ts";
import { ack, callsOf, hold, numbers, send, stage, until } from "./faults-stage.ts";
import type { RedisName, RedisProcess } from "./redis-process.ts";

const brokers: readonly RedisName[] = ["redis", "redis8", "valkey"];
const programs = new Map(await Promise.all(brokers.map(async (name) => [name, await requireProgram(name)] as const)));
const stream = "millrace:{a}";
const lengthOf = async (redis: RedisProcess, key = stream): Promise<number> => Number(await redis.command("XLEN", key));

// They name what is missing, and what is wrong with a key, in words of their own.
for (const broker of brokers) {
  describe.skipIf(programs.get(broker) === undefined).concurrent(broker, () => {
    describe("B14: streams and groups vanish while they are read", () => {
      for (const [name, command] of [
        ["XGROUP DESTROY", ["XGROUP", "DESTROY", stream, "millrace"]],
        ["DEL of the stream", ["DEL", stream]],
        ["FLUSHALL", ["FLUSHALL"]],
      ] as const) {
        for (const state of ["idle", "busy"] as const) {
          test(`${name}, ${state}: created again and said, work goes on`, async (context) => {
            const { own, connected, consume, logs } = stage(context, broker);
            const redis = await own();
            const main = await connected({ url: redis.url });
            const intake = await consume(main, "a", { maxUnsettled: 10 });
            await send(main, "a", "before");
            await until("it comes", () => intake.texts.includes("before"));
            let goesOn = state === "busy";
            const load = (async () => {
              for (let i = 0; goesOn; i += 1) await send(main, "a", `load-${i}`);
            })();
            await redis.command(...command);
            await until("it is created again", () => logs.of("consumer.group.recreated").length > 0);
            goesOn = false;
            await load;
            await send(main, "a", "after");
            await until("work goes on", () => intake.texts.includes("after"), 3000);
            await until("all is settled", async () => (await lengthOf(redis)) === 0);
            expect(intake.states.at(-1)).toBe("ready");
            expect(logs.of("consumer.group.recreated").length).toBeLessThan(4);
          });
        }
      }

      test("a destroyed group begins again where it was told to: nothing unsettled is lost", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        let handle: (delivery: Delivery) => void = hold;
        const intake = await consume(main, "a", { maxUnsettled: 5, handle: (delivery) => handle(delivery) });
        for (const text of numbers(10)) await send(main, "a", text);
        await until("some are held", () => intake.texts.length === 5);
        handle = ack;
        await redis.command("XGROUP", "DESTROY", stream, "millrace");
        await expect(intake.deliveries[0]?.lease?.extend()).rejects.toThrow(
          expect.objectContaining({ code: "LEASE_LOST" }),
        );
        intake.deliveries.slice(1, 5).map(ack);
        await until("all came", () => new Set(intake.texts).size === 10);
      });

      test("it is no loop: a few commands, not thousands", async (context) => {
        const { own, connected, consume, logs } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        await consume(main, "a");
        for (let i = 0; i < 5; i += 1) {
          await redis.command("FLUSHALL");
          await until("created again", () => logs.of("consumer.group.recreated").length > i);
        }
        const { xgroup = 0, "xgroup|create": create = 0, xreadgroup = 0 } = await callsOf(redis);
        expect([xgroup + create, xreadgroup].every((calls) => calls < 60)).toBe(true);
      });
    });

    describe("B14: a key holds something else", () => {
      test("its channel is out until it is repaired, the others go on", async (context) => {
        const { own, connected, consume, logs } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        const intake = await consume(main, ["a", "b"]);
        await redis.command("DEL", stream);
        await redis.command("SET", stream, "x");
        await until("it is said", () => logs.of("channel.failed").length === 1);
        const error = await send(main, "a", "1").catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ outcome: "failed", cause: { code: "SERVER_CORRUPT" } });
        for (const text of numbers(20)) await send(main, "b", text);
        await until("the other goes on", () => intake.texts.length === 20, 3000);
        expect(intake.states.at(-1)).toBe("ready");
        expect(logs.of("channel.failed")).toMatchObject([{ channel: "a" }]);
        await redis.command("DEL", stream);
        await until("it is repaired", async () => (await redis.command("TYPE", stream)) === "stream");
        await send(main, "a", "again");
        await until("it comes", () => intake.texts.includes("again"));
      });

      test("from the start: with all of them wrong it is refused, with one it is said", async (context) => {
        const { own, connected, consume, logs } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        await redis.command("SET", stream, "x");
        await expect(consume(main, "a")).rejects.toMatchObject({ code: "SERVER_CORRUPT" });
        const intake = await consume(main, ["a", "b"]);
        await send(main, "b", "1");
        await until("it comes", () => intake.texts.length === 1);
        expect(logs.of("channel.failed").map(({ channel }) => channel)).toContain("a");
      });

      for (const [name, key] of [
        ["the stream of a level", `${stream}:p50`],
        ["the sorted set", `${stream}:delayed`],
      ] as const) {
        test(`${name}: due messages are not multiplied, and come when it is repaired`, async (context) => {
          const { own, connected, consume } = stage(context, broker);
          const redis = await own();
          const main = await connected({ url: redis.url });
          // Two that are due together: the first can be moved, the second cannot.
          await send(main, "a", "ordinary", { delay: 500 });
          await send(main, "a", "high", { delay: 500, priority: 50 });
          await redis.command("RENAME", `${stream}:delayed`, `${stream}:aside`);
          await redis.command("SET", key, "x");
          if (key !== `${stream}:delayed`) await redis.command("RENAME", `${stream}:aside`, `${stream}:delayed`);
          const intake = await consume(main, ["a", "b"]);
          await send(main, "b", "other");
          await until("the other channel works", () => intake.texts.includes("other"));
          // Some more looks for due messages than it takes to see.
          await new Promise((resolve) => setTimeout(resolve, 900));
          expect(await lengthOf(redis)).toBeLessThanOrEqual(1);
          await redis.command("DEL", key);
          if (key === `${stream}:delayed`) await redis.command("RENAME", `${stream}:aside`, key);
          await until("both come", () => intake.texts.includes("ordinary") && intake.texts.includes("high"));
          await until("all is settled", async () => (await lengthOf(redis)) === 0);
          expect([...intake.texts].sort()).toEqual(["high", "ordinary", "other"]);
        });
      }

      test("the stream of dead letters: the failed message stays, and goes there later", async (context) => {
        const { own, server, app, work } = stage(context, broker);
        const redis = await own();
        const main = server({ url: redis.url, leaseDuration: "10s" });
        const made = app(main);
        let runs = 0;
        const actor = made.actor({ name: "x", channel: "a" }, () => {
          runs += 1;
          throw new Error("no");
        });
        await redis.command("SET", `${stream}:dead`, "x");
        await work(made);
        await made.send(actor, 1);
        await until("it failed", () => runs === 1);
        await until("it was tried", async () => ((await callsOf(redis))["evalsha"] ?? 0) > 5);
        expect(await lengthOf(redis)).toBe(1);
        await redis.command("DEL", `${stream}:dead`);
        await until("it is dead", async () => (await lengthOf(redis, `${stream}:dead`)) === 1);
        await until("it is settled", async () => (await lengthOf(redis)) === 0);
        expect(runs).toBe(1);
      });

      test("the index of dead letters: no copies pile up", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url, leaseDuration: "20s" });
        const intake = await consume(main, "a", { handle: hold });
        await redis.command("SET", `${stream}:dead-ids`, "x");
        await send(main, "a", "1");
        await until("it comes", () => intake.deliveries.length === 1);
        for (let i = 0; i < 3; i += 1) await expect(intake.deliveries[0]?.settle("nack")).rejects.toThrow();
        expect(await lengthOf(redis, `${stream}:dead`)).toBe(0);
        await redis.command("DEL", `${stream}:dead-ids`);
        await intake.deliveries[0]?.settle("nack");
        expect(await lengthOf(redis, `${stream}:dead`)).toBe(1);
      });
    });

    describe("entries that are odd", () => {
      test("B15: trimmed below what is pending: said, and the rest goes on", async (context) => {
        const { own, connected, consume, logs } = stage(context, broker);
        const redis = await own();
        const dying = await connected({ url: redis.url, leaseDuration: 500 });
        const held = await consume(dying, "a", { handle: hold });
        for (const text of numbers(20)) await send(dying, "a", text);
        await until("all are held", () => held.texts.length === 20);
        // As a crash would: what is held stays pending, for a consumer that is gone.
        await redis.command("XTRIM", stream, "MAXLEN", "5");
        await held.subscription.drain();
        const main = await connected({ url: redis.url, leaseDuration: 500 });
        const intake = await consume(main, "a");
        await until("the rest comes", () => intake.texts.length === 5);
        await until("nothing is pending", async () => {
          const pending = await redis.command("XPENDING", stream, "millrace");
          return Array.isArray(pending) && pending[0] === 0;
        });
        expect([...intake.texts].sort()).toEqual(numbers(20).slice(15).sort());
        expect(logs.of("message.deleted").reduce((sum, line) => sum + Number(line["count"]), 0)).toBe(15);
      });

      test("deleted while it is held: the settle is fine, and so is the retry", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url, leaseDuration: "20s" });
        const intake = await consume(main, "a", { handle: hold });
        for (const text of numbers(3)) await send(main, "a", text);
        await until("they come", () => intake.texts.length === 3);
        await redis.command("XTRIM", stream, "MAXLEN", "0");
        const [one, two, three] = intake.deliveries as [Delivery, Delivery, Delivery];
        await Promise.all([one.settle("ack"), two.settle("nack"), three.settle({ retryAfter: 10 })]);
        expect(await redis.command("XPENDING", stream, "millrace")).toHaveProperty("0", 0);
      });

      test("foreign fields, no fields of ours, broken numbers, bytes: each is delivered, none stops its batch", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        const add = (...fields: string[]) => redis.command("XADD", stream, "*", ...fields);
        await add("payload", "plain");
        await add("something", "else");
        await add("payload", "numbers", "ttl", "soon", "n", "-4", "lapses", "1e99", "sent", "x", "u", "short");
        await add("payload", "first", "payload", "twice");
        await add("h:", "nameless", "h:__proto__", "x", "constructor", "y", "payload", "names");
        await add("payload", "");
        await add("payload", "\u0000\u00ff", "type", "application/octet-stream");
        await send(main, "a", "ours");
        const intake = await consume(main, "a");
        await until("all come", () => intake.texts.length === 8);
        expect(intake.texts[0]).toBe("plain");
        expect(intake.texts).toContain("ours");
        expect(intake.deliveries[0]).toMatchObject({
          id: undefined,
          contentType: undefined,
          deliveryCount: 1,
          lapses: 0,
        });
        expect(intake.deliveries[2]).toMatchObject({ deliveryCount: 1, lapses: 0 });
        expect(Object.keys(intake.deliveries[4]?.headers ?? {})).toEqual(["", "__proto__"]);
        await until("all are settled", async () => (await lengthOf(redis)) === 0);
      });

      test("foreign members among the delayed ones neither stop the others nor vanish", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url });
        await redis.command("ZADD", `${stream}:delayed`, "1", "not ours", "2", "00000000000001:10:not MessagePack");
        await send(main, "a", "ours", { delay: 100 });
        const intake = await consume(main, "a");
        await until("all come", () => intake.texts.length === 3);
        expect([...intake.texts].sort()).toEqual(["00000000000001:10:not MessagePack", "not ours", "ours"]);
        await until("all are settled", async () => (await lengthOf(redis)) === 0);
      });

      test("a foreign producer and a foreign consumer: payload in, plain fields out", async (context) => {
        const { own, server, app, work } = stage(context, broker);
        const redis = await own();
        const made = app(server({ url: redis.url }));
        const seen: unknown[] = [];
        const actor = made.actor(
          { name: "x", channel: "a", routing: catchAll },
          ({ payload }) => void seen.push(payload),
        );
        await made.send(actor, { n: 1 }, { headers: { trace: "t" } });
        const [[, fields]] = (await redis.command("XRANGE", stream, "-", "+")) as [[string, string[]]];
        const named = new Map(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]] as const] : [])));
        expect(named.get("payload")).toBe('{"n":1}');
        expect(named.get("h:trace")).toBe("t");
        await redis.command("XADD", stream, "*", "payload", '{"n":2}');
        await work(made);
        await until("both are done", () => seen.length === 2);
        expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
      });

      test("dead letters of messages without an id: found, replayed and dropped like others, index included", async (context) => {
        const { own, connected, consume } = stage(context, broker);
        const redis = await own();
        const main = await connected({ url: redis.url, deadLetter: { maxSize: 3 } });
        let outcome: "nack" | "ack" = "nack";
        const intake = await consume(main, "a", { handle: (delivery) => void delivery.settle(outcome) });
        for (const text of numbers(10)) await redis.command("XADD", stream, "*", "payload", text);
        await until("all are dead", async () => intake.texts.length === 10 && (await lengthOf(redis)) === 0);
        const letters = main.deadLetters?.("a");
        expect(await redis.command("HLEN", `${stream}:dead-ids`)).toBe(3);
        const [first] = (await letters?.list()) ?? [];
        expect(first).toMatchObject({ contentType: undefined });
        expect(await letters?.get(first?.id ?? "")).toMatchObject({ id: first?.id });
        outcome = "ack";
        await letters?.replay(first?.id ?? "");
        expect(await letters?.purge()).toBe(2);
        expect(await redis.command("EXISTS", `${stream}:dead-ids`)).toBe(0);
      });
    });
  });
}
