import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { type App, type AsyncApiDocument, createApp } from "millrace";
import { type LintRule, lintDocument } from "millrace/asyncapi";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { findMisfit } from "../../src/asyncapi/lint/misfit.ts";
import { diagnosticsOf } from "./official.ts";
import { sampleApp } from "./sample-app.ts";

/** A sound document, to be broken in one place. */
const sound = {
  asyncapi: "3.1.0",
  info: { title: "t", version: "1" },
  servers: {
    main: { host: "{stage}.example.com:1", protocol: "amqp", variables: { stage: { enum: ["a", "b"], default: "a" } } },
  },
  channels: {
    orders: {
      address: "orders.{region}",
      parameters: { region: { enum: ["eu"], default: "eu", location: "$message.payload#/region" } },
      messages: { Order: { $ref: "#/components/messages/Order" } },
    },
    replies: { address: null, messages: { Done: { name: "Done", payload: { type: "boolean" } } } },
  },
  operations: {
    take: {
      action: "receive",
      channel: { $ref: "#/channels/orders" },
      messages: [{ $ref: "#/channels/orders/messages/Order" }],
      reply: {
        address: { location: "$message.header#/reply-to" },
        channel: { $ref: "#/channels/replies" },
        messages: [{ $ref: "#/channels/replies/messages/Done" }],
      },
    },
  },
  components: {
    messages: {
      Order: {
        name: "Order",
        headers: { type: "object", properties: { a: { type: "string" } } },
        correlationId: { location: "$message.header#/a" },
        payload: { $ref: "#/components/schemas/Order" },
        examples: [{ payload: { region: "eu", lines: [{ sku: "x" }] }, headers: { a: "1" } }],
      },
    },
    schemas: {
      Order: {
        type: "object",
        properties: {
          region: { type: "string" },
          lines: { type: "array", items: { $ref: "#/components/schemas/Line" } },
        },
        required: ["region"],
      },
      Line: { type: "object", properties: { sku: { type: "string" } }, additionalProperties: false },
    },
  },
};

/** The sound document with another value in one place; `undefined` takes it away, `·` is a blank in a key. */
function broken(changes: Readonly<Record<string, unknown>>): AsyncApiDocument {
  const document: unknown = structuredClone(sound);
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(" ").map((key) => key.replaceAll("·", " "));
    const last = keys.pop() as string;
    let place = document as Record<string, unknown>;
    for (const key of keys) place = place[key] as Record<string, unknown>;
    if (value === undefined) delete place[last];
    else place[last] = value;
  }
  return document as AsyncApiDocument;
}

