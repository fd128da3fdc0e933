import fc from "fast-check";
import {
  type App,
  type BrokerServer,
  createApp,
  DecodeError,
  type Delivery,
  defineOperation,
  type OutgoingMessage,
} from "millrace";
import { lintDocument } from "millrace/asyncapi";
import { type CloudEventsOptions, cloudEvents } from "millrace/cloudevents";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { AsyncApiMessage } from "../../src/asyncapi/document.ts";
import { diagnosticsOf } from "../asyncapi/official.ts";
import { replace } from "../core/stage.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Of another protocol by name: what is on the wire depends on it. */
function named(protocol: string): BrokerServer {
  const server: BrokerServer = inMemory();
  return replace(server, { info: { ...server.info, protocol } });
}

/** What is on the wire of the inner server, and what comes out of the outer one. */
async function through(
  message: Partial<OutgoingMessage>,
  options: Partial<CloudEventsOptions> = {},
  inner: BrokerServer = named("redis"),
): Promise<{ readonly wire: Delivery; readonly seen: Delivery }> {
  const outer = cloudEvents(inner, { source: "/test", clock: { now: () => 0 }, ...options });
  await outer.connect();
  await outer.publish("c", {
    ...{ id: "m1", payload: Buffer.from('{"a":1}'), headers: {}, contentType: "application/json", replyTo: undefined },
    ...message,
  });
  const wire = await first(inner);
  await wire.settle("reject");
  const seen = await first(outer);
  await outer.disconnect();
  return { wire, seen };
}

async function first(server: BrokerServer): Promise<Delivery> {
  const got = Promise.withResolvers<Delivery>();
  const subscription = await server.subscribe({
    channels: [{ name: "c" }],
    maxUnsettled: 1,
    onDelivery: got.resolve,
    onStateChange: () => {},
  });
  const delivery = await got.promise;
  const settle = delivery.settle.bind(delivery);
  await subscription.drain();
  return Object.assign(Object.create(delivery) as Delivery, { settle, close: () => subscription.close() });
}

/** What a foreign sender wrote, as the app's side sees it. */
async function received(
  message: Partial<OutgoingMessage>,
  options: Partial<CloudEventsOptions> = {},
  inner: BrokerServer = named("redis"),
): Promise<Delivery> {
  const outer = cloudEvents(inner, { source: "/test", ...options });
  await outer.connect();
  await inner.publish("c", {
    ...{ id: "native", payload: new Uint8Array(0), headers: {}, contentType: undefined, replyTo: undefined },
    ...message,
  });
  const delivery = await first(outer);
  await outer.disconnect();
  return delivery;
}

const structured = (event: unknown): Partial<OutgoingMessage> => ({
  payload: Buffer.from(typeof event === "string" ? event : JSON.stringify(event)),
  contentType: "application/cloudevents+json; charset=UTF-8",
});
const whole = { specversion: "1.0", id: "e1", source: "/foreign", type: "order.placed" };

