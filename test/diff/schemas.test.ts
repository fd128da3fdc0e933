import { describe, expect, test } from "vitest";
import { diffDocuments } from "../../src/asyncapi/diff/diff-documents.ts";
import type { AsyncApiDocument, JsonSchema } from "../../src/asyncapi/document.ts";

type Verdict = "breaking" | "compatible" | "annotation" | "same";

function documentWith(
  action: "receive" | "send",
  payload: unknown,
  more: Readonly<Record<string, unknown>> = {},
): AsyncApiDocument {
  return {
    asyncapi: "3.1.0",
    info: { title: "t", version: "1" },
    channels: { c: { address: "c", messages: { m: { payload: payload as JsonSchema } } } },
    operations: { o: { action, channel: { $ref: "#/channels/c" }, messages: [{ $ref: "#/channels/c/messages/m" }] } },
    components: { schemas: more as Record<string, JsonSchema> },
  };
}

function verdict(before: AsyncApiDocument, after: AsyncApiDocument): Verdict {
  return diffDocuments(before, after)[0]?.severity ?? "same";
}

const object = (properties: object, rest: object = {}): object => ({ type: "object", properties, ...rest });
/** Written so that no object of this file looks like a promise. */
const then = (schema: object): object => JSON.parse(`{"then":${JSON.stringify(schema)}}`) as object;
const s = { type: "string" };
const i = { type: "integer" };
const n = { type: "number" };
const shared = {
  A: object({ a: s }),
  B: object({ a: n }),
  N: object({ next: { $ref: "#/components/schemas/N" }, v: s }),
};
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const kind = (name: string, rest: object = {}): object =>
  object({ kind: { const: name }, ...rest }, { required: ["kind", ...Object.keys(rest)] });

