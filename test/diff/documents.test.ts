import { diffDocuments } from "millrace/asyncapi";
import { describe, expect, test } from "vitest";
import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";

/** A document with a part of everything; tests change one place of it. */
const base = {
  asyncapi: "3.1.0",
  info: { title: "Orders", version: "1.0.0" },
  defaultContentType: "application/json",
  servers: {
    main: {
      host: "{stage}.example.com",
      protocol: "amqp",
      variables: { stage: { enum: ["dev", "live"], default: "live" } },
      security: [{ $ref: "#/components/securitySchemes/password" }],
    },
    other: { host: "o.example.com", protocol: "amqp" },
  },
  channels: {
    orders: {
      address: "orders.{tenant}",
      servers: [{ $ref: "#/servers/main" }, { $ref: "#/servers/other" }],
      parameters: { tenant: { enum: ["a", "b"], description: "t" } },
      messages: { create: { $ref: "#/components/messages/create" }, cancel: { payload: { type: "string" } } },
    },
    events: {
      address: "events",
      messages: { created: { payload: { type: "object", properties: { id: { type: "string" } } } } },
    },
    replies: {
      address: null,
      messages: { created: { payload: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] } } },
    },
    catalogue: { address: "catalogue", messages: { item: { payload: { type: "integer" } } } },
  },
  operations: {
    create: {
      action: "receive",
      channel: { $ref: "#/channels/orders" },
      messages: [{ $ref: "#/channels/orders/messages/create" }, { $ref: "#/channels/orders/messages/cancel" }],
      reply: {
        address: { location: "$message.header#/reply-to" },
        channel: { $ref: "#/channels/replies" },
        messages: [{ $ref: "#/channels/replies/messages/created" }],
      },
    },
    created: { action: "send", channel: { $ref: "#/channels/events" } },
  },
  components: {
    securitySchemes: { password: { type: "userPassword" }, key: { type: "apiKey", in: "user" } },
    messages: {
      create: {
        name: "create",
        payload: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
        headers: { type: "object", properties: { "x-a": { type: "string" } } },
        traits: [{ contentType: "application/json", correlationId: { location: "$message.header#/c" } }],
      },
    },
  },
};

type Edit = readonly [path: string, value: unknown];
type Draft = Record<string, never>;

/** Sets or (with `undefined`) removes what is at the path. */
function change(...edits: readonly Edit[]): AsyncApiDocument {
  const copy = structuredClone(base) as unknown as Draft;
  for (const [path, value] of edits) {
    const keys = path.split("/");
    const last = keys.pop() as string;
    const at = keys.reduce<Draft>((one, key) => one[key] as unknown as Draft, copy);
    if (value === undefined) delete at[last];
    else at[last] = value as never;
  }
  return copy as unknown as AsyncApiDocument;
}

const document = base as unknown as AsyncApiDocument;
const summary = (before: AsyncApiDocument, after: AsyncApiDocument): string[] =>
  diffDocuments(before, after).map(({ severity, code, direction }) => `${severity} ${code} ${direction}`);

const string = { type: "string" };
const wide = { type: ["object", "null"] };
const reply = "channels/replies/messages/created/payload";
const createPayload = "components/messages/create/payload";
const security = "servers/main/security";

