import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";

// One app, two brokers: clicks may be lost in a crash, orders may not.

const folder = mkdtempSync(join(tmpdir(), "millrace-"));
const app = createApp({
  servers: { fast: inMemory(), safe: sqlite({ path: join(folder, "orders.db") }) },
  defaultServer: "fast",
  logger: false,
});

const order = app.actor(
  { name: "order", channel: "orders", server: "safe", payload: z.object({ item: z.string() }) },
  ({ payload, message }) => console.log(`order of ${payload.item}, from ${message.server}`),
);

const click = app.actor(
  { name: "click", channel: "clicks", server: "fast", payload: z.object({ button: z.string() }) },
  async ({ payload, message, send }) => {
    console.log(`click on ${payload.button}, from ${message.server}`);
    // A handler sends to the server that its own message came from, unless it names another.
    if (payload.button === "buy") await send(order, { item: "tea" }, { server: "safe" });
  },
);

await app.send(click, { button: "help" });
await app.send(click, { button: "buy" });
await app.run({ servers: ["fast", "safe"], concurrency: 1, messagesLimit: 3 });

rmSync(folder, { recursive: true });
