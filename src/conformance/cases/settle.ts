import assert from "node:assert/strict";
import { bookkeepingHeader } from "../../server/bookkeeping.ts";
import { message, numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";

export const settle: readonly ServerCase[] = [
  serverCase("settle: ack removes the message", [], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next());
    await inbox.subscription.close();
    await (await world.subscribe()).staysQuiet();
    const stats = await inbox.server.inspect?.(await world.channel());
    if (stats !== undefined) {
      assert.deepEqual([stats.ready, stats.inFlight, stats.delayed, stats.dead], [0, 0, 0, 0]);
    }
  }),

  serverCase("settle: nack takes the message out of its channel", [], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next(), "nack");
    await inbox.staysQuiet();
    await inbox.subscription.close();
    await (await world.subscribe()).staysQuiet();
  }),

  serverCase("settle: reject brings the message back with the same id and content", ["reject"], async (world) => {
    const inbox = await world.subscribe();
    const sent = message("again", { headers: { topic: "t", "X-Odd": "é" }, contentType: "text/x-odd" });
    await world.send(sent);
    await world.settle(await inbox.next(), "reject");
    const second = await inbox.next();
    assert.equal(second.id, sent.id);
    assert.equal(textOf(second), "again");
    assert.equal(second.contentType, "text/x-odd");
    assert.deepEqual({ ...second.headers }, { ...sent.headers });
    await world.settle(second);
    await inbox.staysQuiet();
  }),

  serverCase("settle: another subscription can get what was rejected", ["reject"], async (world) => {
    const first = await world.subscribe();
    await world.send("x");
    const delivery = await first.next();
    await first.subscription.drain();
    await world.settle(delivery, "reject");
    const second = await world.subscribe({ server: await world.open() });
    assert.equal(textOf(await second.next()), "x");
  }),

  serverCase(
    "settle: the bookkeeping header is carried on reject, and removed when there is none",
    ["reject"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send(message("x", { headers: { topic: "t" } }));
      const first = await inbox.next();
      assert.equal(first.headers[bookkeepingHeader], undefined);
      await world.settle(first, "reject", { bookkeeping: "a=1;u=3" });
      const second = await inbox.next();
      assert.equal(second.headers[bookkeepingHeader], "a=1;u=3");
      assert.equal(second.headers["topic"], "t");
      await world.settle(second, "reject", { bookkeeping: "a=2" });
      const third = await inbox.next();
      assert.equal(third.headers[bookkeepingHeader], "a=2");
      await world.settle(third, "reject");
      const fourth = await inbox.next();
      assert.ok(!(bookkeepingHeader in fourth.headers));
      assert.equal(fourth.headers["topic"], "t");
    },
  ),

  serverCase(
    "settle: the bookkeeping header is carried on retry, and removed when there is none",
    ["retryDelay"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.send(message("x", { headers: { topic: "t" } }));
      await world.settle(await inbox.next(), { retryAfter: 10 }, { bookkeeping: "a=1;first=1730000000000" });
      const second = await inbox.next();
      assert.equal(second.headers[bookkeepingHeader], "a=1;first=1730000000000");
      await world.settle(second, { retryAfter: 10 });
      assert.ok(!(bookkeepingHeader in (await inbox.next()).headers));
    },
  ),

  serverCase(
    "settle: retryAfter brings it back, not before the delay and not much later",
    ["retryDelay"],
    async (world) => {
      const inbox = await world.subscribe();
      const sent = message("x");
      await world.send(sent);
      const first = await inbox.next();
      const start = world.now();
      await world.settle(first, { retryAfter: 400 });
      const second = await inbox.next(400 + world.timeouts.late);
      const waited = world.now() - start;
      // Clocks of two machines or two timers may differ by a little.
      assert.ok(waited >= 390, `came after ${waited} ms`);
      assert.equal(second.id, sent.id);
      await world.settle(second);
      await inbox.staysQuiet();
    },
  ),

  serverCase("settle: retryAfter 0 is now", ["retryDelay"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    await world.settle(await inbox.next(), { retryAfter: 0 });
    assert.equal(textOf(await inbox.next()), "x");
  }),

  serverCase("settle: a message that waits for its retry does not hold up others", ["retryDelay"], async (world) => {
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    await world.send("slow");
    await world.settle(await inbox.next(), { retryAfter: 600 });
    await world.sendAll(numbered(5));
    for (const expected of ["0", "1", "2", "3", "4"]) {
      const delivery = await inbox.next();
      assert.equal(textOf(delivery), expected);
      await world.settle(delivery);
    }
    assert.equal(textOf(await inbox.next(600 + world.timeouts.late)), "slow");
  }),

  serverCase("settle: a second settle of the same delivery changes nothing", ["reject"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    const first = await inbox.next();
    await world.settle(first);
    // It may be refused or ignored, as long as it does no harm.
    await world.settle(first, "reject").catch(() => {});
    await world.settle(first, "nack").catch(() => {});
    await world.settle(first).catch(() => {});
    await inbox.staysQuiet();
    if (inbox.server.deadLetters !== undefined) {
      assert.equal(await inbox.server.deadLetters(await world.channel()).count(), 0);
    }
  }),

  serverCase("settle: a late second settle does not touch the next delivery", ["reject"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("x");
    const first = await inbox.next();
    await world.settle(first, "reject");
    const second = await inbox.next();
    await world.settle(first).catch(() => {});
    await world.settle(first, "nack").catch(() => {});
    await world.settle(second, "reject");
    assert.equal(textOf(await inbox.next()), "x");
  }),

  serverCase("settle: messages may be settled in any order", [], async (world) => {
    const inbox = await world.subscribe();
    await world.sendAll(numbered(30));
    const held = await inbox.take(30);
    await Promise.all(held.toReversed().map((delivery) => world.settle(delivery)));
    await inbox.subscription.close();
    await (await world.subscribe()).staysQuiet();
  }),

  serverCase(
    "settle: many outcomes at once, each applied to its own message",
    ["reject", "deadLetter"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.sendAll(numbered(60));
      const held = await inbox.take(60);
      const outcomes = ["ack", "nack", "reject"] as const;
      await Promise.all(held.map((delivery, index) => world.settle(delivery, outcomes[index % 3])));
      const again = await inbox.take(20);
      const expected = held.filter((_, index) => index % 3 === 2).map(textOf);
      assert.deepEqual(textsOf(again).sort(), expected.sort());
      await inbox.staysQuiet();
      assert.equal(await inbox.server.deadLetters?.(await world.channel()).count(), 20);
    },
  ),
];
