import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { Schema } from "effect";
import { type App, createApp, OptionError, type ToJsonSchema } from "millrace";
import { jsonSchema, withJsonSchema } from "millrace/json-schema";
import { inMemory } from "millrace/memory";
import Type from "typebox";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { AnySchema } from "../../src/server/schema.ts";
import { at, diagnosticsOf } from "./official.ts";

function appOf(schemas: Readonly<Record<string, AnySchema>>, options: { toJsonSchema?: ToJsonSchema } = {}): App {
  const app: App = createApp({ server: inMemory(), topicHeader: false, ...options });
  for (const [name, payload] of Object.entries(schemas)) app.actor({ name, payload }, () => {});
  return app;
}

async function schemasOf(schemas: Readonly<Record<string, AnySchema>>): Promise<object> {
  const document = appOf(schemas).asyncapi();
  expect(await diagnosticsOf(document)).toEqual([]);
  return { ...document.components?.schemas };
}

const payloadOf = (schema: AnySchema, options = {}) =>
  at(appOf({ a: schema }, options).asyncapi(), "components", "messages", "a", "payload");

const person = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const node = (name: string, next: object = { $ref: `#/components/schemas/${name}` }) => ({
  type: "object",
  properties: { v: { type: "string" }, next },
  required: ["v"],
});

interface Node {
  readonly v: string;
  readonly next?: Node | undefined;
}

describe("every library", () => {
  test("zod: names of its own, shared and recursive schemas", async () => {
    const named = z.object({ name: z.string() }).meta({ id: "Person" });
    const tree: z.ZodType<Node, Node> = z.object({
      v: z.string(),
      get next() {
        return tree.optional();
      },
    });
    const schemas = await schemasOf({
      a: z.object({ one: named, many: z.array(named) }),
      b: named,
      c: tree,
      d: z.object({ left: tree, right: tree }),
    });
    expect(schemas).toEqual({
      aPayload: {
        type: "object",
        properties: {
          one: { $ref: "#/components/schemas/Person" },
          many: { type: "array", items: { $ref: "#/components/schemas/Person" } },
        },
        required: ["one", "many"],
      },
      Person: person,
      cPayload: node("cPayload", { allOf: [{ $ref: "#/components/schemas/cPayload" }] }),
      dPayload: expect.objectContaining({ required: ["left", "right"] }),
      dPayloadPart1: node("dPayloadPart1", { allOf: [{ $ref: "#/components/schemas/dPayloadPart1" }] }),
    });
  });

  test("valibot, wrapped by toStandardJsonSchema", async () => {
    const tree: v.GenericSchema<Node> = v.object({ v: v.string(), next: v.optional(v.lazy(() => tree)) });
    const schemas = await schemasOf({
      a: toStandardJsonSchema(v.object({ name: v.string() })),
      b: toStandardJsonSchema(tree),
    });
    expect(schemas).toMatchObject({ aPayload: person });
    expect(JSON.stringify(schemas)).toContain('"$ref":"#/components/schemas/bPayloadPart1"');
  });

  test("arktype: names that it makes up anew in every process do not show", async () => {
    const tree = type({ v: "string", "next?": "this" });
    const schemas = await schemasOf({ a: type({ name: "string" }), b: tree });
    expect(schemas).toEqual({ aPayload: person, bPayloadPart1: node("bPayloadPart1") });
  });

  test("effect, wrapped by both of its functions", async () => {
    class Person extends Schema.Class<Person>("Person")({ name: Schema.String }) {}
    const wrap = <S extends Schema.Codec<unknown>>(schema: S) =>
      Schema.toStandardJSONSchemaV1(Schema.toStandardSchemaV1(schema));
    const schemas = await schemasOf({ a: wrap(Person), b: wrap(Schema.Struct({ one: Person, other: Person })) });
    expect(schemas).toEqual({
      PersonEncoded: { ...person, additionalProperties: true },
      bPayload: {
        type: "object",
        properties: {
          one: { $ref: "#/components/schemas/PersonEncoded" },
          other: { $ref: "#/components/schemas/PersonEncoded" },
        },
        required: ["one", "other"],
        additionalProperties: true,
      },
    });
  });

  test("TypeBox and raw JSON Schema, with the references that each of them writes", async () => {
    const cyclic = Type.Cyclic({ N: Type.Object({ v: Type.String(), next: Type.Optional(Type.Ref("N")) }) }, "N");
    const raw = {
      type: "object",
      title: "Raw thing",
      properties: {
        byDefs: { $ref: "#/$defs/Person" },
        byDefinitions: { $ref: "#/definitions/Person" },
        inside: { $ref: "#/$defs/Person/properties/name" },
        ownPart: { $ref: "#/properties/byDefs" },
        self: { $ref: "#" },
        $ref: { type: "string" },
      },
      $defs: { Person: person, Unused: { type: "null" } },
      definitions: { Person: { type: "object", description: "another" } },
    };
    const schemas = await schemasOf({
      a: jsonSchema(Type.Object({ name: Type.String() })),
      b: jsonSchema(cyclic),
      c: jsonSchema(Type.Object({ nested: cyclic })),
      d: jsonSchema(raw),
    });
    const own = (path: string) => ({ $ref: `#/components/schemas/${path}` });
    expect(schemas).toEqual({
      aPayload: person,
      N: node("N"),
      cPayload: { type: "object", properties: { nested: own("N") }, required: ["nested"] },
      Raw_thing: {
        type: "object",
        title: "Raw thing",
        properties: {
          byDefs: own("Person"),
          byDefinitions: own("Person_2"),
          inside: own("Person/properties/name"),
          ownPart: own("Raw_thing/properties/byDefs"),
          self: own("Raw_thing"),
          $ref: { type: "string" },
        },
      },
      Person: person,
      Person_2: { type: "object", description: "another" },
    });
  });

  test("a newer dialect of JSON Schema stays as it is, in an envelope that names it", async () => {
    const pair = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $defs: { A: { type: "string" } },
      type: "array",
      prefixItems: [{ $ref: "#/$defs/A" }],
    };
    const document = appOf({ a: jsonSchema(pair) }).asyncapi();
    expect(at(document, "components", "messages", "a", "payload")).toEqual({ $ref: "#/components/schemas/aPayload" });
    expect(document.components?.schemas?.["aPayload"]).toEqual({
      schemaFormat: "application/schema+json;version=draft-2020-12",
      schema: { ...pair, prefixItems: [{ $ref: "#/components/schemas/aPayload/schema/$defs/A" }] },
    });
    expect(await diagnosticsOf(document)).toEqual([]);
  });

  test("an own converter of the app is asked first", () => {
    const toJsonSchema: ToJsonSchema = (schema, part) =>
      schema["~standard"].vendor === "valibot" && part === "payload" ? { type: "string", title: "own" } : undefined;
    expect(payloadOf(v.number(), { toJsonSchema })).toEqual({ type: "string", title: "own" });
    expect(payloadOf(z.number(), { toJsonSchema })).toEqual({ type: "number" });
  });
});

