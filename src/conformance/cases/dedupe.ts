import assert from "node:assert/strict";
import { DuplicateMessageError } from "../../server/errors.ts";
import type { Dedupe } from "../../server/server.ts";
import { message, textOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";

const once = (key: string, parts: Partial<Dedupe> = {}): { readonly dedupe: Dedupe } => ({
  dedupe: { key, window: 60_000, onDuplicate: "ignore", ...parts },
});

export const dedupe: readonly ServerCase[] = [
  serverCase("dedupe: a duplicate is ignored, and its receipt names the first", ["dedupe"], async (world) => {
    const first = message("first");
    const receipt = await world.send(first, once("k"));
    assert.ok(receipt.duplicate !== true);
    const second = await world.send("second", once("k"));
    assert.deepEqual([second.id, second.duplicate], [first.id, true]);
    const inbox = await world.subscribe();
    assert.equal(textOf(await inbox.next()), "first");
    await inbox.staysQuiet();
  }),

  serverCase("dedupe: a duplicate is an error where that was asked for", ["dedupe"], async (world) => {
    await world.send("first", once("k"));
    await assert.rejects(
      world.send("second", once("k", { onDuplicate: "throw" })),
      (error) => error instanceof DuplicateMessageError && error.key === "k",
    );
    const inbox = await world.subscribe();
    await inbox.next();
    await inbox.staysQuiet();
  }),

  serverCase("dedupe: other keys, and none, are no duplicates", ["dedupe"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("a", once("a"));
    await world.send("b", once("b"));
    await world.send("none");
    await world.send("none");
    await inbox.take(4);
  }),

  serverCase("dedupe: the window lasts beyond the end of the first message", ["dedupe"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("first", once("k"));
    await world.settle(await inbox.next());
    assert.equal((await world.send("second", once("k"))).duplicate, true);
    await inbox.staysQuiet();
  }),

  serverCase("dedupe: after the window the key is free again", ["dedupe"], async (world) => {
    const inbox = await world.subscribe();
    await world.send("first", once("k", { window: 200 }));
    await inbox.next();
    await world.pass(400);
    const receipt = await world.send("second", once("k", { window: 200 }));
    assert.ok(receipt.duplicate !== true);
    assert.equal(textOf(await inbox.next()), "second");
  }),

  serverCase("dedupe: many at the same time, one gets through", ["dedupe"], async (world) => {
    const inbox = await world.subscribe();
    const others = await world.open();
    const channel = await world.channel();
    const server = await world.server();
    const receipts = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        (index % 2 === 0 ? server : others).publish(channel, message(`${index}`), once("k")),
      ),
    );
    assert.equal(receipts.filter(({ duplicate }) => duplicate !== true).length, 1);
    assert.equal(new Set(receipts.map(({ id }) => id)).size, 1);
    await inbox.next();
    await inbox.staysQuiet();
  }),

  serverCase("dedupe: odd keys", ["dedupe"], async (world) => {
    for (const key of ["welcome:7", "ключ/ %41", "__proto__", "k".repeat(100)]) {
      assert.ok((await world.send(key, once(key))).duplicate !== true);
      assert.equal((await world.send(key, once(key))).duplicate, true, key);
    }
  }),
];
