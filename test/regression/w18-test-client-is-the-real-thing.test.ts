import { createRouter, defineDependency, defineOperation } from "millrace";
import { createTestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { stage } from "../core/stage.ts";

describe("W18: the test client", () => {
  test("settles as in production: the first outcome wins", async () => {
    const { app } = stage();
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      await message.nack();
      await message.ack();
    });
    const client = await createTestClient(app);
    await client.send(actor, {});
    expect(client.processed()).toMatchObject([{ outcome: "nack" }]);
    expect(await client.deadLetters("default").count()).toBe(1);
    await client.close();
  });

  test("processes replies and messages that actors send on", async () => {
    const { app } = stage();
    const seen: string[] = [];
    const last = app.actor({ name: "last" }, () => void seen.push("last"));
    const second = app.actor({ name: "second" }, async ({ send, message }) => {
      seen.push("second");
      await message.reply("{}", { channel: "answers" });
      await send(last, {});
    });
    app.actor({ name: "answer", channel: "answers", routing: () => () => true }, () => void seen.push("answer"));
    const client = await createTestClient(app);
    await client.send(second, {});
    expect(seen.toSorted()).toEqual(["answer", "last", "second"]);
    await client.close();
  });

  test("records options, headers and the reply address of what was sent", async () => {
    const { app } = stage();
    const actor = app.actor({ name: "a" }, () => {});
    const client = await createTestClient(app, { autoProcess: false });
    await client.send(actor, { n: 1 }, { replyTo: "answers", delay: "1h", priority: 50, headers: { tenant: "x" } });
    const [sent] = client.sent();
    expect(sent).toMatchObject({
      channel: "default",
      operation: "a",
      replyTo: "answers",
      options: { delay: 3_600_000, priority: 50 },
      headers: { tenant: "x", topic: "a" },
    });
    expect(sent?.json()).toEqual({ n: 1 });
    await client.close();
  });

  test("lets hours of retries and delays pass in no time, on a clock of its own", async () => {
    const { app } = stage();
    const now: number[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 3, backoff: "1h" } }, ({ attempt }) => {
      now.push(attempt);
      if (attempt < 3) throw new Error("again");
    });
    const client = await createTestClient(app, { autoProcess: false });
    await client.send(actor, {}, { delay: "2d" });
    expect(await client.processAll()).toEqual([]);
    const started = performance.now();
    const done = await client.drain();
    expect(done.map(({ outcome }) => outcome)).toEqual(["retry", "retry", "ack"]);
    expect(now).toEqual([1, 2, 3]);
    expect(performance.now() - started).toBeLessThan(2000);
    await client.close();
  });

  test("sees actors that are added after it was made", async () => {
    const { app } = stage();
    const client = await createTestClient(app);
    const router = createRouter();
    let ran = 0;
    app.include(router);
    const actor = router.actor({ name: "late" }, () => {
      ran += 1;
    });
    await client.send(actor, {});
    expect(ran).toBe(1);
    await client.close();
  });

  test("answers requests", async () => {
    const { app } = stage();
    const sum = defineOperation({
      name: "sum",
      payload: z.object({ a: z.number() }),
      reply: z.object({ sum: z.number() }),
    });
    app.actor({ operation: sum }, ({ payload }) => ({ sum: payload.a + 1 }));
    const client = await createTestClient(app);
    expect(await client.request(sum, { a: 1 })).toEqual({ sum: 2 });
    await client.close();
  });

  test("refuses what the server it stands for cannot do", async () => {
    const { app } = stage({ memory: { features: { delay: { level: "unsupported" } } } });
    const actor = app.actor({ name: "a" }, () => {});
    const client = await createTestClient(app);
    await expect(client.send(actor, {}, { delay: "1s" })).rejects.toMatchObject({ code: "UNSUPPORTED_FEATURE" });
    await client.close();
  });

  test("an override holds until it is disposed of, for app-wide dependencies that were used already, too", async () => {
    const { app } = stage();
    const db = defineDependency({ scope: "app", resolve: () => "real" });
    const clock = defineDependency({ resolve: () => "real" });
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", deps: { db, clock } }, ({ deps }) => void seen.push([deps.db, deps.clock]));
    const client = await createTestClient(app);
    await client.send(actor, {});
    const undo = [client.override(db, () => "fake"), client.override(clock, () => "fake")];
    await client.send(actor, {});
    for (const override of undo) override.dispose();
    await client.send(actor, {});
    expect(seen).toEqual([
      ["real", "real"],
      ["fake", "fake"],
      ["real", "real"],
    ]);
    await client.close();
  });
});
