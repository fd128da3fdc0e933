import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { inWorkerThread } from "millrace/threads"; // needs: npm i piscina
import * as z from "zod";
import type { countPrimes } from "./primes.ts";

// CPU work in the event loop stops everything: other messages, lease renewal, health checks. In a thread it does not,
// and a thread can be terminated in the middle of an endless loop.

const app = createApp({ server: inMemory(), logger: false });
const tasks = new URL("./primes.ts", import.meta.url);

const primes = app.actor(
  { name: "primes", payload: z.object({ below: z.int().positive() }), reply: z.object({ primes: z.int() }) },
  inWorkerThread<typeof countPrimes>(tasks, { export: "countPrimes" }),
);
const spin = app.actor(
  { name: "spin", timeout: "300ms", onTimeout: "nack" }, // By default a run that took too long comes again later.
  inWorkerThread(tasks, { export: "spin" }),
);

let turns = 0;
const clock = setInterval(() => {
  turns += 1;
}, 5);
const worker = app.createWorker({ concurrency: 2 });
await worker.start();

const answer = await app.request(primes, { below: 20_000_000 });
console.log(`${answer.primes} primes below 20 million`);
console.log(`meanwhile the event loop ${turns > 3 ? "kept turning" : "stood still"}`);

await app.send(spin, {});
while ((await app.deadLetters("default").count()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
const [letter] = await app.deadLetters("default").list();
console.log(`an endless loop ends as: ${letter?.reason.code}`);

await worker.stop();
await app.close();
clearInterval(clock);
