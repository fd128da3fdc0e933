import {
  type App,
  createApp,
  createRouter,
  DuplicateNameError,
  defineChannel,
  defineOperation,
  OptionError,
} from "millrace";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { at, diagnosticsOf } from "./official.ts";
import { described, notify, placeOrder, sampleApp } from "./sample-app.ts";

const small = (options = {}): App => createApp({ server: inMemory(), ...options }) as App;

describe("a document that uses everything", () => {
  const document = sampleApp().asyncapi();

  test("has no diagnostics of the official parser, as 3.1.0 and as 3.0.0", async () => {
    expect(await diagnosticsOf(document)).toEqual([]);
    const older = sampleApp().asyncapi({ version: "3.0.0" });
    expect(older).toEqual({ ...document, asyncapi: "3.0.0" });
    expect(await diagnosticsOf(older)).toEqual([]);
    expect(() => sampleApp().asyncapi({ version: "2.6.0" as "3.0.0" })).toThrow(OptionError);
  });

  test("is a plain JSON value of its own, the same every time, whatever was sent meanwhile", async () => {
    const app = sampleApp();
    const text = JSON.stringify(app.asyncapi());
    expect(JSON.parse(text)).toEqual(app.asyncapi());
    expect(JSON.stringify(sampleApp().asyncapi())).toBe(text);
    (app.asyncapi() as { info: unknown }).info = "changed";
    expect(JSON.stringify(app.asyncapi())).toBe(text);
  });

  test("tells of the app what it was given", () => {
    expect(document.info).toEqual({
      title: "Orders & </script><b>x</b>",
      version: "1.2.3",
      description: "Takes orders.",
      termsOfService: "https://example.com/terms",
      contact: { name: "Team", url: "https://example.com", email: "team@example.com" },
      license: { name: "MIT", url: "https://example.com/mit" },
      tags: [{ name: "sales", description: "All about selling", externalDocs: { url: "https://example.com/sales" } }],
      externalDocs: { url: "https://example.com/docs", description: "Documentation" },
    });
    expect(small().asyncapi().info).toEqual({ title: "millrace", version: "0.0.0" });
    expect(document.defaultContentType).toBe("application/json");
  });

  test("tells of servers all but their credentials", () => {
    expect(document.servers).toEqual({
      main: {
        host: "{stage}.example.com:5671",
        protocol: "amqp",
        protocolVersion: "1.0",
        pathname: "/v1",
        title: "Main",
        summary: "The broker",
        description: "Of the company",
        tags: [{ name: "production" }],
        externalDocs: { url: "https://example.com/broker" },
        variables: { stage: { enum: ["a", "b"], default: "a", description: "Stage", examples: ["b"] } },
        security: [{ $ref: "#/components/securitySchemes/userPassword_2" }],
        bindings: { amqp: {} },
      },
      events_eu: { host: "one:9092,two:9092", protocol: "kafka", pathname: "/x" },
      events: { host: "localhost", protocol: "in-memory" },
    });
    expect(JSON.stringify(document)).not.toMatch(/s3cret|user:pw/);
  });

  test("has one channel per address, with address, servers, parameters and its metadata", () => {
    expect(Object.keys(document.channels ?? {})).toEqual([
      "orders.region.kind",
      "work",
      "literal_braces",
      "notifications_more",
      "replies",
    ]);
    expect(document.channels?.["orders.region.kind"]).toEqual({
      address: "orders.{region}.{kind}",
      title: "Orders",
      summary: "All orders",
      description: "Every order of a **region**.",
      tags: [{ name: "sales", description: "All about selling", externalDocs: { url: "https://example.com/sales" } }],
      externalDocs: { url: "https://example.com/orders", description: "More" },
      servers: [{ $ref: "#/servers/main" }, { $ref: "#/servers/events_eu" }, { $ref: "#/servers/events" }],
      parameters: {
        region: { description: "Where", enum: ["eu", "us"], default: "eu", examples: ["us"] },
        kind: { default: "new" },
      },
      messages: { OrderPlaced: { $ref: "#/components/messages/OrderPlaced" } },
      bindings: {
        amqp: { is: "queue", queue: { name: "orders.{region}.{kind}", durable: true, exclusive: true } },
        "x-mine": { a: 1 },
      },
    });
    expect(at(document, "channels", "literal_braces", "address")).toBe("%7Bliteral%7D braces");
    expect(at(document, "channels", "notifications_more", "address")).toBe("notifications & more?#");
  });

  test("has a receive operation for every actor and a send operation for every operation", () => {
    expect(
      Object.entries(document.operations ?? {}).map(([id, one]) => `${"action" in one && one.action} ${id}`),
    ).toEqual([
      "receive orderTaker",
      "receive import",
      "receive audit",
      "receive everything_else",
      "receive list",
      "send placeOrder",
      "send notify_user",
    ]);
    expect(document.operations?.["orderTaker"]).toEqual({
      action: "receive",
      channel: { $ref: "#/channels/orders.region.kind" },
      title: "Place an order",
      summary: "An order comes in",
      description: "With </script><b>markup</b>.",
      tags: [
        { name: "sales", description: "All about selling", externalDocs: { url: "https://example.com/sales" } },
        { name: "orders", description: "Of customers" },
      ],
      externalDocs: { url: "https://example.com/place" },
      security: [
        { $ref: "#/components/securitySchemes/userPassword" },
        { $ref: "#/components/securitySchemes/oauth2" },
      ],
      bindings: { amqp: { ack: true, expiration: 1000 } },
      traits: [{ $ref: "#/components/operationTraits/audited" }],
      messages: [{ $ref: "#/channels/orders.region.kind/messages/OrderPlaced" }],
      reply: {
        address: {
          location: "$message.header#/reply-to",
          description: "The reply address of the request, in the field that the broker has for it.",
        },
        channel: { $ref: "#/channels/replies" },
        messages: [{ $ref: "#/channels/replies/messages/orderTakerReply" }],
      },
    });
    expect(at(document, "operations", "placeOrder", "bindings")).toEqual({
      amqp: { deliveryMode: 2, expiration: 1000 },
    });
    expect(at(document, "operations", "everything_else", "x-deprecated")).toBe(true);
    expect(at(document, "operations", "import", "summary")).toBe("Reads CSV");
  });

  test("has a channel without address for replies, with a message for every kind of reply", () => {
    expect(at(document, "channels", "replies", "address")).toBeNull();
    expect(at(document, "components", "messages", "orderTakerReply")).toEqual({
      name: "orderTakerReply",
      contentType: "application/json",
      payload: { $ref: "#/components/schemas/orderTakerReply" },
      headers: {
        type: "object",
        properties: { "correlation-id": { type: "string", description: "Ties a reply to its request." } },
      },
      correlationId: {
        location: "$message.header#/correlation-id",
        description: "Ties a reply to its request. Copied to the reply as it is.",
      },
    });
  });

  test("shows messages with their headers, the topic among them, examples, traits and bindings", () => {
    expect(at(document, "components", "messages", "OrderPlaced")).toEqual({
      name: "OrderPlaced",
      title: "Order placed",
      summary: "What was ordered",
      description: "The whole order",
      tags: [{ name: "sales", description: "All about selling", externalDocs: { url: "https://example.com/sales" } }],
      externalDocs: { url: "https://example.com/message" },
      contentType: "application/json",
      payload: { $ref: "#/components/schemas/OrderPlacedPayload" },
      headers: {
        type: "object",
        additionalProperties: false,
        properties: {
          "x-tenant": { type: "string" },
          "x-retries": { type: "string" },
          topic: { type: "string", const: "placeOrder", description: "Selects the actor.", "x-topic": true },
          "correlation-id": { type: "string", description: "Ties a reply to its request." },
        },
        required: ["x-tenant", "topic"],
      },
      correlationId: { location: "$message.header#/correlation-id", description: "Ours" },
      examples: [
        {
          name: "small",
          summary: "One line",
          headers: { topic: "placeOrder", "x-tenant": "acme" },
          payload: {
            id: "3f0a4b1e-3c2b-4f3e-9d55-0c6f3a4b5c6d",
            lines: [{ sku: "a", count: 1 }],
            category: { name: "books", parent: { name: "all" } },
            placedAt: "1970-01-01T00:00:00.000Z",
            total: "10",
          },
        },
      ],
      bindings: { amqp: { messageType: "order" } },
      traits: [{ $ref: "#/components/messageTraits/traced" }],
    });
    expect(at(document, "components", "messageTraits", "traced")).toEqual({
      summary: "Carries a trace.",
      tags: [{ name: "trace", description: "W3C trace context" }],
      headers: { type: "object", properties: { traceparent: { type: "string" } } },
      bindings: { amqp: { contentEncoding: "gzip" } },
    });
    expect(at(document, "components", "operationTraits", "audited", "security")).toEqual([
      { $ref: "#/components/securitySchemes/X509" },
    ]);
    expect(at(document, "components", "messages", "notify_user", "deprecated")).toBe(true);
  });

  test("what dependencies read belongs to the message of their actor", () => {
    const { payload, headers } = at(document, "components", "messages", "audit");
    expect(payload).toEqual({
      allOf: [{ $ref: "#/components/schemas/auditPayload" }, { $ref: "#/components/schemas/auditPayloadPart2" }],
    });
    expect(headers).toMatchObject({ properties: { "x-user": { type: "string" } }, required: ["x-user", "topic"] });
  });

  test("a codec of one's own shows its content type; without a schema anything goes", () => {
    const { messages } = at(document, "components");
    expect(at(messages, "import", "contentType")).toBe("text/csv");
    expect(at(messages, "everything_else")).toEqual({
      name: "everything else",
      contentType: "application/json",
      payload: {},
      deprecated: true,
    });
    expect(at(messages, "list", "headers")).toMatchObject({ properties: { "x-kind": { const: "list" } } });
  });

  test("an actor that is bound to a server is there only", () => {
    const app = createApp({ servers: { one: inMemory(), two: inMemory() } }) as App;
    app.actor({ name: "here", channel: "a", server: "two" }, () => {});
    app.actor({ name: "everywhere", channel: "b" }, () => {});
    const { channels } = app.asyncapi();
    expect(at(channels, "a", "servers")).toEqual([{ $ref: "#/servers/two" }]);
    expect(at(channels, "b", "servers")).toEqual([{ $ref: "#/servers/one" }, { $ref: "#/servers/two" }]);
  });
});

