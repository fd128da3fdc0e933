import assert from "node:assert/strict";
import type { Delivery } from "../../server/delivery.ts";
import { message, numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** A small generator of its own, so that a failing run can be repeated. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Three channels, settles in random order and size: the limit holds over all of them, and everything gets through. */
async function neverHoldsMore(world: World, limit: number): Promise<void> {
  const random = sequence(limit);
  const channels = await Promise.all(["a", "b", "c"].map((name) => world.channel(name)));
  const perChannel = limit < 5 ? 25 : 60;
  const total = perChannel * channels.length;
  const held: Delivery[] = [];
  const done = new Set<string>();
  const rejected = new Set<string>();
  let most = 0;
  const settleSome = (): void => {
    const count = Math.ceil(random() * held.length);
    for (let i = 0; i < count; i += 1) {
      const [delivery] = held.splice(Math.floor(random() * held.length), 1);
      if (delivery === undefined) return;
      const key = textOf(delivery);
      const again = world.supports("reject") && !rejected.has(key) && random() < 0.2;
      if (again) rejected.add(key);
      else done.add(key);
      world.settle(delivery, again ? "reject" : "ack").catch(() => done.delete(key));
    }
    world.wake();
  };
  const inbox = await world.subscribe(
    {
      maxUnsettled: limit,
      onDelivery: (delivery) => {
        held.push(delivery);
        most = Math.max(most, held.length);
        if (held.length >= limit || random() < 0.5) setImmediate(settleSome);
      },
    },
    ...channels,
  );
  for (const channel of channels) {
    const server = await world.server();
    await Promise.all(numbered(perChannel, `${channel}/`).map(async (one) => server.publish(channel, one)));
  }
  await world.until(
    () => `all ${total} messages (${done.size} done, ${held.length} held)`,
    () => {
      settleSome();
      return done.size === total;
    },
    20_000,
  );
  assert.ok(most <= limit, `held ${most} of at most ${limit}`);
  inbox.takeAll();
  await inbox.staysQuiet();
}

export const flow: readonly ServerCase[] = [
  ...[1, 2, 3, 7, 50].map((limit) =>
    serverCase(`flow: never more than ${limit} unsettled over three channels, and all get through`, [], (world) =>
      neverHoldsMore(world, limit),
    ),
  ),

  serverCase("flow: a full subscription gets nothing until something is settled", [], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 2 });
    await world.sendAll(numbered(5));
    const [first] = await inbox.take(2);
    assert.ok(first !== undefined);
    await inbox.staysQuiet();
    await world.settle(first);
    await inbox.take(1);
    await inbox.staysQuiet();
  }),

  serverCase("flow: a full subscription leaves the rest to others", [], async (world) => {
    const full = await world.subscribe({ maxUnsettled: 1 });
    await world.sendAll(numbered(6));
    const [mine] = await full.take(1);
    const other = await world.subscribe({ server: await world.open(), maxUnsettled: 10 });
    const texts = textsOf(await other.take(5));
    assert.equal(new Set([...texts, ...textsOf(mine === undefined ? [] : [mine])]).size, 6);
  }),

  serverCase("flow: subscriptions compete, each message goes to one of them", [], async (world) => {
    const received: string[] = [];
    const onDelivery = (delivery: Delivery): void => {
      received.push(textOf(delivery));
      world.finish(delivery);
    };
    const servers = [await world.server(), await world.open(), await world.server()];
    for (const server of servers) await world.subscribe({ server, maxUnsettled: 3, onDelivery });
    await world.sendAll(numbered(150));
    await world.until("150 deliveries", () => received.length >= 150);
    await world.pass(world.timeouts.quiet);
    assert.equal(received.length, 150);
    assert.equal(new Set(received).size, 150);
  }),

  serverCase("flow: one busy channel does not starve another", [], async (world) => {
    const [busy, calm] = [await world.channel("busy"), await world.channel("calm")];
    await world.sendAll(numbered(300, "busy"), busy);
    await world.sendAll(numbered(3, "calm"), calm);
    let before = 0;
    let calmSeen = 0;
    await world.subscribe(
      {
        maxUnsettled: 5,
        onDelivery: (delivery) => {
          if (delivery.channel === calm) calmSeen += 1;
          else if (calmSeen < 3) before += 1;
          setImmediate(() => world.finish(delivery));
        },
      },
      busy,
      calm,
    );
    await world.until("the calm channel's messages", () => calmSeen === 3);
    assert.ok(before < 300, "the calm channel had to wait for the whole backlog of the busy one");
  }),

  serverCase("flow: order is kept for one consumer that takes one at a time", ["ordering"], async (world) => {
    const early = numbered(50, "early");
    const late = numbered(50, "late");
    await world.sendAll(early);
    const received: string[] = [];
    await world.subscribe({
      maxUnsettled: 1,
      onDelivery: (delivery) => {
        received.push(textOf(delivery));
        world.finish(delivery);
      },
    });
    await world.sendAll(late);
    await world.until("100 deliveries", () => received.length === 100);
    assert.deepEqual(received, [...early, ...late].map(textOf));
  }),

  serverCase(
    "flow: pause delivers nothing, also of what is published later; resume goes on",
    ["pause"],
    async (world) => {
      const inbox = await world.subscribe({ maxUnsettled: 2 });
      await world.sendAll(numbered(4));
      const held = await inbox.take(2);
      await inbox.subscription.pause();
      await inbox.subscription.pause();
      await Promise.all(held.map((delivery) => world.settle(delivery)));
      await world.send("later");
      await inbox.staysQuiet(500);
      await inbox.subscription.resume();
      await inbox.subscription.resume();
      for (let i = 0; i < 3; i += 1) await world.settle(await inbox.next());
      await inbox.staysQuiet();
    },
  ),

  serverCase("flow: pause and resume many times lose nothing and repeat nothing", ["pause"], async (world) => {
    const seen: string[] = [];
    const inbox = await world.subscribe({
      maxUnsettled: 5,
      onDelivery: (delivery) => {
        seen.push(textOf(delivery));
        setImmediate(() => world.finish(delivery));
      },
    });
    for (let round = 0; round < 20; round += 1) {
      await inbox.subscription.pause();
      await world.send(`${round}`);
      await inbox.subscription.resume();
    }
    await world.until("20 deliveries", () => seen.length >= 20);
    await world.pass(world.timeouts.quiet);
    assert.equal(seen.length, 20);
    assert.equal(new Set(seen).size, 20);
  }),

  serverCase("flow: while one subscription is paused another one gets the messages", ["pause"], async (world) => {
    const paused = await world.subscribe();
    await paused.subscription.pause();
    const other = await world.subscribe({ server: await world.open() });
    await world.send("x");
    assert.equal(textOf(await other.next()), "x");
    await paused.staysQuiet();
  }),

  serverCase("flow: resume of a subscription that is not paused changes nothing", [], async (world) => {
    const inbox = await world.subscribe();
    await inbox.subscription.resume();
    await world.send("x");
    await inbox.next();
    await inbox.staysQuiet();
  }),

  serverCase("flow: after drain nothing comes, and what is held can be settled", [], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 3 });
    await world.sendAll(numbered(5));
    const held = await inbox.take(3);
    await inbox.subscription.drain();
    await inbox.subscription.drain();
    await Promise.all(held.map((delivery) => world.settle(delivery)));
    await world.send("5");
    await inbox.staysQuiet(500);
    await inbox.subscription.close();
    const next = await world.subscribe();
    assert.deepEqual(textsOf(await next.take(3)).sort(), ["3", "4", "5"]);
    await next.staysQuiet();
  }),

  serverCase("flow: close gives back what is held, at once", [], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 3 });
    await world.sendAll(numbered(5));
    const held = await inbox.take(3);
    await inbox.subscription.close();
    const next = await world.subscribe({ server: await world.open() });
    assert.deepEqual(textsOf(await next.take(5)).sort(), ["0", "1", "2", "3", "4"]);
    // The old owner has nothing to say any more: refused or ignored, but without effect.
    await Promise.all(held.map((delivery) => world.settle(delivery).catch(() => {})));
    await Promise.all(held.map((delivery) => world.settle(delivery, "nack").catch(() => {})));
    await next.staysQuiet();
    await next.subscription.close();
    assert.equal((await (await world.subscribe()).take(5)).length, 5);
  }),

  serverCase("flow: close flushes settles that are under way", [], async (world) => {
    const inbox = await world.subscribe();
    await world.sendAll(numbered(20));
    const held = await inbox.take(20);
    const settled = Promise.all(held.map((delivery) => world.settle(delivery)));
    await inbox.subscription.close();
    await settled;
    await (await world.subscribe()).staysQuiet();
  }),

  serverCase("flow: close may be called again, also at the same time, and delivers nothing more", [], async (world) => {
    const inbox = await world.subscribe();
    await Promise.all([inbox.subscription.close(), inbox.subscription.close()]);
    await inbox.subscription.close();
    await world.send("x");
    await inbox.staysQuiet();
    assert.equal(textOf(await (await world.subscribe()).next()), "x");
  }),

  serverCase("flow: pause, resume and drain of a closed subscription do nothing", [], async (world) => {
    const inbox = await world.subscribe();
    await inbox.subscription.close();
    await inbox.subscription.pause();
    await inbox.subscription.resume();
    await inbox.subscription.drain();
    await world.send("x");
    await inbox.staysQuiet();
  }),

  serverCase("flow: close while messages are being published loses none", [], async (world) => {
    const settled = new Set<string>();
    const collect = (delivery: Delivery): void => {
      world.settle(delivery).then(
        () => settled.add(textOf(delivery)),
        () => {},
      );
    };
    const closing = await world.subscribe({ onDelivery: collect, maxUnsettled: 10 });
    const publishing = world.sendAll(numbered(200));
    await world.until("some deliveries", () => settled.size > 20);
    await closing.subscription.close();
    await publishing;
    await world.subscribe({ onDelivery: collect });
    await world.until(
      () => `200 settled messages (${settled.size})`,
      () => settled.size === 200,
    );
  }),

  serverCase("flow: lastContact moves while nothing happens, and only forward", [], async (world) => {
    const inbox = await world.subscribe();
    const readings = [inbox.subscription.lastContact];
    await world.until(
      "lastContact to move",
      () => {
        readings.push(inbox.subscription.lastContact);
        return (readings.at(-1) ?? 0) > (readings[0] ?? 0);
      },
      world.timeouts.contact,
    );
    await world.send(message("x"));
    await world.settle(await inbox.next());
    readings.push(inbox.subscription.lastContact);
    assert.deepEqual(
      readings,
      readings.toSorted((a, b) => a - b),
    );
  }),
];
