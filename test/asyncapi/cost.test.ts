import { type App, createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { expect, test } from "vitest";
import * as z from "zod";

test("the document of 200 actors is made in a moment", () => {
  const app: App = createApp({ server: inMemory() });
  for (let index = 0; index < 200; index += 1) {
    const line = z.object({ sku: z.string(), count: z.int().min(1) });
    app.actor(
      {
        name: `actor ${index}`,
        channel: `channel.${index % 20}`,
        payload: z.object({
          id: z.uuid(),
          lines: z.array(line),
          kind: z.enum(["a", "b"]),
          note: z.string().optional(),
        }),
        headers: z.object({ "x-tenant": z.string() }),
        reply: z.object({ ok: z.boolean() }),
        tags: ["work"],
      },
      () => ({ ok: true }),
    );
  }
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    expect(Object.keys(app.asyncapi().operations ?? {})).toHaveLength(200);
    return performance.now() - start;
  });
  // About 45 ms on two cores.
  expect(Math.min(...times)).toBeLessThan(150);
});

test("nothing is converted before a document is asked for", () => {
  let asked = 0;
  const schema = z.object({ n: z.number() });
  const watched = {
    "~standard": {
      ...schema["~standard"],
      jsonSchema: {
        input: () => {
          asked += 1;
          return {};
        },
        output: () => ({}),
      },
    },
  };
  const app: App = createApp({ server: inMemory() });
  app.actor({ name: "a", payload: watched as unknown as typeof schema }, () => {});
  app.createWorker({ signals: [] });
  expect(asked).toBe(0);
  app.asyncapi();
  expect(asked).toBe(1);
});
