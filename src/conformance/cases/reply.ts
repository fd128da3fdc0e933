import assert from "node:assert/strict";
import { LeaseLostError } from "../../server/errors.ts";
import { message, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";

export const reply: readonly ServerCase[] = [
  serverCase("reply: publishes and settles in one step", ["atomicReply"], async (world) => {
    const address = await world.channel("replies");
    const [requests, replies] = [await world.subscribe(), await world.subscribe({}, address)];
    await world.send(message("question", { replyTo: address }));
    const request = await requests.next();
    const answer = message("answer", { headers: { "correlation-id": "7" }, contentType: "text/x-answer" });
    await request.reply?.(answer, address);
    const received = await replies.next();
    assert.equal(textOf(received), "answer");
    assert.equal(received.id, answer.id);
    assert.equal(received.channel, address);
    assert.equal(received.contentType, "text/x-answer");
    assert.equal(received.headers["correlation-id"], "7");
    await requests.subscription.close();
    await (await world.subscribe()).staysQuiet();
    await replies.staysQuiet();
  }),

  serverCase("reply: it frees the place of the message it answers", ["atomicReply"], async (world) => {
    const address = await world.channel("replies");
    const inbox = await world.subscribe({ maxUnsettled: 1 });
    await world.send("1");
    await world.send("2");
    const first = await inbox.next();
    await first.reply?.(message("answer"), address);
    assert.equal(textOf(await inbox.next()), "2");
  }),

  serverCase("reply: nobody needs to listen at the address yet", ["atomicReply"], async (world) => {
    const address = await world.channel("nobody-yet");
    const inbox = await world.subscribe();
    await world.send("x");
    await (await inbox.next()).reply?.(message("answer"), address);
    assert.equal(textOf(await (await world.subscribe({}, address)).next()), "answer");
  }),

  serverCase("reply: settling after it changes nothing", ["atomicReply", "reject"], async (world) => {
    const address = await world.channel("replies");
    const inbox = await world.subscribe();
    await world.send("x");
    const delivery = await inbox.next();
    await delivery.reply?.(message("answer"), address);
    await world.settle(delivery, "reject").catch(() => {});
    await inbox.staysQuiet();
  }),

  serverCase(
    "reply: after the lease was lost nothing is sent: LeaseLostError",
    ["atomicReply", "lease"],
    async (world) => {
      const address = await world.channel("replies");
      const replies = await world.subscribe({}, address);
      const sleeper = await world.subscribe({ server: await world.open(), maxUnsettled: 1 });
      await world.send("x");
      const old = await sleeper.next();
      await sleeper.subscription.drain();
      const current = await (await world.subscribe({ maxUnsettled: 1 })).next(world.takeover);
      await assert.rejects(async () => old.reply?.(message("too late"), address), LeaseLostError);
      await current.reply?.(message("in time"), address);
      assert.equal(textOf(await replies.next()), "in time");
      await replies.staysQuiet();
    },
    { lease: "short" },
  ),
];