const cases: readonly (readonly [LintRule, string, Readonly<Record<string, unknown>>])[] = [
  [
    "missing-address",
    "/channels/orders",
    { "channels orders address": undefined, "channels orders parameters": undefined },
  ],
  ["address-characters", "/channels/orders/address", { "channels orders address": "orders?{region}" }],
  ["undeclared-parameter", "/channels/orders/address", { "channels orders address": "{tenant}.{region}" }],
  ["undeclared-parameter", "/channels/orders/address", { "channels orders parameters": undefined }],
  ["unused-parameter", "/channels/orders/parameters/other", { "channels orders parameters other": {} }],
  ["undeclared-variable", "/servers/main/pathname", { "servers main pathname": "/{version}" }],
  ["undeclared-variable", "/servers/main/host", { "servers main variables": undefined }],
  ["invalid-host", "/servers/main/host", { "servers main host": "amqp://{stage}.example.com" }],
  ["invalid-host", "/servers/main/host", { "servers main host": "" }],
  ["credentials", "/servers/main/description", { "servers main description": "at amqp://me:pw@host/x" }],
  ["credentials", "/info/description", { "info description": "see https://x.example.com/?token=abc for more" }],
  [
    "invalid-example",
    "/components/messages/Order/examples/0/payload",
    { "components messages Order examples": [{ payload: {} }] },
  ],
  [
    "invalid-example",
    "/components/messages/Order/examples/0/payload/lines/0/more",
    { "components messages Order examples": [{ payload: { region: "eu", lines: [{ more: 1 }] } }] },
  ],
  [
    "invalid-example",
    "/components/messages/Order/examples/0/headers/a",
    { "components messages Order examples": [{ headers: { a: 1 } }] },
  ],
  ["invalid-example", "/servers/main/variables/stage/default", { "servers main variables stage default": "c" }],
  [
    "invalid-example",
    "/channels/orders/parameters/region/default",
    { "channels orders parameters region default": "c" },
  ],
  [
    "headers-object",
    "/components/messages/Order/headers",
    { "components messages Order headers": { type: "string" }, "components messages Order examples": undefined },
  ],
  ["headers-object", "/components/messages/Order/headers", { "components messages Order headers": {} }],
  [
    "foreign-message",
    "/operations/take/reply/messages/1",
    { "operations take reply messages 1": { $ref: "#/channels/orders/messages/Order" } },
  ],
  [
    "foreign-message",
    "/operations/take/messages/1",
    { "operations take messages 1": { $ref: "#/channels/replies/messages/Done" } },
  ],
  [
    "unresolved-reference",
    "/components/messages/Order/traits/0/$ref",
    { "components messages Order traits": [{ $ref: "#/components/messageTraits/no" }] },
  ],
  [
    "unresolved-reference",
    "/components/schemas/Line/properties/sku/$ref",
    { "components schemas Line properties sku": { $ref: "#Sku" } },
  ],
  [
    "external-reference",
    "/components/schemas/Line/properties/sku/$ref",
    { "components schemas Line properties sku": { $ref: "./sku.json" } },
  ],
  [
    "invalid-key",
    "/components/schemas/a b",
    { "components schemas a·b": {}, "components schemas Order properties x": { $ref: "#/components/schemas/a%20b" } },
  ],
  [
    "unused-component",
    "/components/schemas/Lonely",
    { "components schemas Lonely": { items: { $ref: "#/components/schemas/Lonely" } } },
  ],
  ["unused-component", "/components/tags/t", { "components tags": { t: { name: "t" } } }],
  [
    "unused-message",
    "/channels/replies/messages/Late",
    { "channels replies messages Late": { name: "Late", payload: {} } },
  ],
  [
    "duplicate-name",
    "/channels/replies/messages/Done2",
    {
      "channels replies messages Done2": { name: "Done", payload: {} },
      "operations take reply messages 1": { $ref: "#/channels/replies/messages/Done2" },
    },
  ],
  [
    "duplicate-schema",
    "/components/schemas/Line_2",
    {
      "components schemas Line_2": {},
      "components schemas Order properties x": { $ref: "#/components/schemas/Line_2" },
    },
  ],
  [
    "duplicate-address",
    "/channels/second/address",
    { "channels second": { address: "orders.{region}", parameters: { region: {} } } },
  ],
  [
    "invalid-expression",
    "/components/messages/Order/correlationId/location",
    { "components messages Order correlationId location": "header#/a" },
  ],
  [
    "invalid-expression",
    "/operations/take/reply/address/location",
    { "operations take reply address location": "$message.header#a" },
  ],
  [
    "invalid-expression",
    "/channels/orders/parameters/region/location",
    { "channels orders parameters region location": "$message.body#/a" },
  ],
  [
    "invalid-schema",
    "/components/schemas/Line/properties/sku",
    { "components schemas Line properties sku": { minLength: -1 } },
  ],
  [
    "invalid-schema",
    "/channels/replies/messages/Done/payload/schema",
    {
      "channels replies messages Done payload": {
        schemaFormat: "application/schema+json;version=draft-2020-12",
        schema: { pattern: "(" },
      },
    },
  ],
  [
    "unrepresentable-schema",
    "/components/schemas/Line/properties/sku",
    { "components schemas Line properties sku": { "x-unrepresentable": "a custom check" } },
  ],
];

