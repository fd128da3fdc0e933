import { createApp, defineOperation } from "millrace";
import { cloudEvents } from "millrace/cloudevents";
import { inMemory } from "millrace/memory";
import * as z from "zod";

// Systems that know nothing of millrace: no header `topic`, their own way to say what a message is.

const wire = inMemory({ topicHeader: false }); // No header is added on this server, and none is looked for.
const app = createApp({ server: wire, logger: false });

// In: the kind stands in the payload, so the actors say themselves what is theirs. Routing sees bytes and headers.
const kindOf = (payload: Uint8Array): unknown => {
  try {
    return (JSON.parse(Buffer.from(payload).toString()) as { kind?: unknown }).kind;
  } catch {
    return undefined;
  }
};
app.actor(
  {
    name: "payment",
    channel: "bank",
    routing: () => (message) => kindOf(message.payload) === "PAYMENT",
    payload: z.object({ cents: z.int() }),
  },
  ({ payload }) => console.log(`payment of ${payload.cents}`),
);
// An actor that takes the rest: without it, it would wait for somebody else, and be a dead letter in the end.
app.actor({ name: "rest", channel: "bank", routing: () => () => true }, ({ payload }) =>
  console.log("other:", payload),
);

const connection = await app.connect();
for (const text of ['{"kind":"PAYMENT","cents":1250}', '{"kind":"HELLO"}']) await app.publish("bank", text);
await app.runWorker({ messagesLimit: 2 });

// Out: exactly their headers and body, checked and typed.
const transfer = defineOperation({
  name: "transfer",
  channel: "bank.in",
  payload: z.object({ kind: z.literal("TRANSFER"), cents: z.int() }),
  headers: z.object({ "X-Bank-Version": z.literal("2") }),
});
await app.send(transfer, { kind: "TRANSFER", cents: 99 }, { headers: { "X-Bank-Version": "2" } });
const got = Promise.withResolvers<void>();
const bank = await wire.subscribe({
  channels: [{ name: "bank.in" }],
  maxUnsettled: 1,
  onDelivery(delivery) {
    console.log("the bank gets", { ...delivery.headers }, Buffer.from(delivery.payload).toString());
    void delivery.settle("ack");
    got.resolve();
  },
  onStateChange: () => {},
});
await got.promise;
await bank.close();
await connection.close();

// CloudEvents 1.0: the type of the event is the topic, other attributes are headers.
const broker = inMemory();
const shop = createApp({ server: cloudEvents(broker, { source: "/shop", mode: "structured" }), logger: false });
const placed = shop.actor({ name: "com.example.placed", channel: "orders" }, ({ payload, message }) => {
  console.log(`event ${message.id} from ${message.headers["ce-source"]}:`, payload);
});
const shopConnection = await shop.connect();
await broker.publish("orders", {
  ...{ id: "1", headers: {}, replyTo: undefined, contentType: "application/cloudevents+json" },
  payload: Buffer.from(
    '{"specversion":"1.0","id":"A1","source":"/elsewhere","type":"com.example.placed","data":{"n":1}}',
  ),
});
await shop.send(placed, { n: 2 }, { id: "B2", headers: { "ce-subject": "order/2" } });
await shop.runWorker({ messagesLimit: 2, concurrency: 1 });
await shopConnection.close();