/** What changes, and what is told of it there and back. */
const table: readonly (readonly [what: string, edits: readonly Edit[], there: string[], back: string[]])[] = [
  ["a title", [["info/title", "x"]], ["annotation annotation-changed both"], ["annotation annotation-changed both"]],
  [
    "a server",
    [["servers/new", { host: "h", protocol: "p" }]],
    ["compatible server-added both"],
    ["breaking server-removed both"],
  ],
  ["the host", [["servers/main/host", "h"]], ["breaking server-changed both"], ["breaking server-changed both"]],
  [
    "a value of a server variable",
    [["servers/main/variables/stage/enum", ["live"]]],
    ["breaking server-variable-changed both"],
    ["compatible server-variable-changed both"],
  ],
  [
    "the default of a server variable",
    [["servers/main/variables/stage/default", "dev"]],
    ["breaking server-variable-changed both"],
    ["breaking server-variable-changed both"],
  ],
  [
    "a second security scheme",
    [[security, [...base.servers.main.security, { $ref: "#/components/securitySchemes/key" }]]],
    ["compatible security-added both"],
    ["breaking security-removed both"],
  ],
  [
    "no security any more",
    [[security, undefined]],
    ["compatible security-removed both"],
    ["breaking security-added both"],
  ],
  [
    "another scheme of one name",
    [["components/securitySchemes/password/type", "plain"]],
    ["breaking security-removed both", "compatible security-added both"],
    ["breaking security-removed both", "compatible security-added both"],
  ],
  [
    "bindings of a server",
    [["servers/main/bindings", { amqp: {} }]],
    ["breaking bindings-changed both"],
    ["breaking bindings-changed both"],
  ],
  [
    "the address",
    [["channels/events/address", "e"]],
    ["breaking address-changed send"],
    ["breaking address-changed send"],
  ],
  [
    "a server of a channel",
    [["channels/orders/servers", [{ $ref: "#/servers/main" }]]],
    ["breaking channel-server-removed receive"],
    ["compatible channel-server-added receive"],
  ],
  [
    "a value of a parameter, received",
    [["channels/orders/parameters/tenant/enum", ["a"]]],
    ["breaking parameter-changed receive"],
    ["compatible parameter-changed receive"],
  ],
  [
    "an operation",
    [["operations/created", undefined]],
    ["breaking operation-removed send"],
    ["compatible operation-added send"],
  ],
  [
    "the action",
    [["operations/created/action", "receive"]],
    ["breaking operation-action-changed both"],
    ["breaking operation-action-changed both"],
  ],
  [
    "a message that is received",
    [["operations/create/messages", base.operations.create.messages.slice(0, 1)]],
    ["breaking message-removed receive"],
    ["compatible message-added receive"],
  ],
  [
    "a message that is sent",
    [["channels/events/messages/more", { payload: {} }]],
    ["breaking message-added send"],
    ["compatible message-removed send"],
  ],
  [
    "the name of a message",
    [["components/messages/create/name", "x"]],
    ["breaking message-name-changed receive"],
    ["breaking message-name-changed receive"],
  ],
  [
    "the content type, in a trait",
    [
      [
        "components/messages/create/traits",
        [{ contentType: "text/plain", correlationId: { location: "$message.header#/c" } }],
      ],
    ],
    ["breaking content-type-changed receive"],
    ["breaking content-type-changed receive"],
  ],
  [
    "the content type in other words",
    [["components/messages/create/contentType", "Application/JSON"]],
    ["annotation annotation-changed both"],
    ["annotation annotation-changed both"],
  ],
  [
    "the correlation id",
    [["components/messages/create/correlationId", { location: "$message.payload#/c" }]],
    ["breaking correlation-id-changed receive"],
    ["breaking correlation-id-changed receive"],
  ],
  [
    "a header",
    [["components/messages/create/headers/required", ["x-a"]]],
    ["breaking schema-required receive"],
    ["compatible schema-required receive"],
  ],
  [
    "headers of a trait",
    [["components/messages/create/traits/0/headers", { type: "object", required: ["x-b"] }]],
    ["breaking schema-required receive"],
    ["compatible schema-required receive"],
  ],
  [
    "the payload that is received",
    [[`${createPayload}/properties/id`, { type: ["string", "integer"] }]],
    ["compatible schema-type receive"],
    ["breaking schema-type receive"],
  ],
  [
    "the payload that is sent",
    [["channels/events/messages/created/payload/required", ["id"]]],
    ["compatible schema-required send"],
    ["breaking schema-required send"],
  ],
  [
    "the reply narrows",
    [
      [`${reply}/properties/more`, string],
      [`${reply}/required`, ["ok", "more"]],
    ],
    ["compatible schema-property-declared send", "compatible schema-required send"],
    ["breaking schema-required send", "compatible schema-property-declared send"],
  ],
  [
    "the reply widens",
    [[`${reply}`, { ...base.channels.replies.messages.created.payload, ...wide }]],
    ["breaking schema-type send"],
    ["compatible schema-type send"],
  ],
  [
    "a reply of what is received",
    [["operations/create/reply", undefined]],
    ["breaking reply-removed receive"],
    ["compatible reply-added receive"],
  ],
  [
    "a reply of what is sent",
    [["operations/created/reply", base.operations.create.reply]],
    ["breaking reply-added send"],
    ["compatible reply-removed send"],
  ],
  [
    "where replies go",
    [["operations/create/reply/address/location", "$message.payload#/r"]],
    ["breaking reply-address-changed receive"],
    ["breaking reply-address-changed receive"],
  ],
  [
    "the address of replies",
    [["channels/replies/address", "replies"]],
    ["breaking address-changed send"],
    ["breaking address-changed send"],
  ],
  [
    "a channel that nobody uses",
    [["channels/catalogue", undefined]],
    ["breaking channel-removed both"],
    ["compatible channel-added both"],
  ],
  [
    "a message of a channel that nobody uses",
    [["channels/catalogue/messages/item/payload", { type: "number" }]],
    ["breaking schema-type both"],
    ["breaking schema-type both"],
  ],
  [
    "an extension",
    [["operations/created/x-team", "a"]],
    ["annotation annotation-changed send"],
    ["annotation annotation-changed send"],
  ],
  [
    "a component that nobody uses",
    [["components/schemas", { A: string }]],
    ["annotation annotation-changed both"],
    ["annotation annotation-changed both"],
  ],
  [
    "a channel that is not there",
    [["operations/created/channel", { $ref: "#/channels/none" }]],
    ["breaking reference-unresolved send"],
    ["breaking reference-unresolved send"],
  ],
];

