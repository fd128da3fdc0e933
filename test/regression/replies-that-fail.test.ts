import { type Delivery, defineDependency } from "millrace";
import { describe, expect, test } from "vitest";
import { sleep } from "../../src/internal/clock.ts";
import { changeDeliveries, type Stage, stage } from "../core/stage.ts";

/** Replies of the server fail after a while; settling works. */
function failingReplies(takes = 300): Stage {
  const made: Stage = stage({
    wrap: changeDeliveries(() => ({
      reply: async () => {
        await sleep(made.clock, takes);
        throw new Error("the broker refuses the reply");
      },
    })),
  });
  return made;
}

describe("a reply that fails after its run was decided", () => {
  test("leaves the message to what its actor says about a timeout", async () => {
    const { app, work, clock, stats, soon } = failingReplies();
    let runs = 0;
    const options = { name: "a", timeout: 100, onTimeout: "nack" } as const;
    const actor = app.actor(options, async ({ message }) => {
      runs += 1;
      await message.reply("x", { channel: "out" });
    });
    await app.send(actor, {});
    const worker = await work({ cancelTimeout: 50 });
    await clock.advance("1s");
    expect(runs).toBe(1);
    expect(worker.counts).toMatchObject({ processed: 1, nacked: 1 });
    expect(worker.health().consumers[0]).toMatchObject({ running: 0, waiting: 0, held: 0 });
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
    await soon(worker.stop());
  });

  test("leaves the message to what its actor says about an error when the handler did not wait for it", async () => {
    const { app, work, clock, stats, soon } = failingReplies();
    const failed: unknown[] = [];
    const actor = app.actor({ name: "a", onError: "nack" }, ({ message }) => {
      message.reply("x", { channel: "out" }).catch((error: unknown) => failed.push(error));
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("1s");
    expect(failed.length).toBe(1);
    expect(worker.counts).toMatchObject({ processed: 1, nacked: 1 });
    expect(worker.health().consumers[0]).toMatchObject({ running: 0, held: 0 });
    expect(await stats()).toMatchObject({ inFlight: 0, dead: 1 });
    await soon(worker.stop());
  });

  test("gives the slot back when a dependency has to be disposed of", async () => {
    const { app, work, clock, stats, soon } = failingReplies();
    let disposed = 0;
    const dependency = defineDependency({
      resolve: () => 1,
      dispose: () => {
        disposed += 1;
      },
    });
    let runs = 0;
    const actor = app.actor({ name: "a", onError: "nack", deps: { dependency } }, ({ message }) => {
      runs += 1;
      message.reply("x", { channel: "out" }).catch(() => {});
    });
    await app.sendMany(actor, [{}, {}, {}]);
    const worker = await work({ concurrency: 1, prefetch: 0 });
    await clock.advance("3s");
    expect({ runs, disposed }).toEqual({ runs: 3, disposed: 3 });
    expect(worker.health()).toMatchObject({ ready: true, consumers: [{ running: 0, held: 0 }] });
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 3 });
    await soon(worker.stop());
  });
});

describe("a reply that the broker has applied", () => {
  test("settles once, also when a middleware throws after it", async () => {
    const settles: unknown[] = [];
    const wrap = changeDeliveries((delivery: Delivery) => ({
      reply: (...given: Parameters<NonNullable<Delivery["reply"]>>) => {
        settles.push("reply");
        return delivery.reply?.(...given);
      },
      settle: (...given: Parameters<Delivery["settle"]>) => {
        settles.push(given[0]);
        return delivery.settle(...given);
      },
    }));
    const { app, workFor, stats } = stage({
      wrap,
      app: {
        middleware: {
          producer: [
            async ({ channel }, next) => {
              const result = await next();
              if (channel === "out") throw new Error("the metrics are down");
              return result;
            },
          ],
        },
      },
    });
    const actor = app.actor({ name: "a" }, ({ message }) => message.reply("x", { channel: "out" }));
    await app.send(actor, {});
    await workFor(500);
    expect(settles).toEqual(["reply"]);
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0, dead: 0 });
    expect(await stats("out")).toMatchObject({ ready: 1 });
  });
});

describe("a reply that came", () => {
  test.each(["throws", "rejects"])("answers its request although settling it %s", async (how) => {
    const { app, work, soon, logs } = stage({
      wrap: changeDeliveries((delivery) =>
        delivery.channel.startsWith("millrace.reply")
          ? {
              settle: () => {
                const error = new Error("database is locked");
                if (how === "throws") throw error;
                return Promise.reject(error);
              },
            }
          : {},
      ),
    });
    const actor = app.actor({ name: "a" }, ({ message }) => message.reply("1"));
    const worker = await work();
    await expect(soon(app.request(actor, {}, { timeout: "1s" }))).resolves.toBe(1);
    expect(logs.of("reply.settle.failed").length).toBe(1);
    await soon(worker.stop());
  });
});
