import { expect, test } from "vitest";
import { createVirtualClock } from "../../internal/virtual-clock.ts";
import { Broker } from "./broker.ts";
import { DedupeBook } from "./dedupe-book.ts";
import { readSettings } from "./options.ts";
import { message } from "./stage.test-d.ts";
import { MemorySubscription } from "./subscription.ts";

test("dedupe keys are forgotten after their window without anybody sending", async () => {
  const clock = createVirtualClock();
  const book = new DedupeBook(clock);
  for (let i = 0; i < 10_000; i += 1) {
    book.claim("a", { key: String(i), window: 1000 + (i % 100), onDuplicate: "ignore" }, String(i));
  }
  expect([book.size, clock.pending, clock.nextTimerAt]).toEqual([10_000, 1, undefined]);
  await clock.advance(1050);
  expect(book.size).toBe(4900);
  await clock.advance(1000);
  expect([book.size, clock.pending]).toEqual([0, 0]);
});

test("a key of one channel is never one of another", () => {
  const book = new DedupeBook(createVirtualClock());
  const claim = (channel: string, key: string): string | undefined =>
    book.claim(channel, { key, window: 1000, onDuplicate: "ignore" }, `${channel}/${key}`);
  expect([claim("a", "bc"), claim("ab", "c"), claim("1:a", "b"), claim("a", "bc")]).toEqual([
    undefined,
    undefined,
    undefined,
    "a/bc",
  ]);
});

test("a key is free after its window even when the timer that forgets it comes late", async () => {
  const clock = createVirtualClock();
  let late = 0;
  const book = new DedupeBook({ ...clock, monotonic: () => clock.monotonic() + late });
  const claim = (id: string): string | undefined =>
    book.claim("a", { key: "k", window: 1000, onDuplicate: "ignore" }, id);
  claim("1");
  await clock.advance(600);
  late = 500;
  expect([claim("2"), claim("3")]).toEqual([undefined, "2"]);
  await clock.advance(400);
  expect([book.size, claim("4")]).toEqual([1, "2"]);
});

test("channels that hold nothing and that nobody listens to are forgotten", async () => {
  const clock = createVirtualClock();
  const broker = new Broker(readSettings({ clock }));
  broker.start(broker.logger);
  for (let i = 0; i < 100; i += 1) {
    const channel = broker.channel(`reply-${i}`);
    const subscription = new MemorySubscription(
      broker,
      [channel],
      {
        channels: [{ name: channel.name }],
        maxUnsettled: 1,
        onDelivery: (delivery) => void delivery.settle("ack"),
        onStateChange: () => {},
      },
      () => {},
    );
    channel.send(message("1"));
    await clock.advance(0);
    await subscription.close();
  }
  expect([broker.channelCount, clock.pending]).toEqual([0, 0]);
});