describe("a change of a document", () => {
  test("that is none is none, whatever the order of its keys", () => {
    const entries = Object.entries(base).reverse();
    expect(diffDocuments(document, Object.fromEntries(entries) as unknown as AsyncApiDocument)).toEqual([]);
  });

  test.each(table)("%s", (_, edits, there, back) => {
    const changed = change(...edits);
    expect(summary(document, changed)).toEqual(there);
    expect(summary(changed, document)).toEqual(back);
  });

  test("the default content type counts for messages that name none", () => {
    const found = summary(document, change(["defaultContentType", "application/cbor"]));
    expect([...new Set(found)].sort()).toEqual([
      "breaking content-type-changed both",
      "breaking content-type-changed receive",
      "breaking content-type-changed send",
    ]);
  });

  test("breaking ones come first, and each names its operation", () => {
    const changes = diffDocuments(
      document,
      change(["info/title", "x"], ["servers/new", { host: "h", protocol: "p" }], ["channels/events/address", "e"]),
    );
    expect(changes.map(({ severity, operation }) => `${severity} ${operation}`)).toEqual([
      "breaking created",
      "compatible undefined",
      "annotation undefined",
    ]);
  });

  test("documents of any form are compared without an error", () => {
    const odd: readonly unknown[] = [
      null,
      1,
      [],
      {},
      { operations: [] },
      { operations: { a: null, b: { $ref: "#/operations/b" } } },
      { channels: { c: { messages: { m: { traits: [1, null], payload: 7 } } } } },
    ];
    for (const one of odd) {
      for (const other of [...odd, document]) {
        expect(() => diffDocuments(one as AsyncApiDocument, other as AsyncApiDocument)).not.toThrow();
        expect(() => diffDocuments(other as AsyncApiDocument, one as AsyncApiDocument)).not.toThrow();
      }
    }
  });

  test("names of documents are harmless where they are shown", () => {
    const name = "\u001b[31m\u202eevil\n";
    const [change1] = diffDocuments(
      document,
      change(["servers", { ...base.servers, [name]: { host: "h", protocol: "p" } }]),
    );
    expect(change1?.message).toMatch(/^[ -~]*$/);
  });
});
