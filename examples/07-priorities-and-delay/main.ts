import { createApp, priority } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";

// When a message runs: the most urgent first, and not before its time.

const app = createApp({ server: inMemory(), logger: false });
const job = app.actor({ name: "job", payload: z.object({ title: z.string() }) }, ({ payload, message }) => {
  const age = Date.now() - (message.sentAt ?? 0);
  console.log(`${payload.title}${age >= 200 ? ", at least 200 ms after it was sent" : ""}`);
});

await app.send(job, { title: "later" }, { delay: "200ms" }); // Also: at: new Date("2030-01-01")
await app.send(job, { title: "nightly report" }, { priority: priority.low });
await app.send(job, { title: "ordinary, first" }); // Default: priority.normal. First in, first out inside a priority.
await app.send(job, { title: "ordinary, second" });
await app.send(job, { title: "password reset" }, { priority: priority.high });
await app.send(job, { title: "fire alarm" }, { priority: priority.critical });
await app.send(job, { title: "news of yesterday" }, { expiresIn: "1ms" });

// Three times the same click: a key makes one message of them.
for (let click = 1; click <= 3; click += 1) {
  const { duplicate } = await app.send(job, { title: "one click" }, { dedupe: { key: "click", window: "1m" } });
  console.log(`click ${click}: ${duplicate ? "known already" : "sent"}`);
}

await new Promise((resolve) => setTimeout(resolve, 10)); // The news are too old by now, and nobody will see them.
await app.run({ concurrency: 1, messagesLimit: 7 });
