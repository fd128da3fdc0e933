import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../internal/virtual-clock.ts";
import type { Delivery } from "../../server/delivery.ts";
import type { Subscription } from "../../server/server.ts";
import { inMemory } from "./index.ts";
import { message } from "./stage.test-d.ts";

/** One step of a history; `who` and `which` are taken modulo what there is. */
const step = fc.oneof(
  fc.record({ do: fc.constant("publish" as const), channel: fc.nat(1), priority: fc.nat(100), delay: fc.nat(3000) }),
  fc.record({
    do: fc.constant("settle" as const),
    which: fc.nat(),
    outcome: fc.constantFrom("ack" as const, "nack" as const, "reject" as const, "later" as const, "extend" as const),
  }),
  fc.record({ do: fc.constantFrom("pause" as const, "resume" as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant("reopen" as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant("reconnect" as const) }),
  fc.record({ do: fc.constant("replay" as const) }),
  fc.record({ do: fc.constant("wait" as const), time: fc.nat(2500) }),
);

const channels = ["a", "b"];

test("no history of publish, settle, pause, lease loss, close and reconnect loses a message or breaks the limit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), async (history, max) => {
      const clock = createVirtualClock();
      const server = inMemory({ clock, leaseDuration: 2000 });
      const held: Delivery[][] = [[], []];
      const delivered: number[] = [];
      const subscriptions: Subscription[] = [];
      let sent = 0;
      let acked = 0;

      const open = async (who: number): Promise<void> => {
        held[who] = [];
        subscriptions[who] = await server.subscribe({
          channels: channels.map((name) => ({ name })),
          maxUnsettled: max,
          onDelivery(delivery) {
            held[who]?.push(delivery);
            delivered.push(Number(delivery.id));
          },
          onStateChange: () => {},
        });
      };
      const check = async (): Promise<void> => {
        let total = acked;
        let inFlight = 0;
        for (const name of channels) {
          const stats = await server.inspect(name);
          total += stats.ready + stats.inFlight + stats.delayed + stats.dead;
          inFlight += stats.inFlight;
        }
        expect(total).toBe(sent);
        expect(inFlight).toBeLessThanOrEqual(max * 2);
      };

      await server.connect();
      await open(0);
      await open(1);
      for (const one of history) {
        switch (one.do) {
          case "publish": {
            sent += 1;
            const { priority, delay } = one;
            await server.publish(channels[one.channel] as string, message(String(sent)), { priority, delay });
            break;
          }
          case "settle": {
            const all = held.flat();
            const delivery = all[one.which % Math.max(1, all.length)];
            if (delivery === undefined) break;
            if (one.outcome !== "extend")
              for (const list of held) if (list.includes(delivery)) list.splice(list.indexOf(delivery), 1);
            try {
              if (one.outcome === "extend") await delivery.lease?.extend();
              else await delivery.settle(one.outcome === "later" ? { retryAfter: 700 } : one.outcome);
              if (one.outcome === "ack") acked += 1;
            } catch {
              // The lease was lost: somebody else has the message.
            }
            break;
          }
          case "pause":
            await subscriptions[one.who]?.pause();
            break;
          case "resume":
            await subscriptions[one.who]?.resume();
            break;
          case "reopen":
            await subscriptions[one.who]?.close();
            await open(one.who);
            break;
          case "reconnect":
            await server.disconnect();
            await check();
            await server.connect();
            await open(0);
            await open(1);
            break;
          case "replay":
            for (const name of channels) await server.deadLetters(name).replay({});
            break;
          case "wait":
            await clock.advance(one.time);
            break;
        }
        await check();
      }

      // In the end every message that was neither acked nor dead-lettered is delivered again and can be acked.
      for (const subscription of subscriptions) await subscription.close();
      await server.subscribe({
        channels: channels.map((name) => ({ name })),
        maxUnsettled: max,
        onDelivery(delivery) {
          acked += 1;
          delivery.settle("ack");
        },
        onStateChange: () => {},
      });
      for (const name of channels) await server.deadLetters(name).replay({});
      await clock.advance("10s");
      expect(acked).toBe(sent);
      await server.disconnect();
      expect(clock.nextTimerAt).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("one subscription never holds more than its limit, whatever is settled when", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.tuple(fc.nat(3), fc.constantFrom("ack" as const, "nack" as const, "reject" as const)), {
        maxLength: 80,
      }),
      async (max, settles) => {
        const clock = createVirtualClock();
        const server = inMemory({ clock });
        await server.connect();
        for (let i = 0; i < 40; i += 1) await server.publish(i % 2 === 0 ? "a" : "b", message(String(i)));
        const held: Delivery[] = [];
        await server.subscribe({
          channels: channels.map((name) => ({ name })),
          maxUnsettled: max,
          onDelivery(delivery) {
            held.push(delivery);
            expect(held.length).toBeLessThanOrEqual(max);
          },
          onStateChange: () => {},
        });
        await clock.advance(0);
        for (const [which, outcome] of settles) {
          held.splice(which % Math.max(1, held.length), 1)[0]?.settle(outcome);
          if (which === 0) await clock.advance(1);
          const { ready } = await server.inspect("a");
          if (ready > 0 && which === 0) expect(held.length).toBe(max);
        }
      },
    ),
    { numRuns: 200 },
  );
});
