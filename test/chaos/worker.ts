import { appendFileSync } from "node:fs";
import { createApp } from "millrace";
import { serverAt } from "./server-at.ts";

/** A worker of the chaos run: writes down every start and end of a handler, so that nothing has to be believed. */
const [address = "", ledger = ""] = process.argv.slice(2);
const logger = {
  debug() {},
  info() {},
  warn: (fields: object) => appendFileSync(ledger, `${JSON.stringify({ log: fields })}\n`),
  error: (fields: object) => appendFileSync(ledger, `${JSON.stringify({ log: fields })}\n`),
};
const app = createApp({ server: serverAt(address), logger });
app.actor({ name: "work", channel: "chaos" }, async ({ message }) => {
  appendFileSync(ledger, `${JSON.stringify({ start: message.id, pid: process.pid })}\n`);
  await new Promise((resolve) => {
    setTimeout(resolve, 5 + Math.random() * 45);
  });
  appendFileSync(ledger, `${JSON.stringify({ end: message.id, pid: process.pid })}\n`);
});
await app.run({ concurrency: 50, prefetch: 10 });
