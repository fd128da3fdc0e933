import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";
import { csvCodec } from "./csv.ts";

// A codec turns values into bytes and back. This one makes CSV of them, for a partner that knows nothing else.

const app = createApp({ server: inMemory(), logger: false });

const stock = app.actor(
  {
    name: "stock",
    codec: csvCodec,
    payload: z.object({ sku: z.string(), pieces: z.coerce.number<number>(), note: z.string() }),
  },
  ({ payload, message }) => {
    console.log(`${message.contentType}: ${JSON.stringify(Buffer.from(message.payload).toString())}`);
    console.log("handler:", payload);
  },
);
const connection = await app.connect();
await app.send(stock, { sku: "tea", pieces: 3, note: 'green, "loose"' });
await app.runWorker({ messagesLimit: 1 });

// JSON is understood all the same: the content type of the message decides, the codec is only asked first.
await app.publish("default", '{"sku":"cup","pieces":1,"note":""}', { headers: { topic: "stock" } });
await app.runWorker({ messagesLimit: 1 });

// What is no CSV is a dead letter; the handler never sees it.
await app.publish("default", "sku,pieces\r\ntea\r\n", { contentType: "text/csv", headers: { topic: "stock" } });
await app.runWorker({ messagesLimit: 1 });
const [dead] = await app.deadLetters("default").list();
console.log(`dead letter, reason ${dead?.reason.code}: ${dead?.reason.error?.message}`);

console.log("document:", app.asyncapi().components?.messages?.["stock"]);
await connection.close();