describe("an event on the wire", () => {
  test.each([
    ["redis", "ce_"],
    ["kafka", "ce_"],
    ["nats", "ce-"],
    ["googlepubsub", "ce-"],
    ["amqp", "cloudEvents:"],
  ])("of %s has its attributes in headers that begin with %s", async (protocol, prefix) => {
    const { wire, seen } = await through(
      { headers: { "ce-type": "t", "ce-subject": "s", tenant: "x" } },
      {},
      named(protocol),
    );
    expect(wire.headers).toEqual({
      [`${prefix}specversion`]: "1.0",
      [`${prefix}id`]: "m1",
      [`${prefix}source`]: "/test",
      [`${prefix}type`]: "t",
      [`${prefix}time`]: "1970-01-01T00:00:00.000Z",
      [`${prefix}subject`]: "s",
      tenant: "x",
    });
    expect(text(wire.payload)).toBe('{"a":1}');
    expect(wire.contentType).toBe("application/json");
    const attributes = {
      "ce-source": "/test",
      "ce-type": "t",
      "ce-time": "1970-01-01T00:00:00.000Z",
      "ce-subject": "s",
    };
    expect(seen.headers).toEqual({ ...attributes, tenant: "x" });
    expect(seen).toMatchObject({ id: "m1", contentType: "application/json", unreadable: undefined });
  });

  test("of HTTP and NATS has percent-encoded values, as their bindings say; others have them as they are", async () => {
    const headers = { "ce-type": "t", "ce-subject": 'Zoë 100% "ü" 😀' };
    const nats = await through({ headers }, {}, named("nats"));
    expect(nats.wire.headers["ce-subject"]).toBe("Zo%C3%AB%20100%25%20%22%C3%BC%22%20%F0%9F%98%80");
    expect(nats.seen.headers["ce-subject"]).toBe(headers["ce-subject"]);
    const redis = await through({ headers });
    expect(redis.wire.headers["ce_subject"]).toBe(headers["ce-subject"]);
  });

  test("in structured mode is one JSON text; headers that are no attributes stay headers", async () => {
    const { wire, seen } = await through({ headers: { "ce-type": "t", tenant: "x" } }, { mode: "structured" });
    expect(wire.contentType).toBe("application/cloudevents+json; charset=utf-8");
    expect(wire.headers).toEqual({ tenant: "x" });
    expect(JSON.parse(text(wire.payload))).toEqual({
      ...{ specversion: "1.0", id: "m1", source: "/test", type: "t", time: "1970-01-01T00:00:00.000Z" },
      ...{ datacontenttype: "application/json", data: { a: 1 } },
    });
    expect(text(seen.payload)).toBe('{"a":1}');
    expect(seen.contentType).toBe("application/json");
    expect(seen.headers["tenant"]).toBe("x");
  });

  test.each<[string, string | undefined, Uint8Array, object]>([
    [
      "numbers too long for JavaScript",
      "application/json",
      Buffer.from("12345678901234567890"),
      { data: 12345678901234567000 },
    ],
    ["JSON of another type", "application/geo+json", Buffer.from("[1]"), { data: [1] }],
    ["text", "text/csv; charset=utf-8", Buffer.from("a,é\n"), { data: "a,é\n" }],
    ["text of another charset", "text/csv; charset=latin1", Buffer.from([0xe9]), { data_base64: "6Q==" }],
    ["bytes", "application/octet-stream", Buffer.from([0, 255]), { data_base64: "AP8=" }],
    ["what is no JSON although it says so", "application/json", Buffer.from("{"), { data_base64: "ew==" }],
    ["nothing", "application/json", new Uint8Array(0), {}],
    ["bytes without a type", undefined, Buffer.from([200]), { data_base64: "yA==" }],
  ])("in structured mode holds %s", async (_, contentType, payload, expected) => {
    const { wire, seen } = await through({ contentType, payload }, { mode: "structured" });
    const { data, data_base64 } = JSON.parse(text(wire.payload)) as Record<string, unknown>;
    expect(JSON.parse(JSON.stringify({ data, data_base64 }))).toEqual(expected);
    if (text(payload).length < 19) expect(Buffer.from(seen.payload)).toEqual(Buffer.from(payload));
    else expect(text(wire.payload)).toContain('"data":12345678901234567890');
    expect(seen.contentType).toBe(contentType);
  });

  test("carries trace context as the extension, and gives that of a foreign one to tracing", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { wire } = await through({ headers: { traceparent } });
    expect(wire.headers).toMatchObject({ traceparent, ce_traceparent: traceparent });
    expect((await received(structured({ ...whole, traceparent }))).headers["traceparent"]).toBe(traceparent);
  });
});

