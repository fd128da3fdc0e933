import assert from "node:assert/strict";
import { message, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";

export const expiry: readonly ServerCase[] = [
  serverCase("expiry: in time it is delivered", ["expiry"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x", { expiresIn: 60_000 });
    assert.equal(textOf(await inbox.next()), "x");
    assert.equal(inbox.expired.length, 0);
  }),

  serverCase("expiry: too late it is dropped, not delivered", ["expiry"], async (world) => {
    await world.send("late", { expiresIn: 50 });
    await world.pass(200);
    await world.send("fresh");
    const inbox = await world.subscribe();
    assert.equal(textOf(await inbox.next()), "fresh");
    await inbox.staysQuiet();
  }),

  serverCase("expiry: the one who finds it is told which it was", ["expiry"], async (world) => {
    const sent = message("late");
    await world.send(sent, { expiresIn: 50 });
    await world.pass(200);
    const inbox = await world.subscribe();
    await world.until("onExpired", () => inbox.expired.length > 0, world.timeouts.arrive + world.timeouts.late);
    const [expired] = inbox.expired;
    assert.equal(expired?.channel, await world.channel());
    if (expired?.id !== undefined) assert.equal(expired.id, sent.id);
    await inbox.staysQuiet();
    assert.equal(inbox.expired.length, 1, "told once");
  }),

  serverCase("expiry: it ends while the only consumer is busy", ["expiry"], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    await world.send("first");
    const first = await inbox.next();
    await world.send("late", { expiresIn: 50 });
    await world.pass(200);
    await world.settle(first);
    await inbox.staysQuiet();
  }),

  serverCase(
    "expiry: a message that was delivered in time can be settled after it",
    ["expiry", "deadLetter"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send("x", { expiresIn: 150 });
      const delivery = await inbox.next();
      await world.pass(300);
      await world.settle(delivery, "nack");
      assert.equal(await inbox.server.deadLetters?.(await world.channel()).count(), 1);
    },
  ),

  serverCase(
    "expiry: a delayed message that expires before its time never comes",
    ["expiry", "delay"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send("x", { delay: 300, expiresIn: 100 });
      await inbox.staysQuiet(800);
    },
  ),

  serverCase("expiry: it is no failure: nothing is dead-lettered", ["expiry", "deadLetter"], async (world) => {
    await world.send("late", { expiresIn: 30 });
    await world.pass(150);
    const inbox = await world.subscribe();
    await inbox.staysQuiet();
    assert.equal(await inbox.server.deadLetters?.(await world.channel()).count(), 0);
  }),
];
