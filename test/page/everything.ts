import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";

/** A document by hand that uses every feature a page has to show; the official parser has nothing against it. */
export const everything: AsyncApiDocument = {
  asyncapi: "3.1.0",
  id: "urn:example:orders",
  info: {
    title: "Orders",
    version: "2.4.0",
    description:
      "Takes orders, asks for **payment** and tells everybody who wants to know.\n\nA message is delivered *at least once*: " +
      "handlers must be idempotent. See [the guarantees](https://example.com/guarantees).\n\n- one queue per region\n" +
      "- dead letters are kept for `30d`\n\n```sh\nnpm run worker -- --region eu\n```",
    termsOfService: "https://example.com/terms",
    contact: { name: "Orders team", url: "https://example.com/team", email: "orders@example.com" },
    license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    tags: [{ $ref: "#/components/tags/shop" }, { name: "public" }],
    externalDocs: { url: "https://example.com/handbook", description: "The handbook" },
    "x-team": { channel: "#orders", oncall: ["ada", "grace"] },
  },
  defaultContentType: "application/json",
  servers: {
    production: {
      host: "{region}.rabbit.example.com:5671",
      pathname: "/orders",
      protocol: "amqps",
      protocolVersion: "0-9-1",
      title: "Production",
      summary: "Three nodes, quorum queues",
      description: "Publishing is confirmed by a **majority** of nodes.",
      variables: {
        region: { $ref: "#/components/serverVariables/region" },
      },
      security: [
        { $ref: "#/components/securitySchemes/password" },
        { type: "X509", description: "Client certificates" },
      ],
      tags: [{ name: "live", description: "Real orders" }],
      externalDocs: { url: "https://example.com/runbook" },
      bindings: { amqp: {} },
    },
    analytics: {
      host: "kafka.example.com:9093",
      protocol: "kafka-secure",
      security: [
        { type: "scramSha256" },
        {
          type: "oauth2",
          flows: {
            clientCredentials: {
              tokenUrl: "https://example.com/token",
              availableScopes: { read: "Read", write: "Write" },
            },
          },
          scopes: ["read"],
        },
      ],
      bindings: { kafka: { schemaRegistryUrl: "https://schemas.example.com", schemaRegistryVendor: "confluent" } },
    },
  },
  channels: {
    orders: {
      address: "orders.{tenant}.created",
      title: "Orders",
      summary: "New orders, one queue per tenant",
      description: "Ordered per tenant.",
      servers: [{ $ref: "#/servers/production" }],
      parameters: {
        tenant: {
          description: "Who the shop belongs to",
          enum: ["acme", "globex"],
          default: "acme",
          examples: ["acme"],
          location: "$message.header#/tenant",
        },
      },
      messages: {
        placeOrder: { $ref: "#/components/messages/placeOrder" },
        cancelOrder: { $ref: "#/components/messages/cancelOrder" },
      },
      bindings: {
        amqp: {
          is: "queue",
          queue: { name: "orders", durable: true, exclusive: false, autoDelete: false, vhost: "/" },
          bindingVersion: "0.3.0",
        },
      },
      tags: [{ $ref: "#/components/tags/shop" }],
      externalDocs: { url: "https://example.com/orders", description: "How orders work" },
      "x-retention": "30d",
    },
    payments: {
      address: "payments",
      messages: { charge: { $ref: "#/components/messages/charge" } },
    },
    paymentReplies: {
      address: null,
      messages: { charged: { $ref: "#/components/messages/charged" } },
    },
    events: {
      address: "shop/events?all#1",
      servers: [{ $ref: "#/servers/analytics" }],
      messages: {
        orderPlaced: { $ref: "#/components/messages/orderPlaced" },
        stock: { $ref: "#/components/messages/stock" },
      },
      bindings: { kafka: { topic: "shop-events", partitions: 12, replicas: 3 } },
    },
  },
  operations: {
    receive_placeOrder: {
      action: "receive",
      channel: { $ref: "#/channels/orders" },
      title: "Place an order",
      summary: "Checks the stock, reserves it, and asks for `payment`",
      description: "Runs at most 30 seconds. Failed orders are tried **5 times**.",
      messages: [{ $ref: "#/channels/orders/messages/placeOrder" }],
      tags: [{ $ref: "#/components/tags/shop" }],
      externalDocs: { url: "https://example.com/place" },
      security: [{ $ref: "#/components/securitySchemes/key" }],
      bindings: { amqp: { ack: true, bindingVersion: "0.3.0" } },
      traits: [{ $ref: "#/components/operationTraits/slow" }],
      "x-timeout": "30s",
    },
    receive_cancelOrder: {
      action: "receive",
      channel: { $ref: "#/channels/orders" },
      title: "Cancel an order",
      messages: [{ $ref: "#/channels/orders/messages/cancelOrder" }],
      "x-deprecated": true,
      tags: [{ $ref: "#/components/tags/shop" }],
    },
    charge: {
      action: "send",
      channel: { $ref: "#/channels/payments" },
      title: "Charge a card",
      messages: [{ $ref: "#/channels/payments/messages/charge" }],
      tags: [{ name: "money" }],
      reply: {
        address: { location: "$message.header#/reply-to", description: "A queue of the app" },
        channel: { $ref: "#/channels/paymentReplies" },
        messages: [{ $ref: "#/channels/paymentReplies/messages/charged" }],
      },
    },
    answer_stock: {
      action: "receive",
      channel: { $ref: "#/channels/events" },
      messages: [{ $ref: "#/channels/events/messages/stock" }],
      tags: [{ $ref: "#/components/tags/shop" }],
      reply: { address: { location: "$message.header#/reply-to" } },
    },
    publishOrderPlaced: {
      action: "send",
      channel: { $ref: "#/channels/events" },
      messages: [{ $ref: "#/channels/events/messages/orderPlaced" }],
      bindings: { kafka: { groupId: { type: "string", enum: ["orders"] }, bindingVersion: "0.5.0" } },
    },
  },
  components: {
    messages: {
      placeOrder: {
        name: "placeOrder",
        title: "An order",
        summary: "Everything that is needed to ship it",
        contentType: "application/json",
        headers: {
          type: "object",
          required: ["tenant"],
          properties: {
            tenant: { type: "string", description: "Whose shop" },
            "x-trace": { type: "string", pattern: "^[0-9a-f]{32}$" },
          },
        },
        payload: { $ref: "#/components/schemas/Order" },
        correlationId: { $ref: "#/components/correlationIds/trace" },
        traits: [{ $ref: "#/components/messageTraits/priority" }],
        tags: [{ name: "v2" }],
        bindings: { amqp: { contentEncoding: "gzip", messageType: "order", bindingVersion: "0.3.0" } },
        examples: [
          {
            name: "small",
            summary: "One line, paid by card",
            payload: {
              id: "9f3b2c1e-6d4a-4f57-8a1b-2c3d4e5f6a7b",
              customer: { email: "ada@example.com", address: { street: "1 Main St", city: "London" } },
              lines: [{ sku: "AB-1", quantity: 2, price: 9.5 }],
              payment: { method: "card", token: "tok_1" },
            },
            headers: { tenant: "acme" },
          },
          { name: "headersOnly", headers: { tenant: "globex", "x-trace": "0123456789abcdef0123456789abcdef" } },
        ],
      },
      cancelOrder: {
        name: "cancelOrder",
        deprecated: true,
        description: "Use a refund instead.",
        payload: { type: "object", required: ["id"], properties: { id: { type: "string", format: "uuid" } } },
      },
      charge: {
        name: "charge",
        payload: { $ref: "#/components/schemas/Payment" },
        headers: { type: "object", properties: { "reply-to": { type: "string" } } },
      },
      charged: {
        name: "charged",
        payload: {
          type: "object",
          required: ["ok"],
          properties: { ok: { type: "boolean" }, reason: { type: ["string", "null"] } },
        },
      },
      orderPlaced: {
        name: "orderPlaced",
        contentType: "avro/binary",
        payload: {
          schemaFormat: "application/vnd.apache.avro;version=1.9.0",
          schema: { type: "record", name: "OrderPlaced", fields: [{ name: "id", type: "string" }] },
        },
      },
      stock: { name: "stock", payload: { $ref: "#/components/schemas/Category" } },
      unused: { name: "unused", title: "Nobody sends it", payload: { type: "string", maxLength: 40 } },
    },
    schemas: {
      Order: {
        type: "object",
        title: "Order",
        description: "What a customer wants.",
        required: ["id", "customer", "lines"],
        additionalProperties: false,
        properties: {
          id: { type: "string", format: "uuid", description: "Chosen by the sender, so that it is **idempotent**" },
          customer: { $ref: "#/components/schemas/Customer" },
          lines: {
            type: "array",
            minItems: 1,
            maxItems: 100,
            uniqueItems: true,
            items: {
              type: "object",
              required: ["sku", "quantity"],
              properties: {
                sku: { type: "string", pattern: "^[A-Z]{2}-\\d+$", examples: ["AB-1"] },
                quantity: { type: "integer", minimum: 1, maximum: 9007199254740991, default: 1 },
                price: { type: "number", exclusiveMinimum: 0, multipleOf: 0.01 },
              },
            },
          },
          status: { type: "string", enum: ["new", "paid", "shipped"], default: "new", readOnly: true },
          payment: { $ref: "#/components/schemas/Payment" },
          note: { anyOf: [{ type: "string", minLength: 1, maxLength: 200 }, { type: "null" }] },
          coupon: { type: "string", deprecated: true, writeOnly: true },
          labels: { type: "object", additionalProperties: { type: "string" }, maxProperties: 8 },
          meta: { type: "object", patternProperties: { "^x-": { type: "integer" } } },
          point: { type: "array", items: [{ type: "number" }, { type: "number" }] },
          version: { const: 2 },
          anything: true,
          nothing: false,
          placedAt: { type: "string", format: "date-time" },
        },
      },
      Customer: {
        allOf: [
          { $ref: "#/components/schemas/Person" },
          {
            type: "object",
            properties: {
              address: {
                type: "object",
                required: ["street", "city"],
                properties: {
                  street: { type: "string" },
                  city: { type: "string" },
                  zip: { type: "string", minLength: 4, maxLength: 4 },
                },
              },
            },
          },
        ],
      },
      Person: { type: "object", required: ["email"], properties: { email: { type: "string", format: "email" } } },
      Payment: {
        description: "How it is paid.",
        oneOf: [
          {
            type: "object",
            title: "Card",
            required: ["method", "token"],
            properties: { method: { const: "card" }, token: { type: "string" } },
          },
          {
            type: "object",
            title: "Invoice",
            required: ["method"],
            properties: { method: { const: "invoice" }, days: { type: "integer", enum: [14, 30] } },
          },
        ],
      },
      Category: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string" },
          parent: { $ref: "#/components/schemas/Category" },
          children: { type: "array", items: { $ref: "#/components/schemas/Category" } },
        },
        if: { properties: { name: { const: "root" } } },
        // biome-ignore lint/suspicious/noThenProperty: it is the keyword
        then: { not: { required: ["parent"] } },
      },
    },
    securitySchemes: {
      password: { type: "userPassword", description: "One user per service" },
      key: { type: "apiKey", in: "user", description: "Ask the team" },
    },
    serverVariables: {
      region: { enum: ["eu", "us"], default: "eu", description: "Where the queues are", examples: ["eu"] },
    },
    correlationIds: { trace: { location: "$message.header#/x-trace", description: "Goes through all services" } },
    operationTraits: { slow: { description: "Overridden by the operation.", "x-slow": true } },
    messageTraits: { priority: { headers: { type: "object", properties: { priority: { type: "string" } } } } },
    tags: { shop: { name: "shop", description: "The shop itself", externalDocs: { url: "https://example.com/shop" } } },
  },
};