/** Old schema, new schema, the verdict where they are received, and where they are sent. */
const table: readonly (readonly [what: string, old: unknown, now: unknown, receive: Verdict, send: Verdict])[] = [
  ["nothing", object({ a: s }), object({ a: s }), "same", "same"],
  ["a description", object({ a: s }), object({ a: { ...s, description: "d" } }), "annotation", "annotation"],
  ["a default", object({ a: s }), object({ a: { ...s, default: "d" } }), "annotation", "annotation"],
  ["an optional property more", object({ a: s }), object({ a: s, b: i }), "compatible", "compatible"],
  ["an optional property less", object({ a: s, b: i }), object({ a: s }), "compatible", "compatible"],
  ["a required property more", object({ a: s }), object({ a: s, b: i }, { required: ["b"] }), "breaking", "compatible"],
  ["a property is required", object({ a: s }), object({ a: s }, { required: ["a"] }), "breaking", "compatible"],
  ["a property is optional", object({ a: s }, { required: ["a"] }), object({ a: s }), "compatible", "breaking"],
  [
    "another property of a closed object",
    object({ a: s }, { additionalProperties: false }),
    object({ a: s, b: s }, { additionalProperties: false }),
    "compatible",
    "breaking",
  ],
  [
    "an object is closed",
    object({ a: s }),
    object({ a: s }, { additionalProperties: false }),
    "breaking",
    "compatible",
  ],
  [
    "a property of a record is restricted",
    { type: "object", additionalProperties: n },
    object({ a: i }, { additionalProperties: n }),
    "breaking",
    "compatible",
  ],
  ["a property of a free object is restricted", { type: "object" }, object({ a: i }), "breaking", "compatible"],
  [
    "a property of a deliberately open object is restricted",
    object({}, { additionalProperties: {} }),
    object({ a: i }, { additionalProperties: {} }),
    "breaking",
    "compatible",
  ],
  [
    "values of a record",
    { type: "object", additionalProperties: i },
    { type: "object", additionalProperties: n },
    "compatible",
    "breaking",
  ],
  ["another type", object({ a: s }), object({ a: i }), "breaking", "breaking"],
  ["integer to number", object({ a: i }), object({ a: n }), "compatible", "breaking"],
  ["number to integer", object({ a: n }), object({ a: i }), "breaking", "compatible"],
  ["null is allowed", object({ a: s }), object({ a: { type: ["string", "null"] } }), "compatible", "breaking"],
  [
    "null is allowed, as a union",
    object({ a: s }),
    object({ a: { anyOf: [s, { type: "null" }] } }),
    "compatible",
    "breaking",
  ],
  [
    "null, written differently",
    object({ a: { type: ["string", "null"] } }),
    object({ a: { anyOf: [s, { type: "null" }] } }),
    "annotation",
    "annotation",
  ],
  [
    "nullable reference",
    object({ a: ref("A") }),
    object({ a: { anyOf: [ref("A"), { type: "null" }] } }),
    "compatible",
    "breaking",
  ],
  ["a value more", { enum: ["a", "b"] }, { enum: ["a", "b", "c"] }, "compatible", "breaking"],
  ["a value less", { enum: ["a", "b"] }, { enum: ["a"] }, "breaking", "compatible"],
  ["values in another order", { enum: ["a", "b"] }, { enum: ["b", "a"] }, "annotation", "annotation"],
  ["const to enum", { const: "a" }, { enum: ["a", "b"] }, "compatible", "breaking"],
  ["enum to string", { type: "string", enum: ["a"] }, s, "compatible", "breaking"],
  ["const beside a contradicting enum", { const: 0 }, { const: 0, enum: [1] }, "breaking", "compatible"],
  ["booleans as values", { type: "boolean" }, { enum: [true, false] }, "annotation", "annotation"],
  ["minimum raised", { ...i, minimum: 1 }, { ...i, minimum: 2 }, "breaking", "compatible"],
  ["minimum written as an open one", { ...i, minimum: 1 }, { ...i, exclusiveMinimum: 0 }, "annotation", "annotation"],
  ["the open minimum of numbers", { ...n, minimum: 1 }, { ...n, exclusiveMinimum: 1 }, "breaking", "compatible"],
  ["maximum lifted", { ...i, maximum: 1 }, i, "compatible", "breaking"],
  ["multipleOf refined", { ...i, multipleOf: 6 }, { ...i, multipleOf: 3 }, "compatible", "breaking"],
  ["minLength of listed values", { enum: ["abc"] }, { ...s, minLength: 3 }, "compatible", "breaking"],
  ["maxLength shortened", { ...s, maxLength: 5 }, { ...s, maxLength: 4 }, "breaking", "compatible"],
  ["a pattern more", s, { ...s, pattern: "^a" }, "breaking", "compatible"],
  ["another pattern", { ...s, pattern: "^a" }, { ...s, pattern: "^b" }, "breaking", "breaking"],
  ["a format more", s, { ...s, format: "email" }, "breaking", "compatible"],
  ["a format of numbers", n, { ...n, format: "float" }, "breaking", "compatible"],
  ["items widened", { type: "array", items: i }, { type: "array", items: n }, "compatible", "breaking"],
  [
    "a tuple is longer, draft-07",
    { type: "array", items: [s], additionalItems: false },
    { type: "array", items: [s, i], additionalItems: false },
    "compatible",
    "breaking",
  ],
  [
    "a tuple is longer, 2020-12",
    { type: "array", prefixItems: [s], items: false },
    { type: "array", prefixItems: [s, i], items: false },
    "compatible",
    "breaking",
  ],
  [
    "a tuple in the words of another draft",
    { type: "array", items: [s], additionalItems: i },
    { type: "array", prefixItems: [s], items: i },
    "annotation",
    "annotation",
  ],
  [
    "a tuple as an array",
    { type: "array", items: [s, s], minItems: 2, maxItems: 2 },
    { type: "array", items: s },
    "compatible",
    "breaking",
  ],
  ["uniqueItems", { type: "array" }, { type: "array", uniqueItems: true }, "breaking", "compatible"],
  ["contains", { type: "array" }, { type: "array", contains: s }, "breaking", "compatible"],
  ["a variant more", { anyOf: [s, i] }, { anyOf: [s, i, { type: "null" }] }, "compatible", "breaking"],
  ["a variant less", { anyOf: [s, i] }, s, "breaking", "compatible"],
  ["variants in another order", { anyOf: [s, i] }, { anyOf: [i, s] }, "annotation", "annotation"],
  [
    "a discriminated variant more",
    { oneOf: [kind("a"), kind("b")] },
    { oneOf: [kind("a"), kind("b"), kind("c")] },
    "compatible",
    "breaking",
  ],
  ["a discriminated variant less", { oneOf: [kind("a"), kind("b")] }, { oneOf: [kind("a")] }, "breaking", "compatible"],
  [
    "one variant widened",
    { oneOf: [kind("a", { v: i }), kind("b")] },
    { oneOf: [kind("a", { v: n }), kind("b")] },
    "compatible",
    "breaking",
  ],
  [
    "a union to a discriminated one",
    { anyOf: [kind("a"), kind("b")] },
    { oneOf: [kind("a"), kind("b")] },
    "annotation",
    "annotation",
  ],
  ["oneOf that overlaps", { anyOf: [i, n] }, { oneOf: [i, n] }, "breaking", "compatible"],
  [
    "allOf is the sum of its parts",
    { allOf: [object({ a: s }, { required: ["a"] }), object({ b: i })] },
    object({ a: s, b: i }, { required: ["a"] }),
    "annotation",
    "annotation",
  ],
  ["a part more", object({ a: s }), { allOf: [object({ a: s }), { required: ["a"] }] }, "breaking", "compatible"],
  ["not", s, { ...s, not: { const: "a" } }, "breaking", "compatible"],
  ["not what cannot be", { enum: ["b"] }, { ...s, not: { const: "a" } }, "compatible", "breaking"],
  [
    "if that stays, beside what widens",
    { if: s, ...then({ minLength: 1 }), minimum: 2 },
    { if: s, ...then({ minLength: 1 }), minimum: 1 },
    "compatible",
    "breaking",
  ],
  ["if", s, { ...s, if: { minLength: 1 }, ...then({ maxLength: 3 }) }, "breaking", "compatible"],
  [
    "unevaluatedProperties",
    object({ a: s }),
    object({ a: s }, { unevaluatedProperties: false }),
    "breaking",
    "compatible",
  ],
  [
    "patternProperties",
    { type: "object" },
    { type: "object", patternProperties: { "^a": s } },
    "breaking",
    "compatible",
  ],
  ["propertyNames", { type: "object" }, { type: "object", propertyNames: { maxLength: 3 } }, "breaking", "compatible"],
  [
    "dependentRequired",
    object({ a: s }),
    object({ a: s }, { dependentRequired: { a: ["b"] } }),
    "breaking",
    "compatible",
  ],
  [
    "minProperties by what is required",
    object({ a: s }, { required: ["a"] }),
    object({ a: s }, { required: ["a"], minProperties: 1 }),
    "annotation",
    "annotation",
  ],
  ["a keyword nobody knows", s, { ...s, looksNice: true }, "breaking", "compatible"],
  [
    "the keyword nobody knows stays",
    { ...s, looksNice: true },
    { ...s, looksNice: true, maxLength: 3 },
    "breaking",
    "compatible",
  ],
  ["draft-04", i, { ...i, minimum: 1, exclusiveMinimum: true }, "breaking", "compatible"],
  ["null in the words of OpenAPI", { ...s, nullable: true }, s, "breaking", "compatible"],
  ["a list that is none", object({ a: s }), object({ a: s }, { required: "a" }), "breaking", "compatible"],
  ["a schema that is none", object({ a: s }), object({ a: 7 }), "breaking", "breaking"],
  [
    "what stands beside a reference",
    { ...ref("A"), properties: { p: i } },
    { ...ref("A"), properties: { p: s } },
    "breaking",
    "breaking",
  ],
  [
    "a property that a condition lists",
    object({ a: s }, { if: object({ a: s }), ...then(object({ p: i })) }),
    object({ a: s, p: s }),
    "breaking",
    "breaking",
  ],
  ["a type that is none", s, { type: "strnig" }, "breaking", "breaking"],
  ["a reference inlined", object({ a: ref("A") }), object({ a: object({ a: s }) }), "annotation", "annotation"],
  ["another definition", object({ a: ref("A") }), object({ a: ref("B") }), "breaking", "breaking"],
  [
    "a recursive schema unrolled once",
    ref("N"),
    object({ next: object({ next: ref("N"), v: s }), v: s }),
    "annotation",
    "annotation",
  ],
  ["a reference out of the document", s, { $ref: "https://example.com/a.json" }, "breaking", "breaking"],
  ["anything", object({ a: s }), {}, "compatible", "breaking"],
  ["nothing", s, false, "breaking", "compatible"],
  ["no payload", undefined, s, "breaking", "compatible"],
  [
    "arktype's union of literals",
    { anyOf: [{ const: "a" }, { const: "b" }] },
    { enum: ["a", "b", "c"] },
    "compatible",
    "breaking",
  ],
  [
    "effect's number",
    { anyOf: [n, { type: "string", enum: ["NaN"] }] },
    { anyOf: [n, { type: "string", enum: ["NaN", "Infinity"] }] },
    "compatible",
    "breaking",
  ],
  [
    "a schema with a language of its own",
    { schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: { type: "int" } },
    { schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: { type: "long" } },
    "breaking",
    "breaking",
  ],
  [
    "draft 2020-12 by name",
    { schemaFormat: "application/schema+json;version=draft-2020-12", schema: { $defs: { A: i }, $ref: "#/$defs/A" } },
    { schemaFormat: "application/schema+json;version=draft-2020-12", schema: { $defs: { A: n }, $ref: "#/$defs/A" } },
    "compatible",
    "breaking",
  ],
];

