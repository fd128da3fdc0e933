import { ContractError, createApp, defineChannel, OptionError } from "millrace";
import { contractOf, emitOperations, implement } from "millrace/asyncapi";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AsyncApiDocument, AsyncApiMessage, JsonSchema } from "../../src/asyncapi/document.ts";
import { createProject, type Project } from "./project.ts";

type Messages = Readonly<Record<string, AsyncApiMessage>>;

/** A document of somebody else: no topic, one channel for each operation. */
function foreign(channels: Readonly<Record<string, Messages>>, schemas: object = {}): AsyncApiDocument {
  return {
    asyncapi: "3.0.0",
    info: { title: "Foreign", version: "1" },
    channels: Object.fromEntries(Object.entries(channels).map(([key, messages]) => [key, { address: key, messages }])),
    operations: Object.fromEntries(
      Object.keys(channels).map((key) => [key, { action: "receive", channel: { $ref: `#/channels/${key}` } }]),
    ),
    components: { schemas: schemas as Record<string, JsonSchema> },
  };
}

const number = { payload: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } };

describe("implement", () => {
  test("takes a mere document: payloads are validated against it, headers are none of its business", async () => {
    const seen: unknown[] = [];
    const router = implement(foreign({ numbers: { m: number } }), {
      numbers: ({ payload }) => void seen.push(payload),
    });
    const app = createApp({ server: inMemory(), logger: false }).include(router);
    const client = createTestClient(app, { throwOnError: false, throwOnUnrouted: false });
    await client.publishJson("numbers", { n: 1 });
    await client.publishJson("numbers", { n: "1" });
    expect(seen).toEqual([{ n: 1 }]);
    expect(client.processed().map(({ outcome }) => outcome)).toEqual(["ack", "nack"]);
    await client.close();
  });

  test("refuses missing and superfluous handlers, and names them", () => {
    const document = foreign({ a: { m: number }, b: { m: number } });
    const attempt = (): unknown => implement(document, { b: () => {}, c: () => {} });
    expect(attempt).toThrow(ContractError);
    expect(attempt).toThrow(/no handler for "a"; handlers for "c"/);
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({ code: "CONTRACT_MISMATCH", missing: ["a"], extra: ["c"] });
    }
  });

  test("does not guess which of two operations on one channel a message is for", () => {
    const one = foreign({ a: { m: number } });
    const operations = { ...one.operations, second: { action: "receive" as const, channel: { $ref: "#/channels/a" } } };
    const document = { ...one, operations };
    const handlers = { a: () => {}, second: () => {} };
    expect(() => implement(document, handlers)).toThrow(/share the channel a/);
    const routed = { handler: () => {}, routing: () => () => true };
    expect(() => implement(document, { a: routed, second: routed })).not.toThrow();
  });

  test("several messages of one operation are a union", async () => {
    const seen: unknown[] = [];
    const document = foreign({ both: { n: number, s: { payload: { type: "string" } } } });
    const app = createApp({ server: inMemory(), logger: false });
    app.include(implement(document, { both: ({ payload }) => void seen.push(payload) }));
    const client = createTestClient(app, { throwOnError: false });
    for (const value of [{ n: 1 }, "text", 7]) await client.publishJson("both", value);
    expect(seen).toEqual([{ n: 1 }, "text"]);
    await client.close();
  });
});

describe("references", () => {
  test.each(["./other.json", "https://example.com/a.json", "file:///etc/passwd", "#/components/schemas/None"])(
    "%s is refused, neither read nor fetched",
    ($ref) => {
      const document = foreign({ a: { m: { payload: { type: "object", properties: { x: { $ref } } } } } });
      expect(() => contractOf(document)).toThrow(OptionError);
      expect(() => emitOperations(document)).toThrow(/leads to nothing in the document/);
    },
  );

  test("are followed within the document, in circles, too", () => {
    const node = { type: "object", properties: { next: { $ref: "#/components/schemas/a%20node~1x" } } };
    const document = foreign(
      { a: { m: { payload: { $ref: "#/components/schemas/a%20node~1x" } } } },
      { "a node/x": node },
    );
    const schema = contractOf(document).receive["a"]?.schemas.payload;
    expect(schema?.["~standard"].validate({ next: { next: {} } })).toEqual({ value: { next: { next: {} } } });
    expect(schema?.["~standard"].validate({ next: { next: 1 } })).toHaveProperty("issues");
    expect(emitOperations(document)).toContain("export type ANodeX = {\n  readonly next?: ANodeX | undefined;\n};");
  });

  test("channels are those of the app, whatever their addresses look like", () => {
    const app = createApp({ server: inMemory(), logger: false });
    const tenant = defineChannel({ address: "{a b}.x{y}", parameters: { y: { enum: ["1", "2"] } } });
    app.actor({ name: "one", channel: tenant }, () => {});
    app.actor({ name: "two", channel: "a {b/c} 100%" }, () => {});
    const { one, two } = contractOf(app.asyncapi()).receive;
    expect(one?.channel).toMatchObject({ address: "{a b}.x{y}", parameters: { y: { enum: ["1", "2"] } } });
    expect(two?.channel.address).toBe("a {b/c} 100%");
  });

  test("what is no AsyncAPI 3 document is refused", () => {
    for (const one of [{}, { asyncapi: "2.6.0" }, null, "3.0.0"]) {
      expect(() => emitOperations(one as never)).toThrow(OptionError);
    }
    const nowhere = foreign({ a: { m: number } });
    const channels = { a: { address: null } };
    expect(() => emitOperations({ ...nowhere, channels })).toThrow(/without address/);
  });
});

