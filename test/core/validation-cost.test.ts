import { createHook } from "node:async_hooks";
import { expect, test } from "vitest";
import * as z from "zod";
import { stage } from "./stage.ts";

/** Promises that come into being while so many messages are sent and processed. */
async function promises(messages: number, schemas: object): Promise<number> {
  const { app, workFor } = stage();
  const actor = app.actor({ name: "a", ...schemas }, () => {});
  let count = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === "PROMISE") count += 1;
    },
  }).enable();
  for (let index = 0; index < messages; index += 1) await app.send(actor, { n: index }, { headers: { tenant: "t" } });
  expect(await workFor(messages)).toMatchObject({ acked: messages });
  hook.disable();
  return count;
}

test("a synchronous schema adds no promise per message, neither sending nor receiving", async () => {
  const schemas = { payload: z.object({ n: z.int() }), headers: z.looseObject({ tenant: z.string() }) };
  await promises(100, schemas);
  const without = await promises(1000, {});
  const with_ = await promises(1000, schemas);
  expect(Math.abs(with_ - without)).toBeLessThan(100);
  const slow = { payload: z.object({ n: z.int() }).refine(async () => true) };
  expect((await promises(1000, slow)) - without, "the count would show them").toBeGreaterThan(1000);
});
