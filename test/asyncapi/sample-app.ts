import {
  type App,
  type BrokerServer,
  type Codec,
  catchAll,
  createApp,
  createRouter,
  defineChannel,
  defineDependency,
  defineOperation,
  type MessageTrait,
  type OperationTrait,
} from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";
import { replace } from "../core/stage.ts";

/** A server of which only its description matters. */
export function described(info: Partial<BrokerServer["info"]>, more: Partial<BrokerServer> = {}): BrokerServer {
  const server: BrokerServer = inMemory();
  return replace(server, { info: { protocol: "amqp", host: "localhost", ...info }, ...more });
}

const audited: OperationTrait = {
  name: "audited",
  description: "Everything is written down.",
  tags: ["audit"],
  externalDocs: { url: "https://example.com/audit" },
  security: [{ type: "X509" }],
  bindings: { kafka: { clientId: { type: "string" } } },
};

const traced: MessageTrait = {
  name: "traced",
  summary: "Carries a trace.",
  headers: z.object({ traceparent: z.string().optional() }),
  tags: [{ name: "trace", description: "W3C trace context" }],
  bindings: { amqp: { contentEncoding: "gzip" } },
};

const csv: Codec = {
  contentType: "text/csv",
  accepts: (mediaType) => mediaType === "text/csv",
  encode: (value) => Buffer.from(String(value)),
  decode: (payload) => Buffer.from(payload).toString(),
};

const orders = defineChannel({
  address: "orders.{region}.{kind}",
  title: "Orders",
  summary: "All orders",
  description: "Every order of a **region**.",
  tags: ["sales"],
  externalDocs: { url: "https://example.com/orders", description: "More" },
  bindings: { amqp: { queue: { exclusive: true } }, "x-mine": { a: 1 } },
  parameters: {
    region: { description: "Where", enum: ["eu", "us"], default: "eu", examples: ["us"] },
    kind: { default: "new" },
  },
});

const line = z.object({ sku: z.string(), count: z.int().min(1) }).meta({ id: "OrderLine" });
interface Category {
  readonly name: string;
  readonly parent?: Category | undefined;
}
const category: z.ZodType<Category, Category> = z.object({
  name: z.string(),
  get parent() {
    return category.optional();
  },
});

export const placeOrder = defineOperation({
  name: "placeOrder",
  channel: orders,
  payload: z.object({
    id: z.uuid(),
    lines: z.array(line),
    gift: line.optional(),
    category,
    placedAt: z.coerce.date(),
    total: z.coerce.bigint(),
  }),
  headers: z.strictObject({ "x-tenant": z.string(), "x-retries": z.coerce.number().optional() }),
  reply: z.object({ accepted: z.boolean(), lines: z.array(line) }),
  title: "Place an order",
  summary: "An order comes in",
  description: "With </script><b>markup</b>.",
  tags: ["sales", { name: "orders", description: "Of customers" }],
  externalDocs: { url: "https://example.com/place" },
  security: [{ type: "userPassword" }, { type: "oauth2", flows: {}, scopes: [] }],
  bindings: { amqp: { expiration: 1000 } },
  messageBindings: { amqp: { messageType: "order" } },
  correlationId: { location: "$message.header#/correlation-id", description: "Ours" },
  message: {
    name: "OrderPlaced",
    title: "Order placed",
    summary: "What was ordered",
    description: "The whole order",
    tags: ["sales"],
    externalDocs: { url: "https://example.com/message" },
  },
  traits: [audited],
  messageTraits: [traced],
  examples: [
    {
      name: "small",
      summary: "One line",
      payload: {
        id: "3f0a4b1e-3c2b-4f3e-9d55-0c6f3a4b5c6d",
        lines: [{ sku: "a", count: 1 }],
        category: { name: "books", parent: { name: "all" } },
        placedAt: new Date(0),
        total: 10n,
      },
      headers: { "x-tenant": "acme" },
    },
  ],
});

export const notify = defineOperation({
  name: "notify user/β",
  channel: "notifications & more?#",
  payload: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("mail"), to: z.email() }),
    z.object({ kind: z.literal("text"), to: z.string() }),
  ]),
  deprecated: true,
});

const user = defineDependency({
  payload: z.object({ userId: z.int() }),
  headers: z.object({ "x-user": z.string() }),
  resolve: ({ payload }) => payload.userId,
});

/** An app that uses all that a document can say. */
export function sampleApp(): App {
  const router = createRouter({ channel: "work" });
  router.actor({ operation: placeOrder, name: "orderTaker" }, () => ({ accepted: true, lines: [] }));
  router.actor({ name: "import", payload: z.string(), codec: csv, summary: "Reads CSV", server: "events" }, () => {});
  router.actor({ name: "audit", payload: z.object({ note: z.string() }), deps: { user }, title: "Audit" }, () => {});
  router.actor({ name: "everything else", routing: catchAll, deprecated: true }, () => {});
  router.actor({ name: "list", channel: "{literal} braces", payload: z.array(line), topicHeader: "x-kind" }, () => {});
  const app: App = createApp({
    title: "Orders & </script><b>x</b>",
    version: "1.2.3",
    description: "Takes orders.",
    termsOfService: "https://example.com/terms",
    contact: { name: "Team", url: "https://example.com", email: "team@example.com" },
    license: { name: "MIT", url: "https://example.com/mit" },
    tags: [{ name: "sales", description: "All about selling", externalDocs: { url: "https://example.com/sales" } }],
    externalDocs: { url: "https://example.com/docs", description: "Documentation" },
    operations: [placeOrder, notify],
    servers: {
      main: described(
        {
          host: "amqps://user:s3cret@{stage}.example.com:5671/v1?password=s3cret",
          protocolVersion: "1.0",
          title: "Main",
          summary: "The broker",
          description: "Of the company",
          tags: [{ name: "production" }],
          externalDocs: { url: "https://example.com/broker" },
          variables: { stage: { enum: ["a", "b"], default: "a", description: "Stage", examples: ["b"] } },
          security: [{ type: "userPassword", description: "Ask the team" }],
          bindings: { amqp: {} },
        },
        {
          bindingsOf: (channel, action) => ({
            channel: { amqp: { is: "queue", queue: { name: channel, durable: true } } },
            operation: { amqp: action === "send" ? { deliveryMode: 2 } : { ack: true } },
          }),
        },
      ),
      "events eu": described({ protocol: "kafka", host: "user:pw@one:9092,two:9092", pathname: "/x" }),
      events: described({ protocol: "in-memory" }),
    },
  });
  return app.include(router);
}