describe("names of schemas", () => {
  test("equal ones are shared, different ones of one name are kept apart, whatever refers to them", async () => {
    const make = (extra: object) => {
      const item = z.object({ id: z.string(), ...extra }).meta({ id: "Item" });
      return z.object({ item }).meta({ id: "Box" });
    };
    const schemas = await schemasOf({ a: make({}), b: make({ n: z.number() }), c: make({}) });
    expect(Object.keys(schemas)).toEqual(["Box", "Item", "Box_2", "Item_2"]);
    expect(at(schemas, "Box_2", "properties", "item")).toEqual({ $ref: "#/components/schemas/Item_2" });
  });

  test("do not depend on what else the process has done", () => {
    const text = () => JSON.stringify(appOf({ b: type({ v: "string", "next?": "this" }) }).asyncapi());
    const first = text();
    type({ other: "number", "more?": "this" });
    expect(text()).toBe(first);
  });

  test("texts and numbers stay where they are used", () => {
    expect(payloadOf(z.string().min(1))).toEqual({ type: "string", minLength: 1 });
    expect(payloadOf(z.unknown())).toEqual({});
  });
});

describe("the form on the wire", () => {
  test("is the input: defaults are optional, transformations show what goes in", () => {
    const schema = z.object({ n: z.number().default(1), s: z.string().transform(Number), b: z.stringbool() });
    expect(at(appOf({ a: schema }).asyncapi(), "components", "schemas", "aPayload")).toEqual({
      type: "object",
      properties: { n: { type: "number", default: 1 }, s: { type: "string" }, b: { type: "string" } },
      required: ["s", "b"],
    });
  });

  test("is that of JSON for what is coerced", () => {
    expect(payloadOf(z.coerce.date())).toEqual({ type: "string", format: "date-time" });
    expect(payloadOf(z.coerce.bigint())).toEqual({ type: "string", pattern: "^-?\\d+$" });
  });

  test.each([
    ["zod Date", z.object({ deep: z.array(z.date()) }), "/properties/deep/items: no JSON value is a Date"],
    ["zod bigint", z.bigint(), "no JSON value is a bigint"],
    ["zod Map", z.object({ m: z.map(z.string(), z.number()) }), "no JSON value is a Map"],
    ["arktype Date", type({ when: "Date" }), "/properties/when: no JSON value is a Date"],
    ["arktype bigint", type({ n: "bigint" }), "no JSON value is a bigint"],
    ["valibot Date", toStandardJsonSchema(v.object({ when: v.date() })), "/properties/when: no JSON value is a Date"],
  ])("%s can never arrive and is refused, with its place", (_, schema, message) => {
    expect(() => appOf({ "my actor": schema }).asyncapi()).toThrow(OptionError);
    expect(() => appOf({ "my actor": schema }).asyncapi()).toThrow(message);
    expect(() => appOf({ "my actor": schema }).asyncapi()).toThrow("The payload of my actor");
  });

  test("as one of several alternatives it is one that is never taken", () => {
    expect(payloadOf(z.union([z.date(), z.iso.date()]))).toEqual({
      $ref: "#/components/schemas/aPayload",
    });
    const document = appOf({ a: z.union([z.date(), z.string()]) }).asyncapi();
    expect(at(document, "components", "schemas", "aPayload", "anyOf")).toEqual([
      { not: {}, "x-unrepresentable": "no JSON value is a Date" },
      { type: "string" },
    ]);
  });

  test("with a codec of one's own any value may arrive", () => {
    const app: App = createApp({ server: inMemory(), topicHeader: false });
    const codec = {
      contentType: "application/cbor",
      accepts: () => true,
      encode: () => new Uint8Array(),
      decode: () => new Date(0),
    };
    app.actor({ name: "a", payload: z.date(), codec }, () => {});
    expect(at(app.asyncapi(), "components", "messages", "a", "payload")).toEqual({
      "x-unrepresentable": "JSON Schema cannot say what this date accepts",
    });
  });

  test("headers are texts, whatever they become", () => {
    const app: App = createApp({ server: inMemory(), topicHeader: false });
    app.actor({ name: "a", headers: z.object({ n: z.coerce.number(), at: z.coerce.date() }) }, () => {});
    expect(at(app.asyncapi(), "components", "messages", "a", "headers", "properties")).toEqual({
      n: { type: "string" },
      at: { type: "string", format: "date-time" },
    });
  });
});