describe("a change of a schema", () => {
  test.each(table)("%s", (_, old, now, receive, send) => {
    const of = (action: "receive" | "send"): Verdict =>
      verdict(documentWith(action, old, shared), documentWith(action, now, shared));
    expect({ receive: of("receive"), send: of("send") }).toEqual({ receive, send });
  });

  test("has a pointer, a path and one sentence", () => {
    const before = documentWith("receive", object({ items: { type: "array", items: object({ a: i }) } }));
    const after = documentWith(
      "receive",
      object({ items: { type: "array", items: object({ a: { ...i, minimum: 3 } }) } }),
    );
    expect(diffDocuments(before, after)).toEqual([
      {
        code: "schema-bound",
        severity: "breaking",
        direction: "receive",
        pointer: "/channels/c/messages/m/payload/properties/items/items/properties/a/minimum",
        document: "new",
        operation: "o",
        message: "payload.items[].a: minimum 3 applies now",
      },
    ]);
  });

  test("is told once, wherever the definition is used in a value, and where it is defined", () => {
    const N = object({ next: ref("N"), v: { ...s, maxLength: 3 } });
    const changes = diffDocuments(documentWith("receive", ref("N"), shared), documentWith("receive", ref("N"), { N }));
    expect(changes.map(({ pointer, message }) => `${pointer} ${message}`)).toEqual([
      "/components/schemas/N/properties/v/maxLength payload.v: maxLength 3 applies now",
    ]);
  });

  test("of recursive schemas is proven, not followed for ever", () => {
    const list = (v: object): object =>
      object({ next: { anyOf: [ref("N"), { type: "null" }] }, v }, { required: ["v"] });
    const of = (v: object): AsyncApiDocument => documentWith("receive", ref("N"), { N: list(v) });
    expect(verdict(of(i), of(n))).toBe("compatible");
    expect(verdict(of(n), of(i))).toBe("breaking");
  });

  test("that takes too long to understand is unknown", () => {
    const twice = (name: string): object => ({ allOf: [ref(name), ref(name)], anyOf: [ref(name), ref(name)] });
    const chain = Object.fromEntries(Array.from({ length: 40 }, (_, k) => [`C${k}`, twice(`C${k + 1}`)]));
    const of = (end: object): AsyncApiDocument => documentWith("receive", ref("C0"), { ...chain, C40: end });
    const started = performance.now();
    expect(verdict(of(i), of({ ...n, maximum: 3 }))).toBe("breaking");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("strict counts properties that an open object may have unlisted", () => {
    const [before, after] = [object({ a: s }), object({ a: s, b: i })].map((one) => documentWith("receive", one));
    const worst = diffDocuments(before!, after!, { strict: true })[0];
    expect(worst).toMatchObject({ severity: "breaking", code: "schema-property-declared" });
  });
});