describe("the generated module", { timeout: 60_000 }, () => {
  let project: Project;
  beforeAll(() => {
    project = createProject();
  });
  afterAll(() => project.remove());

  test("compiles, whatever a document calls things, and runs nothing of it", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it must stay text in generated code, too
    const evil = "*/ process.exit(66); /* ${process.exit(66)} `\"'\\ \u2028 </script>";
    const payload = {
      type: "object",
      title: evil,
      description: evil,
      properties: {
        [evil]: { const: evil, description: evil },
        ["__proto__"]: { type: "integer" },
        constructor: { type: "string" },
        "a-b": { enum: [evil, 1, null, { x: [evil] }] },
      },
      required: [evil, "not listed"],
    };
    const parsed = JSON.parse(
      JSON.stringify(payload).replace('"constructor"', '"__proto__":{"type":"integer"},"constructor"'),
    );
    const keys = [evil, "class", "contract", "schemas", "1", "a-b", "a_b", "", "defineOperation"];
    const document = foreign(
      Object.fromEntries(
        keys.map((key) => [
          key === "" ? "empty" : key,
          { m: { payload: { $ref: "#/components/schemas/Record" }, name: evil } },
        ]),
      ),
      { Record: parsed, Readonly: { type: "object" } },
    );
    const fixed = {
      ...document,
      operations: Object.fromEntries(
        Object.keys(document.channels ?? {}).map((key) => [
          key,
          {
            action: "receive",
            title: evil,
            channel: { $ref: `#/channels/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}` },
          },
        ]),
      ),
    } as AsyncApiDocument;
    const text = emitOperations(fixed);
    project.write({
      "evil.ts": text,
      "use.ts": 'import { contract } from "./evil.ts"; console.log(Object.keys(contract.receive).length);',
    });
    expect(await project.tsc({ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true }, "use.ts")).toBe("");
    expect(await project.node("use.ts")).toEqual({
      code: 0,
      stdout: `${Object.keys(fixed.operations ?? {}).length}\n`,
      stderr: "",
    });
  });

  test("types say what schemas say", async () => {
    const schemas = {
      Union: { anyOf: [{ type: "string" }, { type: "array", items: { type: "number" } }] },
      Tuple: { type: "array", items: [{ type: "string" }, { type: "boolean" }], minItems: 1, additionalItems: false },
      Map: { type: "object", additionalProperties: { type: "integer" } },
      Both: {
        allOf: [
          { $ref: "#/components/schemas/Map" },
          { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
        ],
      },
      Kinds: { oneOf: [{ type: "object", properties: { k: { const: "a" } }, required: ["k"] }, { type: "null" }] },
      Free: {},
      Never: { type: "object", properties: { no: false } },
    };
    const all = Object.fromEntries(
      Object.keys(schemas).map((name) => [name.toLowerCase(), { $ref: `#/components/schemas/${name}` }]),
    );
    const payload = { type: "object", properties: all, required: Object.keys(all) };
    project.write({
      "types.ts": emitOperations(foreign({ all: { m: { payload } } }, schemas)),
      "check.ts": `
        import type { Both, Free, Kinds, Map, Tuple, Union } from "./types.ts";
        type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
        export const checks: readonly true[] = [
          true satisfies Same<Union, string | readonly number[]>,
          true satisfies Same<Tuple, readonly [string, boolean?]>,
          true satisfies Same<Map, { readonly [name: string]: number }>,
          true satisfies Same<Both["a"], number>,
          true satisfies Same<Kinds, { readonly k: "a" } | null>,
          true satisfies Same<Free, unknown>,
        ];`,
    });
    expect(await project.tsc({}, "check.ts")).toBe("");
  });
});
