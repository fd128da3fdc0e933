import { describe, expect, test } from "vitest";
import { changeDeliveries, stage } from "../core/stage.ts";

describe("W7: messages that no actor wants", () => {
  test("come back with growing delays and are dead-lettered at the tenth time", async () => {
    const { app, work, clock, logs, stats, soon } = stage();
    app.actor({ name: "other" }, () => {});
    const { id } = await app.publish("default", "{}", { headers: { topic: "nobody" } });
    const worker = await work();
    const pauses: number[] = [];
    let last = clock.monotonic();
    for (let second = 0; second < 400; second += 1) {
      const before = logs.of("message.unrouted").length;
      await clock.advance(1000);
      if (logs.of("message.unrouted").length === before) continue;
      pauses.push((clock.monotonic() - last) / 1000);
      last = clock.monotonic();
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(logs.of("message.unrouted").map((record) => record["times"])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    expect((await app.deadLetters("default").get(id))?.reason).toMatchObject({ code: "unrouted", deliveries: 10 });
    expect(await soon(worker.stop())).toMatchObject({ processed: 0, nacked: 1, retried: 9 });
  });

  test("are counted in the message, so that two apps and many workers count together", async () => {
    const { app, other, work, soon, clock, logs, stats } = stage();
    app.actor({ name: "one" }, () => {});
    const second = other();
    second.actor({ name: "two" }, () => {});
    await app.publish("default", "{}", { headers: { topic: "nobody" } });
    for (let round = 0; round < 12; round += 1) {
      const worker = await work({}, round % 2 === 0 ? app : second);
      await clock.advance(100);
      await soon(worker.stop());
      await clock.advance("61s");
    }
    expect(logs.of("message.unrouted").map((record) => record["times"])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
  });

  test("are counted on a broker that neither counts deliveries nor keeps ids", async () => {
    const { app, workFor, logs } = stage({
      wrap: changeDeliveries(() => ({ id: undefined, deliveryCount: undefined, lapses: undefined })),
    });
    app.actor({ name: "other" }, () => {});
    await app.publish("default", "{}", { headers: { topic: "nobody" } });
    await workFor(400_000);
    expect(logs.of("message.unrouted").map((record) => record["times"])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await app.deadLetters("default").count()).toBe(1);
  });

  test("are dead-lettered at once with attempts: 1, and as often as told otherwise", async () => {
    for (const attempts of [1, 3]) {
      const { app, workFor, logs } = stage();
      app.actor({ name: "other" }, () => {});
      await app.publish("default", "{}", { headers: { topic: "nobody" } });
      await workFor(60_000, { unrouted: { attempts, delay: "2s", maxDelay: "3s" } });
      expect(logs.of("message.unrouted").length).toBe(attempts);
    }
  });

  test("start anew once an actor has seen them", async () => {
    const { app, other, work, soon, clock, logs } = stage();
    app.actor({ name: "other" }, () => {});
    const knowing = other();
    knowing.actor({ name: "late", onError: "reject", deliveryLimit: 30 }, () => {
      throw new Error("not now");
    });
    await app.publish("default", "{}", { headers: { topic: "late" } });
    const first = await work({ unrouted: { attempts: 3, delay: 10 } });
    await clock.advance(15);
    await soon(first.stop());
    const second = await work({ messagesLimit: 1 }, knowing);
    await soon(second.finished);
    const third = await work({ unrouted: { attempts: 3, delay: 10 } });
    await clock.advance(1000);
    await soon(third.stop());
    expect(logs.of("message.unrouted").map((record) => record["times"])).toEqual([1, 2, 1, 2, 3]);
  });

  test("do not fill memory: what nobody wants is not remembered by the worker", async () => {
    const { app, work, clock, soon } = stage();
    app.actor({ name: "other" }, () => {});
    for (let i = 0; i < 500; i += 1) await app.publish("default", "{}", { headers: { topic: `nobody-${i}` } });
    const worker = await work({ concurrency: 10, prefetch: 2 });
    await clock.advance(100);
    expect(worker.health().consumers[0]).toMatchObject({ held: 0, waiting: 0, running: 0 });
    await soon(worker.stop());
  });

  test("neither counter can be forged from outside: foreign bookkeeping is clamped", async () => {
    for (const forged of ["u=-5", "u=NaN", "u=1e9", "u=9999999999999", "u=", "u=0x10;a=abc", "x".repeat(600)]) {
      const { app, server, workFor, logs } = stage();
      app.actor({ name: "other" }, () => {});
      await server.connect();
      await server.publish("default", {
        id: "1",
        payload: new Uint8Array(0),
        headers: { millrace: forged, topic: "nobody" },
        contentType: undefined,
        replyTo: undefined,
      });
      await workFor(400_000);
      const times = logs.of("message.unrouted").length;
      expect(times).toBeGreaterThanOrEqual(1);
      expect(times).toBeLessThanOrEqual(10);
      await expect(app.publish("default", "{}", { headers: { Millrace: forged } })).rejects.toMatchObject({
        code: "INVALID_HEADER",
      });
    }
  });
});