describe("what senders of other libraries write", () => {
  test("is understood: a structured event by hand, with extensions of every simple type", async () => {
    const event = `{ "specversion" : "1.0", "type" : "com.example.order", "source" : "https://example.com/#1", "id" : "A234-1234",
      "subject": null, "time" : "2018-04-05T17:31:00+02:00", "comexampleextension1" : "value", "comexampleothervalue" : 5,
      "flag": true, "data" : { "n" : [1, "ü"] } }`;
    const { headers, id, payload, contentType, sentAt, unreadable } = await received(structured(event));
    expect(unreadable).toBeUndefined();
    expect({ id, contentType, payload: text(payload) }).toEqual({
      id: "A234-1234",
      contentType: undefined,
      payload: '{"n":[1,"ü"]}',
    });
    expect(sentAt).toBeTypeOf("number");
    expect(headers).toEqual({
      "ce-type": "com.example.order",
      "ce-source": "https://example.com/#1",
      "ce-time": "2018-04-05T17:31:00+02:00",
      "ce-comexampleextension1": "value",
      "ce-comexampleothervalue": "5",
      "ce-flag": "true",
    });
  });

  test.each(["ce_", "ce-", "CE-", "cloudEvents:", "cloudEvents_"])(
    "is understood with headers in %s",
    async (prefix) => {
      const headers = Object.fromEntries(Object.entries(whole).map(([name, value]) => [prefix + name, value]));
      const seen = await received({ headers: { ...headers, [`${prefix}Odd_Name.1`]: "x" } });
      expect(seen.unreadable).toBeUndefined();
      expect(seen.headers).toEqual({ "ce-type": "order.placed", "ce-source": "/foreign", "ce-odd_name.1": "x" });
      expect(seen.id).toBe("e1");
    },
  );

  test("may have a JSON text in data, or text that is not JSON", async () => {
    expect(text((await received(structured({ ...whole, data: "abc" }))).payload)).toBe('"abc"');
    const xml = await received(structured({ ...whole, datacontenttype: "text/xml", data: "<a/>" }));
    expect([text(xml.payload), xml.contentType]).toEqual(["<a/>", "text/xml"]);
  });

  const hdr = (attributes: object): Partial<OutgoingMessage> => ({
    headers: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, String(value)])),
  });
  test.each<[string, Partial<OutgoingMessage>, string]>([
    ["no attribute", { headers: { a: "b" } }, "no CloudEvent"],
    ["no specversion", hdr({ id: "1", source: "/", type: "t" }), "specversion missing"],
    ["no id, no source", hdr({ specversion: "1.0", type: "t" }), "id, source missing"],
    ["no type", structured({ ...whole, type: undefined }), "type missing"],
    ["an empty id", structured({ ...whole, id: "" }), "id missing"],
    ["null as source", structured({ ...whole, source: null }), "source missing"],
    ["an old version", structured({ ...whole, specversion: "0.3" }), 'version "0.3"'],
    ["an attribute that is an object", structured({ ...whole, ext: {} }), '"ext" of a CloudEvent is no simple value'],
    ["control characters", structured({ ...whole, subject: "a\nb" }), '"subject" of a CloudEvent cannot be read'],
    ["a name that is none", structured({ ...whole, "a b": "1" }), "not an HTTP token"],
    ["no object", structured("[]"), "no JSON object"],
    ["no JSON", structured("{"), "not valid JSON"],
    ["no UTF-8", { ...structured(""), payload: Buffer.from([0x7b, 0xff]) }, "not valid UTF-8"],
    ["two kinds of data", structured({ ...whole, data: 1, data_base64: "AA==" }), "both data and data_base64"],
    ["base64 that is none", structured({ ...whole, data_base64: "?" }), "not valid base64"],
    ["an object as text", structured({ ...whole, datacontenttype: "text/plain", data: {} }), "is JSON, but its type"],
    ["a batch", { ...structured([]), contentType: "application/cloudevents-batch+json" }, "a batch of CloudEvents"],
    [
      "another format",
      { ...structured(""), contentType: "application/cloudevents+avro" },
      "only application/cloudevents+json",
    ],
    ["one attribute twice", { headers: { ce_id: "1", "ce-id": "2" } }, 'attribute "id" twice'],
  ])("is refused with %s", async (_, message, problem) => {
    const { unreadable } = await received(message);
    expect(unreadable).toBeInstanceOf(DecodeError);
    expect(unreadable?.message).toContain(problem);
  });

  test("passes untouched without attributes, if asked for", async () => {
    const seen = await received({ headers: { a: "b" }, payload: Buffer.from("1") }, { plain: "pass" });
    expect(seen).toMatchObject({ headers: { a: "b" }, id: "native", unreadable: undefined });
  });
});

describe("attributes to send", () => {
  test.each([
    ["ce-id", "1", "the option id"],
    ["ce-specversion", "1.0", "it is 1.0"],
    ["ce-DataContentType", "a/b", "the codec"],
    ["ce-my-key", "1", "lower-case letters and digits"],
    ["ce-subject", "", "never empty"],
    ["ce-subject", "a\tb", "control characters"],
    ["ce-time", "yesterday", "looks like"],
  ])("are refused when they cannot be: %s %j", async (header, value, problem) => {
    await expect(through({ headers: { [header]: value } })).rejects.toThrow(problem);
  });

  test("a bad one in a batch fails alone", async () => {
    const server = cloudEvents(inMemory(), { source: "/test" });
    await server.connect();
    const message = { payload: new Uint8Array(0), contentType: undefined, replyTo: undefined };
    const results = await server.publishBatch?.("c", [
      { ...message, id: "1", headers: {} },
      { ...message, id: "2", headers: { "ce-id": "x" } },
      { ...message, id: "3", headers: {} },
    ]);
    expect(results).toMatchObject([{ id: "1" }, { code: "INVALID_HEADER" }, { id: "3" }]);
  });

  test.each([
    [{ source: "" }, "source"],
    [{ source: "a b" }, "URI reference"],
    [{ source: "/", mode: "batch" }, "mode"],
    [{ source: "/", prefix: "x-" }, "prefix"],
    [{ source: "/", plain: "drop" }, "plain"],
  ])("options are checked where they are given: %j", (options, problem) => {
    expect(() => cloudEvents(inMemory(), options as CloudEventsOptions)).toThrow(problem);
  });

  test("a server with a topic header of its own is refused: the type is the topic", () => {
    expect(() => cloudEvents(inMemory({ topicHeader: "x" }), { source: "/" })).toThrow("leave topicHeader");
  });
});

