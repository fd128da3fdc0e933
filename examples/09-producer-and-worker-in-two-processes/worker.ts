import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import { path, resize } from "./contracts.ts";

const app = createApp({ server: sqlite({ path }), logger: false });
app.actor({ operation: resize }, ({ payload }) => console.log(`worker: ${payload.path} to ${payload.width} pixels`));

// A real one leaves the limit out: it runs until SIGTERM, finishes what it has in hand, and exits.
const { acked } = await app.run({ concurrency: 1, messagesLimit: 3 });
console.log(`worker: ${acked} done, bye`);