describe("what JSON Schema cannot say", () => {
  const cases: readonly (readonly [string, AnySchema, object])[] = [
    ["a custom check of zod", z.custom<string>(() => true), { "x-unrepresentable": expect.stringContaining("custom") }],
    ["a predicate of arktype", type("string.date.parse"), { type: "string", "x-unrepresentable": expect.any(String) }],
    ["valibot as it is", v.string(), { "x-unrepresentable": expect.stringContaining("toStandardJsonSchema()") }],
    [
      "effect without its JSON Schema",
      Schema.toStandardSchemaV1(Schema.String),
      { "x-unrepresentable": expect.stringContaining("toStandardJSONSchemaV1()") },
    ],
  ];

  test.each(cases)("%s is marked, and refused with strict", (_, schema, expected) => {
    expect(payloadOf(schema)).toEqual(expected);
    expect(() => appOf({ a: schema }).asyncapi({ strict: true })).toThrow(OptionError);
  });

  test("can be said by hand", () => {
    expect(payloadOf(withJsonSchema(v.string(), { type: "string", pattern: "x" }))).toEqual({
      type: "string",
      pattern: "x",
    });
  });

  test("a library that throws is told by name, a converter that gives no schema too", () => {
    const broken = {
      "~standard": {
        ...z.string()["~standard"],
        vendor: "broken",
        jsonSchema: {
          input: () => {
            throw new Error("no way");
          },
        },
      },
    } as unknown as AnySchema;
    expect(payloadOf(broken)).toEqual({ "x-unrepresentable": "broken could not say it: no way" });
    expect(() => appOf({ a: z.string() }, { toJsonSchema: () => 1 as never }).asyncapi()).toThrow(OptionError);
    const failing = {
      toJsonSchema: () => {
        throw new Error("oops");
      },
    };
    expect(() => appOf({ a: z.string() }, failing).asyncapi()).toThrow(OptionError);
  });
});
