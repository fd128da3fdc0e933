import { createApp, defineOperation } from "millrace";
import { inMemory } from "millrace/memory";
import { expect, test } from "vitest";
import * as z from "zod";

test("a request passes a headers schema that allows no others: the correlation id is ours, not the caller's", async () => {
  const double = defineOperation({
    name: "double",
    channel: "numbers",
    payload: z.number(),
    headers: z.strictObject({ tenant: z.string() }),
    reply: z.number(),
  });
  const app = createApp({ server: inMemory(), logger: false });
  app.actor({ operation: double }, ({ payload }) => payload * 2);
  const connection = await app.connect();
  const worker = app.createWorker({ signals: [] });
  await worker.start();
  try {
    expect(await app.request(double, 21, { headers: { tenant: "a" }, timeout: "5s" })).toBe(42);
  } finally {
    await worker.stop();
    await connection.close();
  }
});
