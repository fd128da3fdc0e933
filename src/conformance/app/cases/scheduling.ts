import assert from "node:assert/strict";
import { systemClock } from "../../../internal/clock.ts";
import { DuplicateMessageError } from "../../../server/errors.ts";
import { type AppCase, appCase } from "../app-case.ts";
import type { AppWorld, ServerApp } from "../app-world.ts";
import { type Numbered, numbered } from "../schema.ts";

async function recorder(
  world: AppWorld,
): Promise<{ app: ServerApp; seen: number[]; actor: ReturnType<typeof register> }> {
  const app = await world.app();
  const seen: number[] = [];
  return { app, seen, actor: register(app, world.channel, seen) };
}

function register(app: ServerApp, channel: string, seen: number[]) {
  return app.actor({ name: "record", channel, payload: numbered }, ({ payload }: { readonly payload: Numbered }) => {
    seen.push(payload.n);
  });
}

const single = { concurrency: 1, prefetch: 1 } as const;

export const scheduling: readonly AppCase[] = [
  appCase("send: delay and at", ["delay"], async (world) => {
    const { app, seen, actor } = await recorder(world);
    const start = systemClock.monotonic();
    await app.send(actor, { n: 2 }, { at: new Date(Date.now() + 700) });
    await app.send(actor, { n: 1 }, { delay: "400ms" });
    await app.send(actor, { n: 0 }, { at: new Date(0) });
    await world.run(app, { ...single, messagesLimit: 3 });
    assert.deepEqual(seen, [0, 1, 2]);
    assert.ok(systemClock.monotonic() - start >= 690);
  }),

  appCase("send: priority", ["priority"], async (world) => {
    const { app, seen, actor } = await recorder(world);
    for (const n of [1, 100, 50]) await app.send(actor, { n }, { priority: n });
    await app.send(actor, { n: 10 });
    await world.run(app, { ...single, messagesLimit: 4 });
    assert.deepEqual(seen, [100, 50, 10, 1]);
  }),

  appCase("send: expiresIn", ["expiry"], async (world) => {
    const { app, seen, actor } = await recorder(world);
    await app.send(actor, { n: 1 }, { expiresIn: 50 });
    await app.send(actor, { n: 2 }, { expiresIn: "1h" });
    await world.world.pass(200);
    await world.run(app, { ...single, messagesLimit: 1 });
    assert.deepEqual(seen, [2]);
    await world.isEmpty();
  }),

  appCase("send: dedupe", ["dedupe"], async (world) => {
    const { app, seen, actor } = await recorder(world);
    const dedupe = { key: "welcome:7", window: "1h" } as const;
    const first = await app.send(actor, { n: 1 }, { dedupe });
    const second = await app.send(actor, { n: 2 }, { dedupe });
    assert.deepEqual([second.id, second.duplicate, first.duplicate], [first.id, true, undefined]);
    await assert.rejects(
      app.send(actor, { n: 3 }, { dedupe: { ...dedupe, onDuplicate: "throw" } }),
      DuplicateMessageError,
    );
    await world.run(app, { ...single, messagesLimit: 1 });
    assert.deepEqual(seen, [1]);
    await world.isEmpty();
  }),
];