describe("names", () => {
  test("are made of letters that every tool understands, and nothing is overwritten", async () => {
    const app = small();
    const first = createRouter({ channel: "a/b" });
    const second = createRouter({ channel: "a b" });
    for (const [router, n] of [
      [first, 1],
      [second, 2],
    ] as const) {
      router.actor({ name: "do it!", payload: z.object({ n: z.literal(n) }).meta({ title: "Payload" }) }, () => {});
      router.actor({ name: "~/$§", payload: z.object({ id: z.string() }).meta({ id: `Same` }) }, () => {});
    }
    app.include(first).include(second);
    const document = app.asyncapi();
    expect(Object.keys(at(document, "channels"))).toEqual(["a_b", "a_b_2"]);
    expect(Object.keys(at(document, "operations"))).toEqual(["do_it", "receive", "do_it_2", "receive_2"]);
    expect(Object.keys(at(document, "components", "schemas"))).toEqual(["Payload", "Same", "Payload_2"]);
    expect(Object.keys(at(document, "components", "messages"))).toEqual(["do_it", "messages", "do_it_2"]);
    expect(at(document, "components", "schemas", "Payload_2", "properties")).toEqual({
      n: { type: "number", const: 2 },
    });
    expect(await diagnosticsOf(app.asyncapi())).toEqual([]);
  });

  test("an operation that the app receives and sends keeps its name for receiving", () => {
    const app = small({ operations: [notify] });
    app.actor({ operation: notify }, () => {});
    const { operations = {}, components } = app.asyncapi();
    expect(Object.keys(operations)).toEqual(["notify_user", "send_notify_user"]);
    expect(Object.keys(at(components, "messages"))).toEqual(["notify_user"]);
  });

  test("a test that sends does not change the document", async () => {
    const app = small();
    const text = JSON.stringify(app.asyncapi());
    const client = createTestClient(app, { autoProcess: false });
    await client.send(notify, { kind: "text", to: "you" });
    const other = defineOperation({ name: notify.name });
    await expect(client.send(other, {})).rejects.toThrow(DuplicateNameError);
    await client.close();
    expect(JSON.stringify(app.asyncapi())).toBe(text);
  });

  test("operations whose names become one key are all there", () => {
    const operations = ["a b", "a/b", "c"].map((name) => defineOperation({ name }));
    const app = small({ operations });
    app.actor({ name: "a?b" }, () => {});
    app.actor({ name: "send_c" }, () => {});
    app.actor({ name: "c" }, () => {});
    expect(Object.keys(app.asyncapi().operations ?? {})).toEqual([
      ...["a_b", "send_c", "c"],
      ...["send_a_b", "send_a_b_2", "send_c_2"],
    ]);
  });

  test("an app without servers has a document, too", async () => {
    const app: App = createApp({ operations: [notify] });
    expect(app.asyncapi().servers).toEqual({});
    expect(await diagnosticsOf(app.asyncapi())).toEqual([]);
  });

  test("a channel that is called replies keeps its name", () => {
    const app = small();
    app.actor({ name: "ask", channel: "replies", reply: z.string() }, () => "");
    expect(Object.keys(at(app.asyncapi(), "channels"))).toEqual(["replies", "replies_2"]);
  });

  test("operations that were sent stand behind those that were given, by name", async () => {
    const app = small({ operations: [notify] });
    const make = (name: string) => defineOperation({ name, payload: z.object({ n: z.number() }) });
    for (const name of ["zebra", "ant"]) await app.send(make(name), { n: 1 });
    await app.close();
    expect(Object.keys(at(app.asyncapi(), "operations"))).toEqual(["notify_user", "ant", "zebra"]);
  });
});