describe("lintDocument", () => {
  test("has nothing to say of a sound document, nor has the official parser", async () => {
    expect(lintDocument(broken({}))).toEqual([]);
    expect(await diagnosticsOf(broken({}))).toEqual([]);
  });

  test.each(cases)("%s is found, and nothing else, at %s", (rule, path, changes) => {
    expect(lintDocument(broken(changes)).map((finding) => `${finding.rule} ${finding.path}`)).toEqual([
      `${rule} ${path}`,
    ]);
  });

  test("every rule has a document that breaks it", () => {
    const all: Readonly<Record<LintRule, true>> = {
      "address-characters": true,
      credentials: true,
      "duplicate-address": true,
      "duplicate-name": true,
      "duplicate-schema": true,
      "external-reference": true,
      "foreign-message": true,
      "headers-object": true,
      "invalid-example": true,
      "invalid-expression": true,
      "invalid-host": true,
      "invalid-key": true,
      "invalid-schema": true,
      "missing-address": true,
      "undeclared-parameter": true,
      "undeclared-variable": true,
      "unrepresentable-schema": true,
      "unresolved-reference": true,
      "unused-component": true,
      "unused-message": true,
      "unused-parameter": true,
    };
    expect([...new Set(cases.map(([rule]) => rule))].sort()).toEqual(Object.keys(all).sort());
  });

  test("a host with user and password is both no host and a leak", () => {
    const found = lintDocument(broken({ "servers main host": "me:pw@{stage}.example.com" }));
    expect(found.map(({ rule }) => rule)).toEqual(["invalid-host", "credentials"]);
  });

  test("what looks like credentials and is none is left alone", () => {
    const description =
      "https://npmjs.com/@scope/name, http://localhost:8080/@me, mail me@example.com, 1 < 2 ? a=b : c";
    expect(lintDocument(broken({ "info description": description }))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["an empty document", {}],
    ["circles of references", { channels: { a: { $ref: "#/channels/b" }, b: { $ref: "#/channels/a" } } }],
    [
      "objects of the wrong form",
      {
        servers: [1],
        channels: { a: null, b: { messages: 1, parameters: [] } },
        operations: { c: { messages: {}, reply: 1, channel: 2 } },
        components: {
          messages: { m: 1, n: { examples: [null, 1], headers: 2, payload: true } },
          schemas: 3,
          tags: null,
        },
      },
    ],
  ])("%s breaks no rule of the program", (_, document) => {
    expect(Array.isArray(lintDocument(document as AsyncApiDocument))).toBe(true);
  });
});

describe("documents of apps", () => {
  test("the one that uses everything has findings only where it was asked for", () => {
    expect(lintDocument(sampleApp().asyncapi())).toEqual([
      expect.objectContaining({ rule: "address-characters", path: "/channels/notifications_more/address" }),
    ]);
  });

  test("examples that do not fit, and schemas that JSON Schema cannot say, are found", () => {
    const app: App = createApp({ server: inMemory() });
    const payload = z.object({ n: z.number(), c: z.custom<string>(() => true) });
    app.actor(
      { name: "a", payload, examples: [{ payload: { n: "1", c: "" } }, { payload: { n: 1, c: "" } }] },
      () => {},
    );
    expect(lintDocument(app.asyncapi()).map(({ rule, path }) => `${rule} ${path}`)).toEqual([
      "invalid-example /components/messages/a/examples/0/payload/n",
      "unrepresentable-schema /components/schemas/aPayload/properties/c",
    ]);
  });
});

describe("the check of examples", () => {
  const ajv = addFormats.default(new Ajv.default({ strict: false, logger: false }));
  const conditional = ([condition, yes, no]: readonly [object, object, object]): object =>
    Object.fromEntries(Object.entries({ if: condition, else: no }).concat([["then", yes]]));
  const leaf = fc.oneof(
    fc.record({ type: fc.constantFrom("string", "number", "integer", "boolean", "null", "array", "object") }),
    fc.record({
      type: fc.constant("integer"),
      minimum: fc.integer({ min: -3, max: 3 }),
      multipleOf: fc.constantFrom(1, 2, 0.5),
    }),
    fc.record({ exclusiveMinimum: fc.integer({ min: -2, max: 2 }), exclusiveMaximum: fc.integer({ min: -2, max: 4 }) }),
    fc.record({
      type: fc.constant("string"),
      minLength: fc.nat(2),
      maxLength: fc.nat(3),
      pattern: fc.constantFrom("^a", "b$", "."),
    }),
    fc.record({
      enum: fc.uniqueArray(fc.constantFrom<unknown>(1, "a", null, [1], { a: 1 }), {
        minLength: 1,
        selector: (one) => JSON.stringify(one),
      }),
    }),
    fc.record({ const: fc.constantFrom<unknown>(1, "a", null, [1], { a: 1 }) }),
    fc.record({ type: fc.constant("string"), format: fc.constantFrom("date", "date-time", "uuid", "email", "ipv4") }),
  );
  const { schema } = fc.letrec<{ schema: object; node: object }>((tie) => ({
    schema: fc.oneof({ maxDepth: 3, depthSize: "small" }, leaf, tie("node")),
    node: fc.oneof(
      fc.record({
        type: fc.constant("object"),
        properties: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("schema"), { maxKeys: 3 }),
        required: fc.uniqueArray(fc.constantFrom("a", "b"), { maxLength: 2 }),
        additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
      }),
      fc.record({
        patternProperties: fc.record({ "^a": tie("schema") }),
        propertyNames: fc.record({ maxLength: fc.nat(2) }),
      }),
      fc.record({
        minProperties: fc.nat(2),
        maxProperties: fc.nat(3),
        dependencies: fc.record({ a: fc.oneof(fc.constant(["b"]), tie("schema")) }),
      }),
      fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.nat(2), uniqueItems: fc.boolean() }),
      fc.record({
        items: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }),
        additionalItems: fc.oneof(fc.boolean(), tie("schema")),
      }),
      fc.record({ contains: tie("schema"), maxItems: fc.nat(3) }),
      ...(["allOf", "anyOf", "oneOf"] as const).map((key) =>
        fc.record({ [key]: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
      ),
      fc.record({ not: tie("schema") }),
      fc.tuple(tie("schema"), tie("schema"), tie("schema")).map(conditional),
    ),
  }));
  const text = fc.constantFrom(
    "",
    "a",
    "ab",
    "b",
    "😀",
    "2020-02-30",
    "2020-02-29",
    "2020-01-01T00:00:00Z",
    "a@b.co",
    "1.2.3.4",
  );
  // ajv counts digits of numbers with an exponent as if they were others, and stumbles over names that objects inherit.
  const value = fc
    .jsonValue({ maxDepth: 2 })
    .filter((one) => !/\de[+-]?\d|"(?:valueOf|toString|constructor|__proto__)"/.test(JSON.stringify(one)));
  const values = fc.oneof(
    value.map((one): unknown => one),
    text,
    fc.integer({ min: -4, max: 5 }),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), text), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "ab", "b", "c"), fc.oneof(text, fc.integer({ min: -2, max: 2 })), {
      maxKeys: 4,
    }),
  );

  test("agrees with ajv, for any schema and value", () => {
    fc.assert(
      fc.property(schema, fc.array(values, { minLength: 5, maxLength: 5 }), (one, candidates) => {
        const validate = ajv.compile(one);
        // Both are for JSON, whose objects have a prototype.
        for (const candidate of JSON.parse(JSON.stringify(candidates)) as unknown[]) {
          expect(findMisfit(candidate, one, {}) === undefined, JSON.stringify([one, candidate])).toBe(
            validate(candidate),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  test("ends with schemas that refer to themselves", () => {
    const document = { a: { $ref: "#/b" }, b: { anyOf: [{ $ref: "#/a" }, { type: "null" }] } };
    expect(findMisfit(1, document.a, document)).toBeUndefined();
  });
});

test("docs/asyncapi.md lists every rule with its severity", () => {
  const page = readFileSync(new URL("../../docs/asyncapi.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (error|warning|info) \|/gm)].flatMap(
    ([, names = "", severity = ""]) => [...names.matchAll(/[a-z-]+/g)].map(([name]) => [name, severity] as const),
  );
  const found = cases.flatMap(([, , changes]) => lintDocument(broken(changes)));
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(found.map(({ rule, severity }) => [rule, severity])));
});
