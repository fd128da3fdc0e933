import { expect, test } from "vitest";
import { LeaseLostError, OptionError } from "../../server/errors.ts";
import { message, stage } from "./stage.test-d.ts";

test("pause lets nothing through, not even what is on its way, and resume goes on", async () => {
  const { server, clock, consume } = await stage();
  const consumer = await consume();
  server.publish("a", message("1"));
  consumer.subscription.pause();
  await server.publish("a", message("2"));
  await clock.advance("10s");
  expect(consumer.ids()).toEqual([]);
  consumer.subscription.resume();
  await clock.advance(0);
  expect(consumer.ids()).toEqual(["1", "2"]);
});

test("pause from inside a delivery stops at that message", async () => {
  const { server, clock, consume } = await stage();
  const consumer = await consume({ onDelivery: () => void consumer.subscription.pause() });
  for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
  await clock.advance("1s");
  expect(consumer.ids()).toEqual(["1"]);
  consumer.subscription.resume();
  await clock.advance("1s");
  expect(consumer.ids()).toEqual(["1", "2"]);
});

test("a subscription can be paused before it delivers anything", async () => {
  const { server, clock } = await stage();
  await server.publish("a", message("1"));
  const delivered: unknown[] = [];
  const options = { channels: [{ name: "a" }], maxUnsettled: 1, onStateChange: () => {} };
  const subscription = await server.subscribe({ ...options, onDelivery: (delivery) => void delivered.push(delivery) });
  subscription.pause();
  await clock.advance("1s");
  expect(delivered).toEqual([]);
});

test("a paused subscription leaves the messages to the others", async () => {
  const { server, clock, consume } = await stage();
  const [first, second] = [await consume(), await consume()];
  first.subscription.pause();
  for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
  await clock.advance(0);
  expect([first.ids(), second.ids()]).toEqual([[], ["1", "2", "3"]]);
});

test("drain ends intake for good; what is held can be settled", async () => {
  const { server, clock, consume } = await stage();
  await server.publish("a", message("1"));
  const { ids, last, subscription } = await consume();
  subscription.drain();
  await server.publish("a", message("2"));
  subscription.resume();
  await clock.advance("1s");
  expect(ids()).toEqual(["1"]);
  expect(last("1").settle("ack")).toBeUndefined();
  expect(await server.inspect("a")).toMatchObject({ ready: 1, inFlight: 0 });
});

test("close gives back what is held, in front, in its old order and uncounted", async () => {
  const { server, consume } = await stage();
  for (const id of ["1", "2", "3", "4"]) await server.publish("a", message(id));
  await server.publish("a", message("urgent"), { priority: 100 });
  const first = await consume({ max: 4 });
  expect(first.ids()).toEqual(["urgent", "1", "2", "3"]);
  await first.last("1").settle("ack");
  first.subscription.pause();
  await first.subscription.close();
  await first.subscription.close();
  await expect(first.last("2").settle("ack")).rejects.toThrow(LeaseLostError);
  const second = await consume();
  expect(second.ids()).toEqual(["urgent", "2", "3", "4"]);
  expect(second.got.map((one) => [one.deliveryCount, one.lapses])).toEqual(second.got.map(() => [1, 0]));
});

test("what several subscriptions give back, in whatever order, stands in its old order", async () => {
  const { server, clock, consume } = await stage({ leaseDuration: "1s" });
  const parts = [await consume({ max: 3 }), await consume({ max: 3 }), await consume({ max: 3 })];
  for (let i = 0; i < 10; i += 1) await server.publish("a", message(String(i)));
  await clock.advance(0);
  for (const part of [parts[1], parts[0]]) part?.subscription.pause();
  for (const part of parts) part.subscription.drain();
  await parts[1]?.subscription.close();
  await clock.advance("1s");
  await parts[0]?.subscription.close();
  const { ids } = await consume();
  expect(ids()).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
});