describe("channels", () => {
  test("of one address are merged: the first that says something wins, whoever uses it", () => {
    const mute = defineChannel({ address: "c" });
    const app = small({
      operations: [defineOperation({ name: "later", channel: defineChannel({ address: "c", title: "Third" }) })],
    });
    app.actor({ name: "a", channel: mute }, () => {});
    app.actor({ name: "b", channel: defineChannel({ address: "c", title: "Second", tags: ["t"] }) }, () => {});
    const { channels } = app.asyncapi();
    expect(at(channels, "c")).toMatchObject({ address: "c", title: "Second", tags: [{ name: "t" }] });
    expect(Object.keys(at(channels, "c", "messages"))).toEqual(["a", "b", "later"]);
  });
});

describe("bindings", () => {
  test("of servers and of the user are merged field by field, the user's win, no secrets are in them", () => {
    const server = described(
      { bindings: { kafka: { schemaRegistryUrl: "https://me:s3cret@registry.example.com/v1?token=s3cret" } } },
      {
        bindingsOf: (channel) => ({
          channel: { amqp: { is: "queue", queue: { name: channel, durable: true } } },
          message: { amqp: { contentEncoding: "gzip" } },
        }),
      },
    );
    const app = createApp({ server }) as App;
    const channel = defineChannel({
      address: "c",
      bindings: { amqp: { is: "routingKey", exchange: { name: "x", type: "topic" } } },
    });
    app.actor({ name: "a", channel, messageBindings: { amqp: { messageType: "m" } } }, () => {});
    const document = app.asyncapi();
    expect(at(document, "channels", "c", "bindings")).toEqual({
      amqp: { is: "routingKey", exchange: { name: "x", type: "topic" } },
    });
    expect(at(document, "components", "messages", "a", "bindings")).toEqual({
      amqp: { contentEncoding: "gzip", messageType: "m" },
    });
    expect(at(document, "servers", "default", "bindings", "kafka", "schemaRegistryUrl")).toBe(
      "https://registry.example.com/v1?token=***",
    );
  });

  test("what two servers of one protocol say differently is left out", () => {
    const queue = (durable: boolean) =>
      described({}, { bindingsOf: () => ({ channel: { amqp: { is: "queue", queue: { name: "c", durable } } } }) });
    const app = createApp({ servers: { one: queue(true), two: queue(false) } }) as App;
    app.actor({ name: "a", channel: "c" }, () => {});
    expect(at(app.asyncapi(), "channels", "c", "bindings")).toEqual({ amqp: { is: "queue", queue: { name: "c" } } });
  });
});

