import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv from "ajv";
import { createApp, OptionError, ValidationError } from "millrace";
import { jsonSchema, withJsonSchema } from "millrace/json-schema";
import { inMemory } from "millrace/memory";
import Type, { type Static } from "typebox";
import * as v from "valibot";
import { afterAll, describe, expect, expectTypeOf, test } from "vitest";

const order = {
  type: "object",
  properties: { id: { type: "string" }, at: { type: "string", format: "date-time" }, "a/b": { type: "integer" } },
  required: ["id"],
};

const issuesOf = (schema: ReturnType<typeof jsonSchema>, value: unknown) => {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw new Error("not synchronous");
  return result.issues;
};

describe("jsonSchema", () => {
  test("validates, at once, by ajv with formats, and says where", () => {
    const schema = jsonSchema(order);
    expect(issuesOf(schema, { id: "1", at: "2020-01-01T00:00:00Z", other: true })).toBeUndefined();
    expect(issuesOf(schema, {})).toEqual([{ message: "must have required property 'id'", path: ["id"] }]);
    expect(issuesOf(schema, { id: "1", at: "yesterday" })?.[0]?.path).toEqual(["at"]);
    expect(issuesOf(schema, { id: "1", "a/b": "x" })?.[0]?.path).toEqual(["a/b"]);
  });

  test("a value that the check stumbles over is invalid", () => {
    const schema = jsonSchema({ enum: [{ a: 1 }] });
    expect(issuesOf(schema, { a: 1 })).toBeUndefined();
    expect(issuesOf(schema, { valueOf: null })?.[0]?.message).toMatch(/could not be checked|must be equal/);
  });

  test("formats: false makes format a remark", () => {
    expect(issuesOf(jsonSchema(order, { formats: false }), { id: "1", at: "yesterday" })).toBeUndefined();
  });

  test("values are not changed: no defaults, no coercion", () => {
    const schema = jsonSchema({ type: "object", properties: { n: { type: "number", default: 1 } } });
    expect(schema["~standard"].validate({})).toEqual({ value: {} });
    expect(issuesOf(schema, { n: "1" })).toHaveLength(1);
  });

  test("speaks 2019-09 and 2020-12 where $schema says so, and converts to no other", () => {
    const pair = { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false };
    const newer = jsonSchema({ $schema: "https://json-schema.org/draft/2020-12/schema", ...pair });
    expect(issuesOf(newer, ["a", 1])).toBeUndefined();
    expect(issuesOf(newer, ["a", 1, 2])).toHaveLength(1);
    expect(() => newer["~standard"].jsonSchema.input({ target: "draft-07" })).toThrow(OptionError);
    const older = jsonSchema({
      $schema: "https://json-schema.org/draft/2019-09/schema",
      dependentRequired: { a: ["b"] },
    });
    expect(issuesOf(older, { a: 1 })).toHaveLength(1);
    expect(jsonSchema(order)["~standard"].jsonSchema.input({ target: "draft-07" })).toBe(order);
  });

  test("an ajv of one's own brings keywords and schemas", () => {
    const ajv = new Ajv.default({ keywords: [{ keyword: "even", validate: (_: unknown, n: number) => n % 2 === 0 }] });
    ajv.addSchema({ $id: "https://example.com/even", type: "integer", even: true });
    const schema = jsonSchema({ $ref: "https://example.com/even" }, { ajv });
    expect(issuesOf(schema, 2)).toBeUndefined();
    expect(issuesOf(schema, 3)).toHaveLength(1);
  });

  test.each([
    [{ type: "strnig" }, /"strnig" is no type/],
    [{ properties: { a: { pattern: "(" } } }, /no regular expression, at #\/properties\/a/],
    [{ required: "a" }, /list of names/],
    [{ anyOf: [] }, /not empty/],
    [{ minLength: -1 }, /whole number/],
    [{ minimum: "1" }, /number/],
    [{ enum: "a" }, /list of values/],
    [{ $ref: "https://example.com/order.json" }, /does not fetch/],
    [{ items: { $ref: "./order.json#/a" } }, /does not fetch/],
    [{ $schema: "http://json-schema.org/draft-04/schema#" }, /not \$schema/],
    [true, /an object/],
  ])("%j is refused where it is written", (schema, message) => {
    expect(() => jsonSchema(schema as object)).toThrow(message);
    expect(() => jsonSchema(schema as object)).toThrow(OptionError);
  });

  test("data that looks like a schema is not one", () => {
    const schema = jsonSchema({
      properties: { $ref: { type: "string" } },
      const: { $ref: "https://x", type: "nothing" },
    });
    expect(issuesOf(schema, 1)).toHaveLength(1);
  });

  test("TypeBox types are JSON Schemas, recursive ones too", () => {
    const T = Type.Object({ id: Type.Integer(), note: Type.Optional(Type.String()) });
    const schema = jsonSchema<Static<typeof T>>(T);
    expectTypeOf<NonNullable<(typeof schema)["~standard"]["types"]>["input"]>().toEqualTypeOf<{
      id: number;
      note?: string;
    }>();
    expect(issuesOf(schema, { id: 1 })).toBeUndefined();
    expect(issuesOf(schema, { id: "1" })).toHaveLength(1);
    const node = Type.Cyclic({ N: Type.Object({ v: Type.String(), next: Type.Optional(Type.Ref("N")) }) }, "N");
    expect(issuesOf(jsonSchema(node), { v: "a", next: { v: "b" } })).toBeUndefined();
    expect(issuesOf(jsonSchema(node), { v: "a", next: { v: 1 } })?.[0]?.path).toEqual(["next", "v"]);
  });

  test("an app validates with it on both sides", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const seen: string[] = [];
    const actor = app.actor({ name: "take", payload: jsonSchema<{ id: string }>(order) }, ({ payload }) => {
      seen.push(payload.id);
    });
    await expect(app.send(actor, {} as { id: string })).rejects.toThrow(ValidationError);
    await app.send(actor, { id: "7" });
    await app.publishJson("default", { id: 8 }, { headers: { topic: "take" } });
    const { nacked, acked } = await app.run({ messagesLimit: 2, signals: [] });
    expect({ seen, nacked, acked }).toEqual({ seen: ["7"], nacked: 1, acked: 1 });
  });
});

describe("withJsonSchema", () => {
  test("validates as before and shows what it was given", () => {
    const schema = withJsonSchema(v.pipe(v.string(), v.transform(Number)), { type: "string", pattern: "^\\d+$" });
    expect(schema["~standard"].validate("7")).toEqual({ value: 7, typed: true });
    expect(schema["~standard"].jsonSchema.input({ target: "draft-07" })).toEqual({ type: "string", pattern: "^\\d+$" });
    expect(() => withJsonSchema(v.string(), { type: "text" })).toThrow(OptionError);
  });
});

describe("without ajv", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-no-ajv-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("importing works, and jsonSchema() says at once what to install", () => {
    for (const name of ["internal", "json-schema", "server"]) {
      cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), join(folder, name), { recursive: true });
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const script = `
      import { jsonSchema } from "./json-schema/index.ts";
      try { jsonSchema({ type: "string" }); } catch (error) { console.log(error.code, error.message); }
      const own = { compile: () => () => true };
      console.log(JSON.stringify(jsonSchema({}, { ajv: own })["~standard"].validate(1)));`;
    const args = ["--no-warnings", "--input-type=module", "--eval", script];
    const output = execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(output).toBe(
      "MISSING_PEER jsonSchema() with ajv needs a package that is not installed. Run: npm i ajv ajv-formats\n" +
        '{"value":1}\n',
    );
  });
});
