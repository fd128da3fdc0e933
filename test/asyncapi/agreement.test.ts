import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { type App, type AsyncApiDocument, createApp } from "millrace";
import { lintDocument } from "millrace/asyncapi";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { AnySchema } from "../../src/server/schema.ts";
import { diagnosticsOf } from "./official.ts";
import { libraries, shapes, takesListsAsObjects, valuesFor } from "./shapes.ts";

/** What a stranger would check messages with who has only the document. */
function validatorOf(document: AsyncApiDocument, part: "payload" | "headers"): ValidateFunction {
  const ajv = addFormats.default(new Ajv.default({ strict: false, logger: false }));
  ajv.addSchema({ $id: "https://example.com/document", ...document });
  return ajv.compile({ $ref: `https://example.com/document#/components/messages/a/${part}` });
}

function appWith(payload: AnySchema | undefined, headers?: AnySchema): App {
  const app: App = createApp({ server: inMemory(), logger: false });
  app.actor({ name: "a", channel: "c", ...(payload && { payload }), ...(headers && { headers }) }, () => {});
  return app;
}

/** Whether a worker takes each of the messages, sent by someone who does not validate. */
async function accepted(
  app: App,
  messages: readonly { readonly payload?: unknown; readonly headers?: Record<string, string> }[],
): Promise<boolean[]> {
  const client = createTestClient(app, { autoProcess: false });
  const ids: string[] = [];
  for (const { payload = {}, headers = {} } of messages) {
    ids.push((await client.publishJson("c", payload, { headers: { topic: "a", ...headers } })).id);
  }
  const acked = new Set((await client.processAll()).filter(({ outcome }) => outcome === "ack").map(({ id }) => id));
  await client.close();
  return ids.map((id) => acked.has(id));
}

function hasList(value: unknown): boolean {
  return Array.isArray(value) || (typeof value === "object" && value !== null && Object.values(value).some(hasList));
}

describe.each(Object.entries(libraries))("%s", { timeout: 60_000 }, (name, make) => {
  test("a payload is valid by the document exactly when the worker accepts it", async () => {
    const counts = { valid: 0, invalid: 0 };
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(valuesFor(shape), { minLength: 8, maxLength: 8 })),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([shape, payloads]) => {
        const app = appWith(make(shape));
        const document = app.asyncapi();
        expect(lintDocument(document).filter(({ severity }) => severity === "error")).toEqual([]);
        const validate = validatorOf(document, "payload");
        const taken = await accepted(
          app,
          payloads.map((payload) => ({ payload })),
        );
        for (const [index, payload] of payloads.entries()) {
          const valid = validate(payload);
          counts[valid ? "valid" : "invalid"] += 1;
          if (!valid && takesListsAsObjects.has(name) && hasList(payload)) continue;
          expect(taken[index], JSON.stringify(payload)).toBe(valid);
        }
      }),
      { numRuns: 40 },
    );
    // Both halves of "exactly when" were tried.
    expect(Math.min(counts.valid, counts.invalid)).toBeGreaterThan(20);
  });

  test("documents have no official diagnostics", async () => {
    for (const shape of fc.sample(shapes, { numRuns: 2, seed: 7 })) {
      expect(await diagnosticsOf(appWith(make(shape)).asyncapi())).toEqual([]);
    }
  });
});

describe("headers", () => {
  test("are valid by the document exactly when the worker accepts them, closed schemas and the topic included", async () => {
    const schema = z.strictObject({ "x-a": z.string().min(1), "x-b": z.enum(["1", "2"]).optional() });
    const app = appWith(undefined, schema);
    const validate = validatorOf(app.asyncapi(), "headers");
    const some = fc.record(
      { "x-a": fc.constantFrom("", "1"), "x-b": fc.constantFrom("1", "3"), "x-c": fc.constant("1") },
      { requiredKeys: [], noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(some, { minLength: 8, maxLength: 8 }), async (all) => {
        const messages = all.map((one) => ({ headers: one as Record<string, string> }));
        const valid = all.map((one) => validate({ topic: "a", ...one }));
        expect(await accepted(app, messages)).toEqual(valid);
      }),
      { numRuns: 20 },
    );
  });
});

describe("what is coerced", () => {
  test("is accepted by the worker whenever it is valid by the document, which is stricter", async () => {
    const payload = z.object({ at: z.coerce.date(), n: z.coerce.number(), big: z.coerce.bigint() });
    const app = appWith(payload);
    const validate = validatorOf(app.asyncapi(), "payload");
    const good = { at: "2020-01-01T00:00:00Z", n: 1, big: "12" };
    const candidates = [good, { ...good, n: "1" }, { ...good, at: 0 }, { ...good, big: "x" }, {}];
    expect(candidates.map((one) => validate(one))).toEqual([true, false, false, false, false]);
    expect(
      await accepted(
        app,
        candidates.map((one) => ({ payload: one })),
      ),
    ).toEqual([true, true, true, false, false]);
  });
});
