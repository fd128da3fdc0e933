import assert from "node:assert/strict";
import { createTestClient } from "millrace/testing";
import { app, mailer, remind, signUp } from "./app.ts";

// The real core, on in-memory servers that can do what the app's own can, with a clock that the test turns. No file is
// written and nobody waits. In a test runner each part would be a test.

const mails: string[] = [];
let outages = 0;

const client = createTestClient(app);
client.override(mailer, () => ({
  async send(to) {
    if (outages-- > 0) throw new Error("mail server is down");
    mails.push(to);
  },
}));

const start = client.clock.now();
await client.send(signUp, { email: "ada@example.com" });
assert.equal(client.sent({ operation: remind })[0]?.options.delay, 13 * 24 * 3_600_000);
assert.deepEqual(mails, []);
console.log("signed up: the reminder waits");

await client.advance("12d");
assert.deepEqual(mails, []);
await client.advance("1d");
assert.deepEqual(mails, ["ada@example.com"]);
console.log("13 days later: reminded");

// Failures, retries and hours of backoff: drain() lets as much time pass as it takes until nothing is left to do.
outages = 2;
await client
  .send(remind, { email: "grace@example.com" })
  .catch((error: Error) => console.log(`thrown by send: ${error.message}`));
await client.drain();
assert.deepEqual(mails, ["ada@example.com", "grace@example.com"]);
const runs = client.processed({ operation: remind }).slice(1);
console.log(runs.map(({ attempt, outcome }) => `attempt ${attempt}: ${outcome}`).join(", "));
console.log(`${Math.round((client.clock.now() - start) / 3_600_000)} hours have passed for the app`);
await client.close();
