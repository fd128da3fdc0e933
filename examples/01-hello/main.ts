import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";

const app = createApp({ server: sqlite({ path: "jobs.db" }) });
const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload }) =>
  console.log(`hello ${payload.who}`),
);

await app.send(greet, { who: "world" });
await app.run({ messagesLimit: 1 }); // leave the option out to run until SIGTERM