const odd = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((value) => !/\p{Cc}/u.test(value) && value.isWellFormed());

test.each<[string, "binary" | "structured"]>([
  ["nats", "binary"],
  ["redis", "binary"],
  ["amqp", "binary"],
  ["redis", "structured"],
])("whatever is sent comes back: %s, %s", async (protocol, mode) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("application/octet-stream", "text/plain", "application/x-own", "application/xml"),
      odd,
      odd,
      fc.dictionary(
        fc
          .stringMatching(/^[a-z0-9]{1,12}$/)
          .filter((name) => !["id", "specversion", "datacontenttype", "data", "time"].includes(name)),
        odd,
      ),
      async (payload, contentType, id, type, extensions) => {
        const attributes = Object.fromEntries(Object.entries(extensions).map(([name, value]) => [`ce-${name}`, value]));
        const headers = { ...attributes, "ce-type": type };
        const { seen } = await through({ id, payload, contentType, headers }, { mode }, named(protocol));
        expect(seen).toMatchObject({ id, contentType, headers, unreadable: undefined });
        expect(Buffer.from(seen.payload)).toEqual(Buffer.from(payload));
      },
    ),
    { numRuns: 40 },
  );
});

describe("an app", () => {
  const strict = defineOperation({
    ...{ name: "strict", channel: "c", payload: z.strictObject({ n: z.int() }) },
    headers: z.strictObject({ tenant: z.string() }),
  });
  const ask = defineOperation({ name: "ask", channel: "c", payload: z.strictObject({ n: z.int() }), reply: z.int() });

  test.each(["binary", "structured"] as const)(
    "sends, answers and reads %s events, headers by a strict schema",
    async (mode) => {
      const inner = inMemory();
      const app = createApp({ server: cloudEvents(inner, { source: "/test", mode }), logger: false });
      const seen: unknown[] = [];
      app.actor({ operation: strict }, ({ message, headers }) => {
        seen.push([message.headers["ce-source"], message.headers["ce-type"], headers]);
      });
      app.actor({ operation: ask }, ({ payload }) => payload.n + 1);
      const stop = new AbortController();
      const running = app.run({ signals: [], signal: stop.signal });
      await app.send(strict, { n: 1 }, { headers: { tenant: "a" } });
      expect(await app.request(ask, { n: 1 })).toBe(2);
      expect(seen).toMatchObject([["/test", "strict", { tenant: "a" }]]);
      stop.abort();
      await running;
    },
  );

  test("makes dead letters of broken events, with the reason, an event in the log, and no handler", async () => {
    const inner = inMemory();
    const events: unknown[] = [];
    const log = (fields: object): number => events.push(fields);
    const logger = { debug: () => {}, info: () => {}, warn: log, error: log };
    const app = createApp({ server: cloudEvents(inner, { source: "/test" }), logger });
    const handled: unknown[] = [];
    app.actor({ name: "order.placed", channel: "c" }, ({ payload }) => void handled.push(payload));
    const connection = await app.connect();
    const message = { payload: Buffer.from("{}"), contentType: undefined, replyTo: undefined };
    await inner.publish("c", { ...message, id: "1", headers: { ce_specversion: "1.0", ce_type: "order.placed" } });
    await inner.publish("c", {
      ...message,
      id: "2",
      headers: {},
      ...structured({ ...whole, data: { ok: 1 } }),
    } as OutgoingMessage);
    await app.runWorker({ signals: [], messagesLimit: 1 });
    expect(handled).toEqual([{ ok: 1 }]);
    await expect.poll(() => app.deadLetters("c").count()).toBe(1);
    const [dead] = await app.deadLetters("c").list();
    expect(dead?.reason).toMatchObject({ code: "decode", error: { code: "DECODE_FAILED" } });
    expect(dead?.reason.error?.message).toContain("id, source missing");
    expect(events).toMatchObject([{ event: "message.unreadable", message_id: "1" }]);
    await connection.close();
  });

  test("in a test client sees its events, too, in the time of the test", async () => {
    const app = createApp({ server: cloudEvents(inMemory(), { source: "/test" }), logger: false });
    const seen: (string | undefined)[] = [];
    app.actor({ operation: ask }, ({ message, payload }) => {
      seen.push(message.headers["ce-source"], message.headers["ce-time"]);
      return payload.n;
    });
    const client = createTestClient(app, { startAt: 0 });
    await client.send(ask, { n: 1 });
    await client.close();
    expect(seen).toEqual(["/test", "1970-01-01T00:00:00.000Z"]);
  });

  test("shows dead letters without their envelope, and replays them with it", async () => {
    const app = createApp({ server: cloudEvents(inMemory(), { source: "/test", mode: "structured" }), logger: false });
    let fail = true;
    const runs: unknown[] = [];
    const actor = app.actor({ name: "a", channel: "c" }, ({ payload, message }) => {
      runs.push([payload, message.headers["ce-type"]]);
      if (fail) throw new Error("not yet");
    });
    const connection = await app.connect();
    await app.send(actor, { n: 1 });
    await app.runWorker({ signals: [], messagesLimit: 1 });
    const [dead] = await app.deadLetters("c").list();
    expect(text(dead?.payload ?? new Uint8Array(0))).toBe('{"n":1}');
    fail = false;
    await app.deadLetters("c").replay(dead?.id ?? "");
    await app.runWorker({ signals: [], messagesLimit: 1 });
    expect(runs).toEqual([
      [{ n: 1 }, "a"],
      [{ n: 1 }, "a"],
    ]);
    await connection.close();
  });
});