test("what is given back stands before what joined the end of the line meanwhile", async () => {
  const { server, clock, consume } = await stage();
  await server.publish("a", message("later"), { delay: 1000 });
  await server.publish("a", message("held"));
  await server.publish("b", message("rejected"));
  await server.publish("b", message("held"));
  const a = await consume({ max: 1 });
  const b = await consume({ channels: ["b"], max: 1 });
  b.last("rejected").settle("reject");
  await clock.advance(1000);
  expect([a.ids(), b.ids()]).toEqual([["held"], ["rejected", "held"]]);
  await a.subscription.close();
  await b.subscription.close();
  expect((await consume()).ids()).toEqual(["held", "later"]);
  expect((await consume({ channels: ["b"] })).ids()).toEqual(["held", "rejected"]);
});

test("what a closed subscription held goes to the others at once", async () => {
  const { server, clock, consume } = await stage();
  await server.publish("a", message("1"));
  const first = await consume();
  const second = await consume();
  await first.subscription.close();
  await clock.advance(0);
  expect(second.ids()).toEqual(["1"]);
  await clock.advance("20s");
  await server.publish("a", message("2"));
  await clock.advance(0);
  expect(second.ids()).toEqual(["1", "2"]);
});

test("disconnect closes subscriptions, tells them, and loses nothing", async () => {
  const { server, clock, consume } = await stage();
  for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
  const consumers = [await consume({ max: 1 }), await consume({ max: 1 })];
  await server.disconnect();
  expect(consumers.map(({ states }) => states)).toEqual([
    ["ready", "closed"],
    ["ready", "closed"],
  ]);
  expect(await server.inspect("a")).toMatchObject({ ready: 3, inFlight: 0 });
  await server.connect();
  expect((await consume()).ids()).toEqual(["1", "2", "3"]);
  expect(consumers.map(({ got }) => got.length)).toEqual([1, 1]);
  await clock.advance(0);
});

test.each([1, 2, 3, 5, 10, 100])("maxUnsettled %i is a hard limit over all channels and never stalls", async (max) => {
  const { server, clock, consume } = await stage();
  const count = 300;
  for (let i = 0; i < count; i += 1) await server.publish(i % 3 === 0 ? "a" : "b", message(String(i)));
  let held = 0;
  let most = 0;
  const { ids } = await consume({
    channels: ["a", "b"],
    max,
    onDelivery(delivery) {
      held += 1;
      most = Math.max(most, held);
      clock.setTimer(
        () => {
          held -= 1;
          delivery.settle("ack");
        },
        1 + (Number(delivery.id) % 7),
      );
    },
  });
  await clock.advance(count * 10);
  expect(new Set(ids()).size).toBe(count);
  expect(ids().length).toBe(count);
  expect(most).toBe(max);
});

test("a limit that is none is refused", async () => {
  const { consume } = await stage();
  for (const max of [0, -1, 1.5, Number.NaN]) await expect(consume({ max })).rejects.toThrow(OptionError);
});

test("an open subscription was just in contact, a closed one was not", async () => {
  const { clock, consume } = await stage();
  const { subscription } = await consume();
  await clock.advance("1m");
  expect(subscription.lastContact).toBe(60_000);
  await subscription.close();
  await clock.advance("1m");
  expect(subscription.lastContact).toBe(60_000);
});

test("a callback that throws breaks nothing for the messages after it", async () => {
  const { server, consume } = await stage();
  const caught: unknown[] = [];
  const listener = (error: unknown): void => void caught.push(error);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", listener);
  try {
    for (const id of ["1", "2", "3"]) await server.publish("a", message(id));
    const { ids } = await consume({
      onDelivery(delivery) {
        if (delivery.id === "2") throw new Error("callback");
      },
    });
    expect(ids()).toEqual(["1", "2", "3"]);
    expect(caught.map(String)).toEqual(["Error: callback"]);
  } finally {
    process.off("uncaughtException", listener);
    for (const other of others) process.on("uncaughtException", other);
  }
});
