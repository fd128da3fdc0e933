import { expect, test } from "vitest";
import { systemClock } from "../../src/internal/clock.ts";
import { Acks } from "../../src/servers/redis/acks.ts";
import type { RedisDelivery } from "../../src/servers/redis/delivery.ts";
import { dialOf } from "../../src/servers/redis/dial.ts";
import type { Holder } from "../../src/servers/redis/holder.ts";
import { channelKeys } from "../../src/servers/redis/keys.ts";
import { Link } from "../../src/servers/redis/link.ts";
import { readSettings } from "../../src/servers/redis/options.ts";
import { createChannelState } from "../../src/servers/redis/source.ts";
import { requireBroker } from "../brokers.ts";

const broker = await requireBroker("redis");
const nothing = (): void => {};

/** Only what acks need; the outcome is what Redis says afterwards. */
const holder: Holder = {
  consumer: "c",
  isCrowded: false,
  freeing: nothing,
  stillHeld: nothing,
  released: nothing,
  changed: nothing,
  returned: nothing,
  onDropped: nothing,
  onEvicted: nothing,
};

test.skipIf(broker?.url === undefined)(
  "a server that turns out not to have XACKDEL, or denies it, is acked to in two commands, at once",
  async () => {
    const options = { url: broker?.url ?? "", keyPrefix: `acks:${process.pid}:` };
    const settings = readSettings(options);
    const link = new Link(
      { dial: dialOf(options), clock: systemClock, patience: 5000, usage: "commands" },
      { greet: async () => {}, onReady: nothing, onLost: nothing, onDenied: nothing },
    );
    await link.open(5000);
    try {
      const channel = createChannelState(channelKeys(settings, "a"));
      const { key } = channel.normal;
      await link.send(key, ["XGROUP", "CREATE", key, settings.group, "0", "MKSTREAM"]);
      const added = [];
      for (let i = 0; i < 3; i += 1) added.push(String(await link.send(key, ["XADD", key, "*", "payload", "x"])));
      await link.send(key, ["XREADGROUP", "GROUP", settings.group, "c", "STREAMS", key, ">"]);
      const acks = new Acks(settings, link, holder, () => true);
      for (const entry of added) {
        const acked = acks.add({ source: channel.normal, entry } as RedisDelivery);
        acks.flush();
        await acked;
      }
      expect(await link.send(key, ["XLEN", key])).toBe(0);
      const [pending] = (await link.send(key, ["XPENDING", key, settings.group])) as readonly unknown[];
      expect(pending).toBe(0);
      await link.send(key, ["DEL", key]);
    } finally {
      link.close();
    }
  },
);
