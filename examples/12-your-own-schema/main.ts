import { createApp, ValidationError } from "millrace";
import { inMemory } from "millrace/memory";
import { count, shape, text } from "./shape.ts";

// A schema of one's own: something that validates, made a Standard Schema by an adapter.

const app = createApp({ server: inMemory(), logger: false });
const order = app.actor({ name: "order", payload: shape({ sku: text(5), pieces: count }) }, ({ payload }) => {
  console.log(`${payload.pieces} × ${payload.sku}`); // Typed: a number and a text.
});

const connection = await app.connect();
await app.send(order, { sku: "tea", pieces: 3 });
await app.runWorker({ messagesLimit: 1 });
try {
  await app.send(order, { sku: "chocolate", pieces: 0.5 });
} catch (error) {
  if (error instanceof ValidationError) console.log(error.issues);
}
console.log("document:", app.asyncapi().components?.schemas);
await connection.close();
