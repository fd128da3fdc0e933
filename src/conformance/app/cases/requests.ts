import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../internal/clock.ts";
import { ReplyAddressError, RequestTimeoutError } from "../../../server/errors.ts";
import { type AppCase, appCase } from "../app-case.ts";
import { numbered } from "../schema.ts";

export const requests: readonly AppCase[] = [
  appCase("request: the returned value is the reply", ["requestReply"], async (world) => {
    const app = await world.app();
    const double = app.actor(
      { name: "double", channel: world.channel, payload: numbered, reply: numbered },
      ({ payload }) => ({ n: payload.n * 2 }),
    );
    const work = world.start(app);
    assert.deepEqual(await app.request(double, { n: 21 }, { timeout: "10s" }), { n: 42 });
    await work.stop();
    await world.isEmpty();
  }),

  appCase("request: a hundred at once get each their own", ["requestReply"], async (world) => {
    const app = await world.app();
    const double = app.actor(
      { name: "double", channel: world.channel, payload: numbered, reply: numbered },
      async ({ payload }) => {
        await sleep(systemClock, (payload.n * 7) % 20);
        return { n: payload.n * 2 };
      },
    );
    const work = world.start(app, { concurrency: 20 });
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, n) => app.request(double, { n }, { timeout: "15s" })),
    );
    assert.deepEqual(
      replies,
      Array.from({ length: 100 }, (_, n) => ({ n: n * 2 })),
    );
    await work.stop();
  }),

  appCase("request: from another app", ["requestReply"], async (world) => {
    const [asking, answering] = [await world.app(), await world.app()];
    const config = { name: "double", channel: world.channel, payload: numbered, reply: numbered } as const;
    answering.actor(config, ({ payload }) => ({ n: payload.n * 2 }));
    const double = asking.actor(config, () => ({ n: 0 }));
    const work = world.start(answering);
    assert.deepEqual(await asking.request(double, { n: 4 }, { timeout: "10s" }), { n: 8 });
    await work.stop();
  }),

  appCase("request: nobody answers: RequestTimeoutError", ["requestReply"], async (world) => {
    const app = await world.app();
    const silent = app.actor(
      { name: "silent", channel: world.channel, payload: numbered, reply: numbered },
      () => undefined,
    );
    await assert.rejects(app.request(silent, { n: 1 }, { timeout: 200 }), RequestTimeoutError);
  }),

  appCase("request: reply() sends it early, the message is then done", ["requestReply"], async (world) => {
    const app = await world.app();
    let runs = 0;
    const early = app.actor(
      { name: "early", channel: world.channel, payload: numbered, reply: numbered },
      async ({ payload, reply }) => {
        runs += 1;
        await reply({ n: payload.n + 1 });
        throw new Error("too late to matter");
      },
    );
    const work = world.start(app);
    assert.deepEqual(await app.request(early, { n: 1 }, { timeout: "10s" }), { n: 2 });
    await work.stop();
    assert.equal(runs, 1);
    await world.isEmpty();
  }),

  appCase("request: a reply without an address is an error", ["requestReply"], async (world) => {
    const app = await world.app();
    const errors: unknown[] = [];
    const actor = app.actor({ name: "lost", channel: world.channel, payload: numbered }, async ({ message }) => {
      await message.reply("x").catch((error: unknown) => errors.push(error));
    });
    await app.send(actor, { n: 1 });
    await world.run(app, { messagesLimit: 1 });
    assert.ok(errors[0] instanceof ReplyAddressError);
  }),
];
