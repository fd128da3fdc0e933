import { createApp, RequestTimeoutError } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";

// A question over a queue: the asker waits for the answer, the worker that gives it may be any process.

const app = createApp({ server: inMemory(), logger: false });

const quote = app.actor(
  {
    name: "quote",
    payload: z.object({ item: z.string(), pieces: z.int().positive() }),
    reply: z.object({ cents: z.int() }), // With it the return value is the reply, checked on the way.
  },
  ({ payload }) => ({ cents: payload.pieces * 250 }),
);

const worker = app.createWorker();
await worker.start();
const { cents } = await app.request(quote, { item: "tea", pieces: 3 }, { timeout: "5s" });
console.log(`three teas: ${cents} cents`);

const answers = await Promise.all([1, 2, 3].map((pieces) => app.request(quote, { item: "cake", pieces })));
console.log(`cakes: ${answers.map((answer) => answer.cents).join(", ")}`);
await worker.stop();

// Nobody answers any more. A request never hangs: it ends at its timeout, with an error of its own class.
try {
  await app.request(quote, { item: "tea", pieces: 1 }, { timeout: "50ms" });
} catch (error) {
  console.log(`without a worker: ${error instanceof RequestTimeoutError ? error.code : error}`);
}
await app.close();
