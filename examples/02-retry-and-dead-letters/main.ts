import { createApp, fixed, NonRetryableError } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";

// Failures that pass by are tried again, those that do not are kept with their reason until somebody has fixed them.

const app = createApp({ server: inMemory(), logger: false });
let bankIsOpen = false;

const charge = app.actor(
  {
    name: "charge",
    payload: z.object({ card: z.string(), cents: z.int().positive() }),
    // Runs at most three times, the first included. Without `retry` the first error would dead-letter.
    retry: { attempts: 3, backoff: fixed({ delay: "20ms", jitter: 0 }) },
  },
  ({ payload: { card }, attempt }) => {
    console.log(`${card}: attempt ${attempt}`);
    if (card === "stolen") throw new NonRetryableError("declined"); // Trying again would change nothing.
    if (card === "flaky" && attempt === 1) throw new Error("connection reset");
    if (card === "foreign" && !bankIsOpen) throw new Error("the bank is closed");
    console.log(`${card}: charged`);
  },
);

await app.send(charge, { card: "flaky", cents: 100 });
await app.send(charge, { card: "stolen", cents: 200 });
await app.send(charge, { card: "foreign", cents: 300 });
// Somebody else sends without a schema. A payload that does not fit never reaches the handler, nor is it tried again.
await app.publishJson("default", { card: "gold", cents: -1 }, { headers: { topic: "charge" } });
await app.runWorker({ concurrency: 1, messagesLimit: 2 + 1 + 3 + 1 }); // The limit counts every run.

console.log("\ndead letters, newest first:");
for (const { reason } of await app.deadLetters("default").list()) {
  console.log(`  ${reason.code} after ${reason.attempts} attempts: ${reason.error?.message}`);
}

console.log("\nthe bank opens, and what it refused is sent again:");
bankIsOpen = true;
for (const { id, reason } of await app.deadLetters("default").list()) {
  if (reason.error?.message === "the bank is closed") await app.deadLetters("default").replay(id);
}
await app.runWorker({ messagesLimit: 1 });
console.log(`dead letters left: ${await app.deadLetters("default").count()}`);
await app.close();
