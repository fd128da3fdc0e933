import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import { createRouter, defineDependency, defineOperation, ValidationError } from "millrace";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { stage } from "./stage.ts";

/** The same contract in three libraries: an id as text or number that becomes a number, and a name with a default. */
const libraries = {
  zod: z.object({ id: z.coerce.number<string | number>().int(), name: z.string().min(2).default("nobody") }),
  valibot: v.object({
    id: v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.integer()),
    name: v.optional(v.pipe(v.string(), v.minLength(2)), "nobody"),
  }),
  arktype: type({ id: "string.integer.parse | number.integer", name: "string >= 2 = 'nobody'" }),
} as const;

/** A schema that always takes its time. */
function slowly<I, O>(schema: StandardSchemaV1<I, O>): StandardSchemaV1<I, O> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      async validate(value) {
        await new Promise((resolve) => setImmediate(resolve));
        return schema["~standard"].validate(value);
      },
    },
  };
}

type Contract = StandardSchemaV1<
  { readonly id: string | number; readonly name?: string | undefined },
  { readonly id: number; readonly name: string }
>;

for (const [library, schema] of Object.entries(libraries)) {
  for (const [how, payload] of [
    ["at once", schema as Contract],
    ["asynchronously", slowly(schema as Contract)],
  ] as const) {
    describe(`a payload checked by ${library} ${how}`, () => {
      test("goes over the wire in its input form and reaches the handler in its output form", async () => {
        const { app, workFor, other } = stage();
        const seen: unknown[] = [];
        const wire: string[] = [];
        const operation = defineOperation({ name: "a", payload });
        app.actor(
          {
            operation,
            middleware: [
              ({ message }, next) => {
                wire.push(Buffer.from(message.payload).toString());
                return next();
              },
            ],
          },
          ({ payload: { id, name } }) => void seen.push({ id, name }),
        );
        await app.send(operation, { id: "5" });
        await other().send(operation, { id: 6, name: "six" });
        await app.publishJson("default", { id: "7", more: true }, { headers: { topic: "a" } });
        expect(await workFor(1000, { concurrency: 1 })).toMatchObject({ acked: 3 });
        expect(seen).toEqual([
          { id: 5, name: "nobody" },
          { id: 6, name: "six" },
          { id: 7, name: "nobody" },
        ]);
        expect(wire).toEqual(['{"id":"5"}', '{"id":6,"name":"six"}', '{"id":"7","more":true}']);
      });

      test.each<[string, unknown, string | undefined]>([
        ["a missing field", {}, "id"],
        ["a wrong type", { id: "x1" }, "id"],
        ["a rule that is broken", { id: 1, name: "x" }, "name"],
        ["null", null, undefined],
        ["a text", "id", undefined],
        ["a list", [], undefined],
      ])(
        "with %s is refused on sending and dead-lettered on receiving, naming the field, not the value",
        async (_, value, field) => {
          const { app, workFor, stats, logs } = stage();
          const operation = defineOperation({ name: "a", payload });
          let runs = 0;
          app.actor({ operation, retry: 5 }, () => {
            runs += 1;
          });
          const error: unknown = await app.send(operation, value as never).catch((reason: unknown) => reason);
          expect(error).toBeInstanceOf(ValidationError);
          expect(error).toMatchObject({ code: "VALIDATION_FAILED", part: "payload" });
          if (field !== undefined) expect((error as ValidationError).issues[0]?.path).toEqual([field]);
          expect(await stats()).toMatchObject({ ready: 0 });
          await app.send(operation, value as never, { validate: false });
          expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
          expect(runs).toBe(0);
          const [letter] = await app.deadLetters("default").list();
          expect(letter?.reason).toMatchObject({ code: "invalid", issues: (error as ValidationError).issues });
          expect(Buffer.from(letter?.payload ?? []).toString()).toBe(JSON.stringify(value));
          expect(logs.of("message.validation.failed").length).toBe(1);
        },
      );
    });
  }
}

