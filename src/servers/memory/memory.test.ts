import { describe, expect, test } from "vitest";
import { createHeaders } from "../../internal/headers.ts";
import { DuplicateMessageError, LeaseLostError, NotConnectedError, OptionError } from "../../server/errors.ts";
import { inMemory } from "./index.ts";
import { message, payload, stage } from "./stage.test-d.ts";

describe("sending and receiving", () => {
  test("publish needs no promise, delivers in order, and never from inside the call", async () => {
    const { server, clock, consume } = await stage();
    const consumer = await consume();
    for (const id of ["1", "2", "3"]) expect(server.publish("a", message(id))).toEqual({ id });
    expect(consumer.ids()).toEqual([]);
    await clock.advance(0);
    expect(consumer.ids()).toEqual(["1", "2", "3"]);
  });

  test("a delivery carries all of the message, the first time of delivery and the time of sending", async () => {
    const { server, clock, consume } = await stage();
    await clock.advance(1234);
    const sentAt = clock.now();
    await server.publish("a", { ...message("1", { X: "y" }), contentType: "text/plain", replyTo: "back" });
    await clock.advance(50);
    const [delivery] = (await consume()).got;
    expect(delivery).toMatchObject({ channel: "a", payload, id: "1", contentType: "text/plain", replyTo: "back" });
    expect(delivery?.headers).toEqual(createHeaders({ X: "y" }));
    expect([delivery?.deliveryCount, delivery?.lapses, delivery?.sentAt]).toEqual([1, 0, sentAt]);
  });

  test("settling needs no promise; a second settle finds the message gone", async () => {
    const { server, consume } = await stage();
    await server.publish("a", message("1"));
    const { last } = await consume();
    expect(last("1").settle("ack")).toBeUndefined();
    await expect(last("1").settle("nack")).rejects.toThrow(LeaseLostError);
    expect(await server.inspect("a")).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test("a batch gives one result per message, an error in the place of a refused one", async () => {
    const { server, consume } = await stage();
    const dedupe = { key: "k", window: 1000, onDuplicate: "throw" } as const;
    const results = await server.publishBatch("a", [message("1"), message("2")], { dedupe });
    expect(results[0]).toEqual({ id: "1" });
    expect(results[1]).toBeInstanceOf(DuplicateMessageError);
    expect((await consume()).ids()).toEqual(["1"]);
  });

  test("a busy channel does not keep the others of a subscription waiting", async () => {
    const { server, consume } = await stage();
    for (let i = 0; i < 10; i += 1) await server.publish("busy", message(`b${i}`));
    await server.publish("calm", message("c"));
    const { ids } = await consume({ channels: ["busy", "calm", "busy"], max: 3 });
    expect(ids()).toEqual(["b0", "c", "b1"]);
  });

  test("subscriptions of one channel share its messages evenly, under load and in a trickle", async () => {
    const { server, clock, consume } = await stage();
    const all = [await consume(), await consume(), await consume()];
    for (let i = 0; i < 30; i += 1) server.publish("a", message(String(i)));
    await clock.advance(0);
    expect(all.map(({ got }) => got.length)).toEqual([10, 10, 10]);
    for (let i = 0; i < 30; i += 1) {
      await server.publish("a", message(`t${i}`));
      await clock.advance(1);
    }
    expect(all.map(({ got }) => got.length)).toEqual([20, 20, 20]);
    expect(new Set(all.flatMap(({ ids }) => ids())).size).toBe(60);
  });

  test("a worker that keeps itself busy does not starve timers", async () => {
    const server = inMemory();
    await server.connect();
    let running = true;
    await server.subscribe({
      channels: [{ name: "a" }],
      maxUnsettled: 1,
      onStateChange: () => {},
      onDelivery(delivery) {
        queueMicrotask(() => {
          delivery.settle("ack");
          if (running) server.publish("a", message("next"));
        });
      },
    });
    await server.publish("a", message("first"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    running = false;
    await server.disconnect();
  });

  test("higher priorities run sooner, first in first out inside one", async () => {
    const { server, consume } = await stage();
    const sent: [string, number | undefined][] = [
      ["n1", undefined],
      ["low", 0],
      ["h1", 100],
      ["n2", 10],
      ["mid", 11],
      ["h2", 100],
    ];
    for (const [id, priority] of sent)
      await server.publish("a", message(id), priority === undefined ? {} : { priority });
    expect((await consume()).ids()).toEqual(["h1", "h2", "mid", "n1", "n2", "low"]);
  });

  test("two messages with one id of the user's are two messages", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("same"));
    await server.publish("a", message("same"));
    const { got } = await consume();
    await got[0]?.settle("ack");
    expect(await server.inspect("a")).toMatchObject({ inFlight: 1 });
    await got[1]?.settle("reject");
    await clock.advance(0);
    await got[2]?.settle("nack");
    expect(await server.inspect("a")).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
  });
});

describe("settling", () => {
  test("a nacked message is kept with its reason", async () => {
    const { server, consume } = await stage();
    await server.publish("a", message("1"));
    const reason = { code: "error", attempts: 1, deliveries: 1, firstFailureAt: 5, lastFailureAt: 6 } as const;
    await (await consume()).last("1").settle("nack", { reason });
    expect(await server.deadLetters("a").get("1")).toMatchObject({ id: "1", channel: "a", reason });
  });

  test("a rejected message goes to the end of its priority and keeps its delivery count", async () => {
    const { server, clock, consume } = await stage();
    for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
    const { ids, last } = await consume({ max: 1 });
    await last("1").settle("reject");
    await clock.advance(0);
    await last("2").settle("ack");
    await clock.advance(0);
    await last("3").settle("ack");
    await clock.advance(0);
    expect(ids()).toEqual(["1", "2", "3", "1"]);
    expect(last("1").deliveryCount).toBe(2);
  });

  test("a delivery that was never started is not counted and does not clear lapses", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("1"));
    const { got, last } = await consume();
    await clock.advance("30s");
    await last("1").settle("reject", { started: false });
    await clock.advance(0);
    expect(got.map((one) => [one.deliveryCount, one.lapses])).toEqual([
      [1, 0],
      [2, 1],
      [2, 1],
    ]);
    await last("1").settle("reject");
    await clock.advance(0);
    expect([last("1").deliveryCount, last("1").lapses]).toEqual([3, 0]);
  });

  test("the bookkeeping header is written, replaced and removed; other headers stay", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("1", { keep: "me" }));
    const { got, last } = await consume();
    await last("1").settle("reject", { bookkeeping: "a=1" });
    await clock.advance(0);
    await last("1").settle({ retryAfter: 10 }, { bookkeeping: "a=2" });
    await clock.advance(10);
    await last("1").settle("reject");
    await clock.advance(0);
    const expected = [{ keep: "me" }, { keep: "me", millrace: "a=1" }, { keep: "me", millrace: "a=2" }, { keep: "me" }];
    expect(got.map((one) => ({ ...one.headers }))).toEqual(expected);
  });

  test("retryAfter waits exactly that long", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("1"));
    const { got, last } = await consume();
    await last("1").settle({ retryAfter: 5000 });
    expect(await server.inspect("a")).toMatchObject({ delayed: 1, inFlight: 0 });
    await clock.advance(4999);
    expect(got.length).toBe(1);
    await clock.advance(1);
    expect(last("1").deliveryCount).toBe(2);
  });

  test("a reply is sent and its message settled in one step, or neither", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("1"));
    const { got, last } = await consume();
    expect(last("1").reply?.(message("answer"), "back")).toBeUndefined();
    expect(await server.inspect("a")).toMatchObject({ inFlight: 0 });
    expect((await consume({ channels: ["back"] })).ids()).toEqual(["answer"]);
    await expect(got[0]?.reply?.(message("late"), "back")).rejects.toThrow(LeaseLostError);
    await clock.advance(0);
    expect(await server.inspect("back")).toMatchObject({ ready: 0, inFlight: 1 });
  });
});

