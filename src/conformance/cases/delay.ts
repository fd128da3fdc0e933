import assert from "node:assert/strict";
import { message, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";

/** Clocks of two machines or two timers may differ by a little. */
const tolerance = 10;

export const delay: readonly ServerCase[] = [
  serverCase("delay: not before its time, and not much later", ["delay"], async (world) => {
    const inbox = await world.subscribe();
    const start = world.now();
    const sent = message("x", { headers: { topic: "t" } });
    await world.send(sent, { delay: 500 });
    const delivery = await inbox.next(500 + world.timeouts.late);
    const waited = world.now() - start;
    assert.ok(waited >= 500 - tolerance, `came after ${waited} ms`);
    assert.equal(delivery.id, sent.id);
    assert.deepEqual({ ...delivery.headers }, { ...sent.headers });
    if (delivery.deliveryCount !== undefined) assert.equal(delivery.deliveryCount, 1);
  }),

  serverCase("delay: 0 is now", ["delay"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x", { delay: 0 });
    await inbox.next();
  }),

  serverCase("delay: messages come in the order of their times, not of their sending", ["delay"], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 1, onDelivery: (delivery) => world.finish(delivery) });
    for (const time of [900, 300, 600]) await world.send(`${time}`, { delay: time });
    await world.send("now");
    const deliveries = await inbox.take(4, 900 + world.timeouts.late);
    assert.deepEqual(deliveries.map(textOf), ["now", "300", "600", "900"]);
  }),

  serverCase("delay: a delayed message does not hold up others", ["delay"], async (world) => {
    await world.send("later", { delay: 700 });
    await world.send("now");
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    const first = await inbox.next();
    assert.equal(textOf(first), "now");
    await world.settle(first);
    assert.equal(textOf(await inbox.next(700 + world.timeouts.late)), "later");
  }),

  serverCase("delay: it passes while nobody subscribes", ["delay"], async (world) => {
    await world.send("x", { delay: 200 });
    await world.pass(400);
    assert.equal(textOf(await (await world.subscribe()).next()), "x");
  }),

  serverCase("delay: many delayed messages all come, each once", ["delay"], async (world) => {
    const server = await world.server();
    const channel = await world.channel();
    const inbox = await world.subscribe();
    const publishing = Array.from({ length: 100 }, async (_, index) =>
      server.publish(channel, message(`${index}`), { delay: 50 + ((index * 37) % 300) }),
    );
    await Promise.all(publishing);
    const deliveries = await inbox.take(100, 400 + world.timeouts.late);
    assert.equal(new Set(deliveries.map(textOf)).size, 100);
    await Promise.all(deliveries.map((delivery) => world.settle(delivery)));
    await inbox.staysQuiet();
  }),

  serverCase("delay: priority decides among those whose time has come", ["delay", "priority"], async (world) => {
    await world.send("low", { delay: 100, priority: 1 });
    await world.send("high", { delay: 200, priority: 100 });
    await world.pass(600);
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    assert.equal(textOf(await inbox.next()), "high");
  }),

  serverCase(
    "delay: it survives the server object",
    ["delay", "durable"],
    async (world) => {
      const sender = await world.server();
      const start = world.now();
      await world.send("x", { delay: 500 });
      await sender.disconnect();
      const inbox = await world.subscribe({ server: await world.open() });
      await inbox.next(500 + world.timeouts.late);
      assert.ok(world.now() - start >= 500 - tolerance);
    },
    { second: true },
  ),
];