describe("hosts", () => {
  test.each([
    ["localhost:5672", "localhost:5672", undefined],
    ["amqp://user:pw@host:5672/vhost", "host:5672", "/vhost"],
    ["redis://:pw@host:6379/0?password=pw", "host:6379", "/0"],
    ["redis://:p/w@d@host/1", "host", "/1"],
    ["user:pw@host", "host", undefined],
    ["postgres://user:p,w@one:1,two:2/db", "one:1,two:2", "/db"],
    ["a:9092,user:pw@b:9092", "b:9092", undefined],
    ["nats://[::1]:4222", "[::1]:4222", undefined],
    ["host=db port=5432 user=me password=pw", "db", undefined],
    ["Endpoint=sb://bus.example.com/;SharedAccessKey=pw", "bus.example.com", undefined],
    ["password=pw", "unknown", undefined],
    ["https://host:8080/a#pw", "host:8080", "/a"],
    ["jobs.db", "jobs.db", undefined],
    ["", "unknown", undefined],
  ])("%s is shown as %s", (host, shown, pathname) => {
    const { servers } = (createApp({ server: described({ host }) }) as App).asyncapi();
    expect(at(servers, "default", "host")).toBe(shown);
    expect(at(servers, "default", "pathname")).toBe(pathname);
    expect(JSON.stringify(servers)).not.toMatch(/pw|p\/w|p,w/);
  });
});

describe("mistakes", () => {
  test("an example without payload and headers, or that cannot be JSON, is refused with its owner", () => {
    for (const example of [{ name: "empty" }, { payload: { n: Number.NaN } }]) {
      const app = small();
      app.actor({ name: "careless", examples: [example] }, () => {});
      expect(() => app.asyncapi()).toThrow(OptionError);
      expect(() => app.asyncapi()).toThrow(/example of careless/);
    }
  });
});

describe("the operations of the sample", () => {
  test("are those that it sends", () => {
    expect(sampleApp().operations.all).toEqual([placeOrder, notify]);
  });
});
