import { describe, expect, test } from "vitest";
import { DuplicateMessageError, LeaseLostError } from "../../server/errors.ts";
import { message, stage } from "./stage.test-d.ts";

describe("leases", () => {
  test("an unsettled message comes back when its lease ends, in front, and its late settle is refused", async () => {
    const { server, clock, consume } = await stage();
    for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
    const { got, ids, last } = await consume({ max: 2 });
    await clock.advance(29_999);
    expect(got.length).toBe(2);
    await clock.advance(1);
    expect(ids()).toEqual(["1", "2", "1", "2"]);
    expect([last("1").deliveryCount, last("1").lapses]).toEqual([2, 1]);
    for (const outcome of ["ack", "nack", "reject"] as const) {
      await expect(got[0]?.settle(outcome)).rejects.toThrow(LeaseLostError);
    }
    await expect(got[0]?.lease?.extend()).rejects.toThrow(LeaseLostError);
    expect(last("1").settle("ack")).toBeUndefined();
    await clock.advance(0);
    expect(await server.inspect("a")).toMatchObject({ ready: 0, inFlight: 2 });
  });

  test("a renewed lease lasts another duration, each message for itself", async () => {
    const { server, clock, consume } = await stage({ leaseDuration: "3s" });
    await server.publish("a", message("kept"));
    const { got, last } = await consume();
    await clock.advance(1000);
    await server.publish("a", message("lost"));
    await clock.advance(0);
    expect(last("kept").lease?.duration).toBe(3000);
    for (let i = 0; i < 10; i += 1) {
      expect(got[0]?.lease?.extend()).toBeUndefined();
      await clock.advance(1000);
    }
    expect(got.filter((one) => one.id === "kept").length).toBe(1);
    expect(got.filter((one) => one.id === "lost").map((one) => one.lapses)).toEqual([0, 1, 2, 3]);
  });

  test("one timer serves all leases of a subscription and is no reason to stay alive", async () => {
    const { server, clock, consume } = await stage();
    for (let i = 0; i < 1000; i += 1) await server.publish("a", message(String(i)));
    const { got } = await consume({ max: 1000 });
    expect([clock.pending, clock.nextTimerAt]).toEqual([1, undefined]);
    for (const delivery of got) await delivery.settle("ack");
    await clock.advance("30s");
    expect(clock.pending).toBe(0);
  });
});

describe("time", () => {
  test("a delayed message is not delivered before its time, 0 means now", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("later"), { delay: 3_600_000 });
    await server.publish("a", message("soon"), { delay: 1.5 });
    await server.publish("a", message("now"), { delay: 0 });
    const { ids } = await consume({ onDelivery: (delivery) => void delivery.settle("ack") });
    expect(ids()).toEqual(["now"]);
    await clock.advance(1);
    expect(ids()).toEqual(["now"]);
    await clock.advance(1);
    expect(ids()).toEqual(["now", "soon"]);
    await clock.advance("1h");
    expect(ids()).toEqual(["now", "soon", "later"]);
  });

  test("messages that become due at one time come in the order in which they were sent", async () => {
    const { server, clock, consume } = await stage();
    const ids = Array.from({ length: 50 }, (_, i) => String(i));
    for (const id of ids) await server.publish("a", message(id), { delay: 1000 });
    const consumer = await consume();
    await clock.advance(1000);
    expect(consumer.ids()).toEqual(ids);
  });

  test("two hundred thousand delayed messages come in order of their time", async () => {
    const { server, clock, consume } = await stage();
    const count = 200_000;
    for (let i = 0; i < count; i += 1) {
      const delay = 1000 + ((i * 7919) % 500);
      await server.publish("a", message(`${delay}:${i}`), { delay });
    }
    expect(clock.pending).toBe(1);
    const order: number[] = [];
    await consume({
      max: 1,
      onDelivery(delivery) {
        order.push(Number.parseInt(String(delivery.id), 10));
        delivery.settle("ack");
      },
    });
    await clock.advance("2s");
    expect(order.length).toBe(count);
    expect(order.every((value, i) => i === 0 || value >= (order[i - 1] as number))).toBe(true);
    expect(await server.inspect("a")).toMatchObject({ ready: 0, delayed: 0, inFlight: 0 });
  });

  test("a waiting message is a reason to stay alive while connected, and comes in time after a reconnect", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("1"), { delay: 1000 });
    expect(clock.nextTimerAt).toBe(clock.now() + 1000);
    await server.disconnect();
    expect(clock.nextTimerAt).toBeUndefined();
    await clock.advance(5000);
    await server.connect();
    const { ids } = await consume();
    expect(ids()).toEqual(["1"]);
  });

  test("an expired message is dropped when it would be delivered, and reported", async () => {
    const { server, clock, consume } = await stage();
    await server.publish("a", message("old"), { expiresIn: 1000 });
    await server.publish("a", message("held"), { expiresIn: 1001 });
    await server.publish("a", message("fresh"));
    await clock.advance(1000);
    const { ids, expired, last } = await consume();
    expect([ids(), expired]).toEqual([["held", "fresh"], ["old"]]);
    await clock.advance(10);
    expect(last("held").settle("reject")).toBeUndefined();
    await clock.advance(0);
    expect(expired).toEqual(["old", "held"]);
    expect(await server.inspect("a")).toMatchObject({ ready: 0, dead: 0 });
  });

  test('onExpired: "deadLetter" keeps expired messages', async () => {
    const { server, clock, consume } = await stage({ onExpired: "deadLetter" });
    await server.publish("a", message("1"), { expiresIn: 0 });
    const { ids, expired } = await consume();
    await clock.advance(0);
    expect([ids(), expired]).toEqual([[], ["1"]]);
    expect((await server.deadLetters("a").get("1"))?.reason.code).toBe("expired");
  });

  test("a duplicate inside the window is ignored or refused, per channel and key, and not after it", async () => {
    const { server, clock, consume } = await stage();
    const dedupe = { key: "k", window: 1000, onDuplicate: "ignore" } as const;
    expect(await server.publish("a", message("1"), { dedupe })).toEqual({ id: "1" });
    await clock.advance(999);
    expect(await server.publish("a", message("2"), { dedupe })).toEqual({ id: "1", duplicate: true });
    const refused = server.publish("a", message("3"), { dedupe: { ...dedupe, onDuplicate: "throw" } });
    await expect(refused).rejects.toThrow(DuplicateMessageError);
    await server.publish("b", message("4"), { dedupe });
    await server.publish("a", message("5"), { dedupe: { ...dedupe, key: "other" } });
    await clock.advance(1);
    await server.publish("a", message("6"), { dedupe });
    expect((await consume()).ids()).toEqual(["1", "5", "6"]);
  });
});