describe("options and connection", () => {
  test("without a connection publish and subscribe are refused, and messages survive it", async () => {
    const server = inMemory();
    expect(server.state).toBe("closed");
    await expect(server.publish("a", message("1"))).rejects.toThrow(NotConnectedError);
    await expect(server.publishBatch("a", [])).rejects.toThrow(NotConnectedError);
    const options = { channels: [], maxUnsettled: 1, onDelivery: () => {}, onStateChange: () => {} };
    await expect(server.subscribe(options)).rejects.toThrow(NotConnectedError);
    await expect(server.connect({ signal: AbortSignal.abort() })).rejects.toThrow();
    await server.connect();
    await server.connect();
    expect(server.state).toBe("ready");
    await server.publish("a", message("1"));
    await server.disconnect();
    await server.disconnect();
    await server.connect();
    expect(await server.inspect("a")).toMatchObject({ ready: 1 });
    expect(await inMemory().inspect("a")).toMatchObject({ ready: 0 });
  });

  test("inspect counts and tells the age of the oldest ready message; purge spares what is held or dead", async () => {
    const { server, clock, consume } = await stage();
    for (const id of ["held", "dead", "1"]) await server.publish("a", message(id));
    await server.publish("a", message("later"), { delay: 60_000 });
    const { last, subscription } = await consume({ max: 2 });
    subscription.pause();
    await last("dead").settle("nack");
    await clock.advance(500);
    await server.publish("a", message("2"), { priority: 99 });
    const stats = { ready: 2, inFlight: 1, delayed: 1, dead: 1, oldestAge: 500 };
    expect(await server.inspect("a")).toEqual(stats);
    expect(await server.purge("a")).toBe(3);
    expect(await server.inspect("a")).toEqual({ ...stats, ready: 0, delayed: 0, oldestAge: undefined });
    expect(await server.purge("unknown")).toBe(0);
    expect(clock.nextTimerAt).toBeUndefined();
  });

  test("the age of a message counts from when it became ready, and goes on when it is given back", async () => {
    const { server, clock, consume } = await stage();
    const age = async (): Promise<number | undefined> => (await server.inspect("a")).oldestAge;
    await clock.advance(100);
    await server.publish("a", message("1"), { delay: 1000 });
    await clock.advance(1200);
    expect(await age()).toBe(200);
    const { last, subscription } = await consume();
    await subscription.close();
    expect(await age()).toBe(200);
    const again = await consume();
    again.subscription.pause();
    expect([last("1").id, again.last("1").settle("reject")]).toEqual(["1", undefined]);
    await clock.advance(50);
    expect(await age()).toBe(50);
  });

  test("features can be switched off but not invented", () => {
    const unsupported = { level: "unsupported" } as const;
    const server = inMemory({ features: { delay: unsupported, broadcast: { level: "native" } } });
    expect([server.features.delay, server.features.broadcast.level]).toEqual([unsupported, "unsupported"]);
    expect([server.features.lease.level, server.features.durable.level]).toEqual(["native", "unsupported"]);
  });

  test("info shows the metadata and nothing else", () => {
    const server = inMemory({ title: "T", description: "D", leaseDuration: 5, deadLetter: false });
    const fixed = { protocol: "in-memory", host: "localhost", protocolVersion: "1.0.0" };
    expect(server.info).toEqual({ ...fixed, title: "T", description: "D" });
  });

  test("impossible options are refused where they are given", () => {
    expect(() => inMemory({ leaseDuration: 0 })).toThrow(OptionError);
    expect(() => inMemory({ leaseDuration: Number.POSITIVE_INFINITY })).toThrow(OptionError);
    expect(() => inMemory({ deadLetter: { maxSize: 0 } })).toThrow(OptionError);
    expect(() => inMemory({ deadLetter: false, onExpired: "deadLetter" })).toThrow(OptionError);
  });
});
