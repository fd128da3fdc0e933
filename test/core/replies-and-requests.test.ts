import { defineOperation, type ProducerMiddleware } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { changeDeliveries, gate, never, replace, stage } from "./stage.ts";

const sum = defineOperation({
  name: "sum",
  channel: "math",
  payload: z.object({ a: z.number(), b: z.number() }),
  reply: z.object({ sum: z.number() }),
});

/** The reply of a server that cannot reply and settle in one step. */
const withoutAtomicReply = changeDeliveries(() => ({ reply: undefined as never }));

describe("requests", () => {
  for (const atomic of [true, false]) {
    test(`the returned value is the reply, and the request is acked (${atomic ? "in one step" : "in two"})`, async () => {
      const { app, work, soon, stats } = stage(atomic ? {} : { wrap: withoutAtomicReply });
      app.actor({ operation: sum }, ({ payload }) => ({ sum: payload.a + payload.b }));
      const worker = await work();
      expect(await soon(app.request(sum, { a: 1, b: 2 }))).toEqual({ sum: 3 });
      expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1 });
      await app.connect();
      expect(await stats("math")).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
      await app.close();
    });
  }

  test("replies find their requests by the correlation id, in any order", async () => {
    const { app, work, soon, clock } = stage();
    app.actor({ operation: sum }, async ({ payload }) => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1000 - payload.a * 100));
      return { sum: payload.a + payload.b };
    });
    const worker = await work();
    const numbers = [1, 2, 3, 4, 5];
    const replies = await soon(Promise.all(numbers.map((a) => app.request(sum, { a, b: 10 }))));
    expect(replies.map((reply) => reply.sum)).toEqual([11, 12, 13, 14, 15]);
    await soon(worker.stop());
  });

  test("a given correlation id is used and copied to the reply; the same one twice at a time is refused", async () => {
    const { app, work, soon } = stage();
    const seen: unknown[] = [];
    app.actor({ operation: sum }, ({ payload, headers }) => {
      seen.push(headers["correlation-id"]);
      return { sum: payload.a };
    });
    const worker = await work();
    const headers = { "correlation-id": "mine" };
    const first = app.request(sum, { a: 1, b: 1 }, { headers });
    await expect(app.request(sum, { a: 1, b: 1 }, { headers })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(await soon(first)).toEqual({ sum: 1 });
    expect(seen).toEqual(["mine"]);
    await soon(worker.stop());
  });

  test("without a reply within the timeout a request rejects, and the late reply is dropped with an event", async () => {
    const { app, work, soon, clock, logs } = stage();
    const held = gate();
    app.actor({ operation: sum }, async ({ payload }) => {
      await held.opened;
      return { sum: payload.a };
    });
    const worker = await work();
    const before = clock.monotonic();
    await expect(soon(app.request(sum, { a: 1, b: 1 }, { timeout: "5s" }))).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
    });
    expect(clock.monotonic() - before).toBeLessThan(5200);
    held.open();
    await clock.advance(1000);
    expect(logs.of("reply.late").length).toBe(1);
    await soon(worker.stop());
  });

  test("the default timeout is 30 seconds", async () => {
    const { app, soon, clock } = stage();
    const before = clock.monotonic();
    await expect(soon(app.request(sum, { a: 1, b: 1 }))).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
    expect(Math.round((clock.monotonic() - before) / 1000)).toBe(30);
  });

  test("the timeout holds as well while the broker does not confirm the request", async () => {
    const { app, soon, clock } = stage({ wrap: (server) => replace(server, { publish: () => never }) });
    const before = clock.monotonic();
    await expect(soon(app.request(sum, { a: 1, b: 1 }, { timeout: "1s" }))).rejects.toThrow();
    expect(clock.monotonic() - before).toBeLessThan(1200);
  });

  test("an aborted signal ends the wait with its reason", async () => {
    const { app, clock } = stage();
    const controller = new AbortController();
    const pending = app.request(sum, { a: 1, b: 1 }, { signal: controller.signal });
    pending.catch(() => {});
    await clock.advance(100);
    controller.abort(new Error("changed my mind"));
    await expect(pending).rejects.toThrow("changed my mind");
  });

  test("a request cannot be delayed", async () => {
    const { app } = stage();
    const refused = { code: "INVALID_OPTION" };
    // @ts-expect-error The types refuse it, too.
    await expect(app.request(sum, { a: 1, b: 1 }, { delay: "1s" })).rejects.toMatchObject(refused);
    // @ts-expect-error The types refuse it, too.
    await expect(app.request(sum, { a: 1, b: 1 }, { at: Date.now() })).rejects.toMatchObject(refused);
  });

  test("a server without requests refuses them by name", async () => {
    const { app } = stage({ memory: { features: { requestReply: { level: "unsupported" } } } });
    await expect(app.request(sum, { a: 1, b: 1 })).rejects.toMatchObject({
      code: "UNSUPPORTED_FEATURE",
      feature: "requestReply",
      server: "default",
    });
  });

  test("a reply that does not fit its schema is an error of the actor, and nobody gets it", async () => {
    const { app, work, soon, stats } = stage();
    app.actor({ operation: sum }, () => ({ sum: "three" as unknown as number }));
    const worker = await work();
    await expect(soon(app.request(sum, { a: 1, b: 1 }, { timeout: "2s" }))).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
    });
    expect(await stats("math")).toMatchObject({ dead: 1 });
    await soon(worker.stop());
  });

  test("requests go on after the connection that carried the first one was closed and opened again", async () => {
    const { app, work, soon } = stage();
    app.actor({ operation: sum }, ({ payload }) => ({ sum: payload.a }));
    const connection = await app.connect();
    const first = await work();
    expect(await soon(app.request(sum, { a: 1, b: 1 }))).toEqual({ sum: 1 });
    await soon(first.stop());
    await connection.close();
    const second = await work();
    expect(await soon(app.request(sum, { a: 2, b: 1 }, { timeout: "5s" }))).toEqual({ sum: 2 });
    await soon(second.stop());
    await app.close();
  });

  test("closing the app ends open requests with an error instead of leaving them hanging", async () => {
    const { app, clock } = stage();
    const pending = app.request(sum, { a: 1, b: 1 });
    pending.catch(() => {});
    await clock.advance(100);
    await app.close();
    await expect(pending).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
  });
});