describe("validation on sending", () => {
  const payload = z.object({ n: z.number() });
  const bad = { n: "secret" } as never;

  test("covers send, sendMany and request, and stands aside for validate: false and for what has no contract", async () => {
    const { app, stats } = stage();
    const operation = defineOperation({ name: "a", payload });
    await expect(app.send(operation, bad)).rejects.toThrow(ValidationError);
    await expect(app.sendMany(operation, [{ n: 1 }, bad])).rejects.toThrow(ValidationError);
    await expect(app.request(operation, bad)).rejects.toThrow(ValidationError);
    await app.connect();
    expect(await stats()).toMatchObject({ ready: 0 });
    await app.send(operation, bad, { validate: false });
    await app.sendMany(operation, [bad, bad], { validate: false });
    await app.publishJson("default", bad);
    await app.publish("default", "secret");
    expect(await stats()).toMatchObject({ ready: 5 });
    await app.close();
  });

  test("never shows the value", async () => {
    const { app } = stage();
    const error = await app.send(defineOperation({ name: "a", payload }), bad).catch((reason: Error) => reason);
    expect(JSON.stringify([error, (error as Error).message])).not.toContain("secret");
  });

  test("takes headers as given, those missing as none, and says which part is wrong", async () => {
    const { app, workFor } = stage();
    const operation = defineOperation({ name: "a", headers: z.object({ tenant: z.string().min(2) }) });
    app.actor({ operation }, () => {});
    for (const options of [
      undefined,
      {},
      { headers: {} },
      { headers: { tenant: "x" } },
      { headers: { Tenant: "xx" } },
    ]) {
      await expect(app.send(operation, {}, options as never)).rejects.toMatchObject({ part: "headers" });
    }
    await app.send(operation, {}, { headers: { tenant: "xx" } });
    await app.send(operation, {}, { headers: { tenant: "x" }, validate: false });
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 1 });
  });

  test("of an actor covers what its dependencies and theirs want, of its operation only the contract", async () => {
    const { app } = stage();
    const operation = defineOperation({ name: "a", payload: z.object({ userId: z.int(), note: z.string() }) });
    const deep = defineDependency({
      payload: z.object({ note: z.string().startsWith("ok") }),
      headers: z.object({ tenant: z.string() }),
      resolve: () => 1,
    });
    const user = defineDependency({ payload: z.object({ userId: z.int().min(1) }), deps: { deep }, resolve: () => 1 });
    const plain = app.actor({ name: "plain", deps: { user } }, () => {});
    const good = { userId: 1, note: "ok" };
    const headers = { tenant: "x" };
    await app.send(plain, good, { headers });
    await expect(app.send(plain, { ...good, userId: 0 }, { headers })).rejects.toMatchObject({
      issues: [{ path: ["userId"] }],
    });
    await expect(app.send(plain, { ...good, note: "no" }, { headers })).rejects.toMatchObject({
      issues: [{ path: ["note"] }],
    });
    await expect(app.send(plain, good, { headers: {} as never })).rejects.toMatchObject({ part: "headers" });
    await app.send(operation, { userId: 0, note: "no" });
  });

  test("runs each schema once, also when several dependencies share it", async () => {
    const { app } = stage();
    let runs = 0;
    const shared = z.object({ n: z.number() }).refine(() => {
      runs += 1;
      return true;
    });
    const one = defineDependency({ payload: shared, resolve: () => 1 });
    const two = defineDependency({ payload: shared, deps: { one }, resolve: () => 1 });
    const actor = app.actor({ name: "a", payload: shared, deps: { one, two } }, () => {});
    await app.send(actor, { n: 1 });
    expect(runs).toBe(1);
  });

  test("encodes the value given, not what a schema made of it, however it transforms", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const router = createRouter();
    const actor = router.actor(
      {
        name: "a",
        payload: z.object({
          at: z.iso.datetime().transform((text) => new Date(text)),
          tags: z.string().transform((text) => text.split(",")),
          count: z.number().default(1),
        }),
      },
      ({ payload: output, message }) => void seen.push(output, JSON.parse(Buffer.from(message.payload).toString())),
    );
    app.include(router);
    await app.send(actor, { at: "2030-01-01T00:00:00Z", tags: "a,b" });
    await workFor(1000);
    expect(seen).toEqual([
      { at: new Date(Date.UTC(2030, 0, 1)), tags: ["a", "b"], count: 1 },
      { at: "2030-01-01T00:00:00Z", tags: "a,b" },
    ]);
  });
});

describe("validation on receiving", () => {
  test("gives handler, dependencies and headers each their own view of one message", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const view = defineDependency({
      payload: z.object({ n: z.coerce.number<string>() }),
      headers: z.object({ h: z.coerce.number<string>() }),
      resolve: ({ payload, headers }) => [payload, headers],
    });
    app.actor(
      { name: "a", payload: z.object({ n: z.string() }), headers: z.object({ h: z.string() }), deps: { view } },
      ({ payload, headers, deps }) => void seen.push(payload, headers, deps.view),
    );
    await app.publishJson("default", { n: "5", more: 1 }, { headers: { topic: "a", h: "6" } });
    await workFor(1000);
    expect(seen).toEqual([{ n: "5" }, { h: "6" }, [{ n: 5 }, { h: 6 }]]);
  });

  test("without a schema the payload is what was decoded", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ name: "a" }, ({ payload }) => void seen.push(payload));
    for (const value of [null, 0, "", [1], { a: { b: null } }]) {
      await app.publishJson("default", value, { headers: { topic: "a" } });
    }
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual([null, 0, "", [1], { a: { b: null } }]);
  });

  test("a schema that fails by itself is an error with its message, not a crash", async () => {
    const { app, workFor } = stage();
    const broken: StandardSchemaV1<unknown> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate() {
          throw new TypeError("broken schema");
        },
      },
    };
    const actor = app.actor({ name: "a", payload: broken }, () => {});
    await expect(app.send(actor, {})).rejects.toThrow("broken schema");
    await app.send(actor, {}, { validate: false });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    const [letter] = await app.deadLetters("default").list();
    expect(letter?.reason.error).toMatchObject({ message: "broken schema" });
  });

  test("issues keep paths of any kind as texts and numbers", async () => {
    const { app } = stage();
    const odd: StandardSchemaV1<unknown> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({
          issues: [{ message: "no", path: ["a", 0, { key: "b" }, Symbol("s"), { key: 1 }] }, { message: "bare" }],
        }),
      },
    };
    await expect(app.send(defineOperation({ name: "a", payload: odd }), {})).rejects.toMatchObject({
      issues: [
        { message: "no", path: ["a", 0, "b", "Symbol(s)", 1] },
        { message: "bare", path: [] },
      ],
    });
  });
});
