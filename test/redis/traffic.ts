import { setTimeout as sleep } from "node:timers/promises";
import { type Delivery, PublishError } from "millrace";
import type { RedisServer } from "millrace/redis";
import { expect } from "vitest";
import { message } from "../../src/conformance/message.ts";
import { textOf, until } from "./faults-stage.ts";

/** Messages that go on while something breaks, and what became of them. */
export interface Traffic {
  /** By channel: confirmed to the sender. */
  readonly confirmed: ReadonlyMap<string, number>;
  /** How many sends failed. */
  readonly failed: number;
  /** Resolves when this channel delivers what is sent from now on. */
  flows(channel: string, within?: number): Promise<void>;
  /** Ends it. Rejects when a confirmed message never came, or one came that surely was not stored. `mayLose`: so many may be lost. */
  settle(options?: { readonly mayLose: number }): Promise<void>;
}

/** Sends to each channel every few milliseconds, and consumes them over a subscription of its own. */
export async function startTraffic(from: RedisServer, to: RedisServer, channels: readonly string[]): Promise<Traffic> {
  const confirmed = new Map(channels.map((channel) => [channel, 0]));
  const sent = { confirmed: new Set<string>(), failed: new Set<string>() };
  const came = new Set<string>();
  const acking = new Set<Promise<void>>();
  const ack = async (delivery: Delivery): Promise<void> => {
    came.add(textOf(delivery));
    // As core does: an ack that failed is repeated as long as the message is ours.
    for (let i = 0; i < 100; i += 1) {
      try {
        return await delivery.settle("ack");
      } catch (error) {
        if ((error as { readonly code?: string }).code === "LEASE_LOST") return;
        await sleep(50);
      }
    }
  };
  const subscription = await to.subscribe({
    channels: channels.map((name) => ({ name })),
    maxUnsettled: 100,
    onStateChange: () => {},
    onDelivery(delivery) {
      const done = ack(delivery).finally(() => acking.delete(done));
      acking.add(done);
    },
  });

  let isOver = false;
  const send = async (channel: string): Promise<void> => {
    for (let i = 0; !isOver; i += 1) {
      const text = `${channel}/${i}`;
      try {
        await from.publish(channel, message(text));
        sent.confirmed.add(text);
        confirmed.set(channel, (confirmed.get(channel) ?? 0) + 1);
      } catch (error) {
        expect(error).toBeInstanceOf(PublishError);
        if ((error as PublishError).outcome === "failed") sent.failed.add(text);
        else sent.failed.delete(text);
        failures += 1;
      }
      await sleep(5);
    }
  };
  let failures = 0;
  const sending = Promise.all(channels.map(send));
  sending.catch(() => {}); // A test that failed has disconnected the servers and does not settle.

  return {
    confirmed,
    get failed() {
      return failures;
    },
    async flows(channel, within = 10_000) {
      const before = new Set(came);
      const start = confirmed.get(channel) ?? 0;
      await until(
        `messages flow through ${channel}`,
        () =>
          (confirmed.get(channel) ?? 0) > start + 3 &&
          [...came].filter((text) => text.startsWith(`${channel}/`) && !before.has(text)).length > 3,
        within,
      );
    },
    async settle({ mayLose } = { mayLose: 0 }) {
      isOver = true;
      await sending;
      const missing = (): string[] => [...sent.confirmed].filter((text) => !came.has(text));
      await until("all confirmed messages came", () => missing().length <= mayLose, 15_000);
      await Promise.all(acking);
      await subscription.close();
      expect([...sent.failed].filter((text) => came.has(text))).toEqual([]);
      for (const channel of channels) {
        const stats = await to.inspect?.(channel);
        expect(stats).toMatchObject({ ready: 0 });
      }
    },
  };
}