describe("replies", () => {
  test("reply() sends at once and settles; what is returned later is ignored", async () => {
    const { app, work, soon, clock, logs } = stage();
    app.actor({ operation: sum }, async ({ payload, reply, message }) => {
      await reply({ sum: payload.a });
      expect(message.outcome).toBe("reply");
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 500));
      return { sum: -1 };
    });
    const worker = await work();
    expect(await soon(app.request(sum, { a: 7, b: 1 }))).toEqual({ sum: 7 });
    await clock.advance(1000);
    expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1 });
    expect(logs.of("reply.late")).toEqual([]);
  });

  test("without an address there is nothing to reply to, unless a channel is given", async () => {
    const { app, workFor, stats } = stage();
    const problems: unknown[] = [];
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      await message.reply("1").catch((error: { code: string }) => problems.push(error.code));
      await message.reply("2", { channel: "answers" });
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(problems).toEqual(["NO_REPLY_ADDRESS"]);
    expect(await stats("answers")).toMatchObject({ ready: 1 });
  });

  test("with a reply schema and no address the value is just a value", async () => {
    const { app, workFor } = stage();
    app.actor({ operation: sum }, () => ({ sum: 1 }));
    await app.send(sum, { a: 1, b: 1 });
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
  });

  test("a reply that cannot be sent leaves the message to the decision table", async () => {
    const { app, work, soon, clock, stats } = stage({
      wrap: changeDeliveries(() => ({ reply: () => Promise.reject(new Error("no route")) })),
    });
    app.actor({ operation: sum }, ({ payload }) => ({ sum: payload.a }));
    const worker = await work();
    await app.send(sum, { a: 1, b: 1 }, { replyTo: "answers" });
    await clock.advance(1000);
    expect(await stats("math")).toMatchObject({ dead: 1, inFlight: 0 });
    await soon(worker.stop());
  });

  test("replies go through the producer middleware", async () => {
    const seen: unknown[] = [];
    const watch: ProducerMiddleware = (call, next) => {
      seen.push([call.operation, call.channel]);
      return next({ message: { ...call.message, headers: { ...call.message.headers, seen: "yes" } } });
    };
    const { app, workFor } = stage({ app: { middleware: { producer: [watch] } } });
    app.actor({ operation: sum }, ({ payload }) => ({ sum: payload.a }));
    const answers: unknown[] = [];
    app.actor({ name: "answers", channel: "answers", routing: () => () => true }, ({ message, payload }) => {
      answers.push([payload, message.headers["seen"]]);
    });
    await app.send(sum, { a: 1, b: 1 }, { replyTo: "answers" });
    await workFor(1000);
    expect(seen).toEqual([
      ["sum", "math"],
      [undefined, "answers"],
    ]);
    expect(answers).toEqual([[{ sum: 1 }, "yes"]]);
  });

  for (const atomic of [true, false]) {
    test(`a reply that a producer middleware suppresses still leaves the message acked (${atomic ? "in one step" : "in two"})`, async () => {
      const suppress: ProducerMiddleware = (call, next) => (call.channel === "answers" ? undefined : next());
      const { app, work, soon, stats, clock } = stage({
        ...(atomic ? {} : { wrap: withoutAtomicReply }),
        app: { middleware: { producer: [suppress] } },
      });
      let runs = 0;
      app.actor({ operation: sum }, ({ payload }) => {
        runs += 1;
        return { sum: payload.a };
      });
      await app.send(sum, { a: 1, b: 1 }, { replyTo: "answers" });
      const worker = await work();
      await clock.advance("5m");
      expect(runs).toBe(1);
      expect(await stats("math")).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
      expect(await stats("answers")).toMatchObject({ ready: 0 });
      expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1 });
    });
  }

  test("a message that was acked first can still be replied to", async () => {
    const { app, work, soon } = stage();
    app.actor({ operation: sum, confirmation: "ackFirst" }, ({ payload }) => ({ sum: payload.b }));
    const worker = await work();
    expect(await soon(app.request(sum, { a: 1, b: 9 }))).toEqual({ sum: 9 });
    await soon(worker.stop());
  });

  test("a second reply does nothing", async () => {
    const { app, workFor, stats } = stage();
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      await message.reply("1", { channel: "answers" });
      await message.reply("2", { channel: "answers" });
      await message.nack();
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
    expect(await stats("answers")).toMatchObject({ ready: 1 });
  });
});
