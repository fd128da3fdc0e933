import { describe, expect, test } from "vitest";
import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";
import { html } from "../../src/asyncapi/page/html.ts";
import type { PageOptions } from "../../src/asyncapi/page/page-options.ts";
import { renderPage } from "../../src/asyncapi/page/render-page.ts";
import { standalonePage } from "../../src/asyncapi/page/standalone.ts";
import { everything } from "./everything.ts";
import { hostile } from "./hostile.ts";

const frame = { head: html``, links: [] };
const render = (document: AsyncApiDocument, options?: PageOptions): string => renderPage(document, frame, options);

const info = { title: "T", version: "1" };
const withPayload = (payload: Readonly<Record<string, unknown>>, schemas = {}): AsyncApiDocument => ({
  asyncapi: "3.1.0",
  info,
  channels: { c: { address: "c", messages: { m: { payload } } } },
  operations: { o: { action: "receive", channel: { $ref: "#/channels/c" } } },
  components: { schemas },
});

/** What a reader sees, in a line. */
const textOf = (page: string): string =>
  page
    .replace(/<head>.*<\/head>/s, "")
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replace(/\s+/g, " ");

describe("the page of a document", () => {
  const page = render(everything);
  const text = textOf(page);

  test.each([
    ["info", "Takes orders, asks for payment", "Orders team", "orders@example.com", "Apache-2.0", "The handbook"],
    [
      "servers",
      "{region}.rabbit.example.com:5671/orders",
      "amqps 0-9-1",
      "Where the queues are",
      "userPassword",
      "scramSha256",
    ],
    [
      "operations",
      "Place an order",
      "The app receives from orders.{tenant}.created",
      "The app sends, and awaits a reply, to payments",
    ],
    ["replies", "Reply that the app awaits", "$message.header#/reply-to", "A queue of the app", "Reply of the app"],
    [
      "channels",
      "Who the shop belongs to",
      "shop/events?all#1",
      "How orders work",
      "taken from $message.header#/tenant",
    ],
    [
      "messages",
      "Everything that is needed to ship it",
      "$message.header#/x-trace",
      "One line, paid by card",
      "headersOnly",
    ],
    ["traits", "priority string", "x-slow"],
    ["bindings", "queue.durable", "queue.vhost", "groupId.enum[0]", "contentEncoding gzip"],
    ["extensions", "x-team.oncall[1] grace", "x-retention 30d"],
    ["deprecated marks", "Cancel an order deprecated", "coupon string deprecated"],
    ["other schema languages", "application/vnd.apache.avro;version=1.9.0", '"name" : "OrderPlaced"'],
  ])("shows %s", (_, ...expected) => {
    for (const one of expected) expect(text).toContain(one);
  });

  test.each([
    [
      "constraints",
      "1 to 100 items",
      "no duplicates",
      "matches ^[A-Z]{2}-\\d+$",
      "> 0",
      "multiple of 0.01",
      "at most 8 keys",
      "exactly 4 characters",
    ],
    ["what is required", "id string uuid required"],
    ["enums, defaults, constants", 'one of "new" "paid" "shipped"', 'default "new"', 'always "invoice"'],
    ["alternatives", "exactly one of Card object", "Invoice object"],
    ["null among the alternatives", "note string or null", "1 to 200 characters"],
    ["what a schema is made of", "customer Customer required", "from Person"],
    [
      "maps, tuples, patterns of names",
      "labels map of string",
      "point tuple of (number, number)",
      "names like ^x- integer",
    ],
    ["circles, once", "parent Category recursive, see above"],
    ["true and false as schemas", "anything any", "nothing never"],
  ])("says of schemas: %s", (_, ...expected) => {
    for (const one of expected) expect(text).toContain(one);
  });

  test("the limits that libraries write for every integer are left out", () => {
    expect(text).not.toContain("9007199254740991");
  });

  test("every place has one name, and every link within the page leads to one", () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBe(new Set(ids).size);
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.filter((link) => link !== "top" && !ids.includes(link))).toEqual([]);
  });

  test("links lead to the same places in every rendering", () => {
    expect(render(everything)).toBe(page);
    for (const id of [
      "operation-receive_placeOrder",
      "server-production",
      "channel-orders",
      "schema-Order",
      "message-unused",
    ]) {
      expect(page).toContain(`id="${id}"`);
    }
    expect(page).toContain('id="operation-receive_placeOrder.placeOrder.payload.customer.address.street"');
  });

  test("nothing on it comes from elsewhere, and nothing needs a script", () => {
    expect(page).not.toMatch(/<script|<style|style=|<img|<iframe|<link|src=| on[a-z]+=/);
  });

  test.each([
    ["sidebar", { sidebar: false }, 'class="sidebar"'],
    ["info", { info: false }, 'id="info"'],
    ["servers", { servers: false }, 'id="servers"'],
    ["operations", { operations: false }, 'id="operations"'],
    ["channels", { channels: false }, 'id="channels"'],
    ["messages", { messages: false }, 'id="messages"'],
    ["schemas", { schemas: false }, 'id="schemas"'],
    ["examples", { expandExamples: false }, '<details class="example" open'],
  ] as const)("%s can be left out, and no link to it stays", (_, options, mark) => {
    expect(page).toContain(mark);
    const without = render(everything, options);
    expect(without).not.toContain(mark);
    const ids = new Set([...without.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...without.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id ?? "");
    expect(links.filter((link) => link !== "top" && !ids.has(link))).toEqual([]);
  });

  test("without operations, messages are shown in full", () => {
    const without = textOf(render(everything, { operations: false }));
    expect(without).toContain("Chosen by the sender, so that it is idempotent");
    expect(without).toContain("One line, paid by card");
  });

  test("a message without examples has one made from its schema", () => {
    const document = withPayload({
      type: "object",
      properties: {
        at: { type: "string", format: "date-time" },
        count: { type: "integer", exclusiveMinimum: 3 },
        kind: { enum: ["a", "b"] },
        tags: { type: "array", items: { type: "string" } },
      },
    });
    const code = /<pre[^>]*aria-label="Payload"><code>(.*?)<\/code>/s.exec(render(document))?.[1] ?? "";
    const example = textOf(code);
    expect(JSON.parse(example)).toEqual({ at: "2026-01-31T09:30:00Z", count: 4, kind: "a", tags: ["text"] });
  });

  test("references to nothing, to other files and in circles are named, and the rest is shown", () => {
    const document = withPayload(
      {
        type: "object",
        properties: {
          gone: { $ref: "#/components/schemas/Gone" },
          file: { $ref: "./other.json" },
          round: { $ref: "#/components/schemas/Round" },
          kept: { type: "string" },
        },
      },
      { Round: { $ref: "#/components/schemas/Round" } },
    );
    const text = textOf(render(document));
    expect(text).toContain("#/components/schemas/Gone leads to nothing");
    expect(text).toContain("./other.json does not lead to a place in this document");
    expect(text).toContain("#/components/schemas/Round leads in a circle");
    expect(text).toContain("kept string");
    expect(render(document, { errors: false })).not.toContain('id="problems"');
  });

  test("schemas that use each other many times do not make an endless page", () => {
    const names = Array.from({ length: 14 }, (_, index) => `S${index}`);
    const uses = Object.fromEntries(names.map((to) => [to, { $ref: `#/components/schemas/${to}` }]));
    const schemas = Object.fromEntries(names.map((one) => [one, { type: "object", properties: uses }]));
    const started = performance.now();
    const page = render(withPayload({ $ref: "#/components/schemas/S0" }, schemas));
    expect(page.length).toBeLessThan(6_000_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("the smallest document is a page, too", () => {
    expect(textOf(render({ asyncapi: "3.0.0", info }))).toContain("AsyncAPI 3.0.0");
  });
});

describe("a hostile document", () => {
  test.each([
    ["the page", render(hostile)],
    ["the page as a file", standalonePage(hostile)],
  ])("%s holds no markup that the document wrote", (_, page) => {
    const shown = page.replace(/<style>.*?<\/style>/s, "").replace(/<script>.*?<\/script>/s, "");
    // What is left of tags without the values of their attributes, which are all quoted.
    const tags = [...shown.replace(/="[^"]*"/g, "").matchAll(/<[^>]*>/g)].map(([tag]) => tag);
    expect(tags.filter((tag) => /^<\/?(img|svg|script|style)|[\s/]on\w+|["'=]/i.test(tag))).toEqual([]);
    for (const [, href] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^(#|https?:|mailto:)/);
  });

  test("what it wrote is shown as text", () => {
    expect(textOf(render(hostile))).toContain("<img src=x onerror=pwned(2)>");
  });
});

describe("the page as a file", () => {
  const page = standalonePage(everything);

  test("needs nothing else: style and script are in it, allowed by their hashes only", () => {
    expect(page).toMatch(/Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-/);
    expect(page).not.toMatch(/unsafe-inline|unsafe-eval|<link|<script src/);
  });
});