describe("the document", () => {
  function appOn(mode: "binary" | "structured"): App {
    const app = createApp({ server: cloudEvents(inMemory(), { source: "/test", mode }), logger: false });
    app.actor(
      {
        ...{
          name: "placed",
          channel: "orders",
          payload: z.object({ n: z.int() }),
          reply: z.object({ ok: z.boolean() }),
        },
        examples: [{ name: "one", payload: { n: 1 } }],
      },
      () => ({ ok: true }),
    );
    return app as unknown as App;
  }

  test("has the attributes of binary events as a trait of every message, and the topic under its name on the wire", async () => {
    const document = appOn("binary").asyncapi();
    expect(document.components?.messages?.["placed"]).toMatchObject({
      contentType: "application/json",
      headers: { properties: { ce_type: { const: "placed" } }, required: ["ce_type"] },
      traits: [{ $ref: "#/components/messageTraits/CloudEvents" }],
    });
    expect(document.components?.messages?.["placedReply"]).toHaveProperty("traits");
    expect(document.components?.messageTraits?.["CloudEvents"]).toMatchObject({
      headers: { required: ["ce_specversion", "ce_id", "ce_source", "ce_type"] },
    });
    expect(await diagnosticsOf(document)).toEqual([]);
    expect(lintDocument(document)).toEqual([]);
  });

  test("has structured events as what the payload is, examples included", async () => {
    const document = appOn("structured").asyncapi();
    const message = document.components?.messages?.["placed"] as AsyncApiMessage;
    expect(message).toMatchObject({
      contentType: "application/cloudevents+json",
      traits: [{ $ref: "#/components/messageTraits/CloudEventsStructured" }],
      payload: {
        required: ["specversion", "id", "source", "type"],
        properties: { type: { const: "placed" }, data: { $ref: "#/components/schemas/placedPayload" } },
      },
      examples: [{ payload: { type: "placed", data: { n: 1 } } }],
    });
    expect(message.headers).not.toHaveProperty("properties.ce-type");
    expect(await diagnosticsOf(document)).toEqual([]);
    expect(lintDocument(document)).toEqual([]);
  });

  test("says nothing of events where the servers of a channel differ", () => {
    const servers = { a: cloudEvents(inMemory(), { source: "/test" }), b: inMemory() };
    const app = createApp({ servers, defaultServer: "a", logger: false });
    app.actor({ name: "placed", channel: "orders" }, () => {});
    expect(JSON.stringify(app.asyncapi().components)).not.toContain("CloudEvents");
  });
});
