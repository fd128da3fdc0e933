import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import { stage } from "../core/stage.ts";

describe("W17: the in-memory server under a worker", () => {
  test("pausing, resuming and stopping at any moment loses and doubles nothing", async () => {
    const { app, work, clock, soon, stats } = stage();
    const seen: string[] = [];
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 7));
      seen.push(message.id);
    });
    const ids = Array.from({ length: 200 }, (_, index) => String(index));
    for (const id of ids) await app.send(actor, {}, { id });
    for (let round = 0; round < 20; round += 1) {
      const worker = await work({ concurrency: 3, prefetch: 4 });
      await clock.advance(round);
      await worker.pause();
      await clock.advance(round);
      await worker.resume();
      await clock.advance(20);
      await soon(worker.stop());
    }
    const last = await work();
    await clock.advance("1m");
    await soon(last.stop());
    expect(seen.toSorted()).toEqual(ids.toSorted());
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test("a failed message is kept as a dead letter with payload, headers and reason", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a" }, () => {
      throw new TypeError("bad");
    });
    const { id } = await app.send(actor, { n: 1 }, { headers: { tenant: "x" } });
    await workFor(100);
    const entry = await app.deadLetters("default").get(id);
    expect(entry).toMatchObject({ id, channel: "default", headers: { tenant: "x", topic: "a" } });
    expect(entry?.reason).toMatchObject({
      code: "error",
      actor: "a",
      attempts: 1,
      deliveries: 1,
      error: { name: "TypeError", message: "bad" },
    });
    expect(Buffer.from(entry?.payload ?? []).toString()).toBe('{"n":1}');
  });

  test("two messages with one id are two messages", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a" }, ({ payload }) => void seen.push(payload));
    await app.send(actor, { n: 1 }, { id: "same" });
    await app.send(actor, { n: 2 }, { id: "same" });
    expect(await workFor(1000)).toMatchObject({ acked: 2 });
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("what a worker never settles comes back to another one when its lease ends", async () => {
    const { app, other, work, clock, soon } = stage({ memory: { leaseDuration: "2s" } });
    const seen: string[] = [];
    const actor = app.actor({ name: "a", confirmation: "manual", keepAlive: false }, () => void seen.push("manual"));
    const second = other();
    second.actor({ name: "a" }, () => void seen.push("second"));
    await app.send(actor, {});
    const first = await work({ messagesLimit: 1 });
    await soon(first.finished);
    const worker = await work({}, second);
    await clock.advance("5s");
    expect(seen).toEqual(["manual", "second"]);
    await soon(worker.stop());
  });

  test("its messages live in the object: another object has others", async () => {
    const one = inMemory();
    const two = inMemory();
    await one.connect();
    await two.connect();
    await one.publish("x", {
      id: "1",
      payload: new Uint8Array(0),
      headers: {},
      contentType: undefined,
      replyTo: undefined,
    });
    await one.disconnect();
    await one.connect();
    expect([(await one.inspect("x")).ready, (await two.inspect("x")).ready]).toEqual([1, 0]);
  });
});
