// Misuse of actors, routers, apps and operations: refused by the compiler, at the token that is wrong.
import {
  type BrokerServer,
  catchAll,
  createApp,
  createRouter,
  defineChannel,
  defineOperation,
  exponential,
  fixed,
} from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";

const app = createApp({ server: inMemory() });
const router = createRouter({ channel: "email" });
const order = defineOperation({
  name: "order",
  payload: z.object({ n: z.int() }),
  reply: z.object({ ok: z.boolean() }),
});

// Payload
app.actor(
  { name: "a", payload: z.object({ n: z.int() }) },
  ({ payload }) =>
    // @ts-expect-error: there is no such field
    payload.m,
);
app.actor({ operation: order }, ({ payload, reply }) => {
  // @ts-expect-error: there is no such field
  payload.m;
  // @ts-expect-error: ok is a boolean
  return reply({ ok: "yes" });
});
app.actor(
  { name: "a" },
  ({ payload }) =>
    // @ts-expect-error: without a schema nothing is known of it
    payload.m,
);
app.actor(
  { name: "a", headers: z.object({ trace: z.string() }) },
  ({ headers }) =>
    // @ts-expect-error: the schema has no such header
    headers["x-tenant"],
);
app.actor(
  { name: "a" },
  ({ deps }) =>
    // @ts-expect-error: there are no dependencies
    deps.db,
);

// Explicit outcomes
app.actor(
  { name: "a", confirmation: "explicit" },
  // @ts-expect-error: returns nothing
  () => {},
);
app.actor(
  { name: "a", confirmation: "explicit" },
  // @ts-expect-error: resolves with nothing
  async () => {},
);
app.actor(
  { name: "a", confirmation: "explicit" },
  () =>
    // @ts-expect-error: no outcome
    "nope",
);
app.actor(
  { name: "a", confirmation: "explicit" },
  // @ts-expect-error: no outcome
  async ({ message }) => {
    await message.settled;
    return "nope";
  },
);
app.actor(
  { name: "a", confirmation: "explicit" },
  // @ts-expect-error: one branch returns nothing
  ({ attempt }) => {
    if (attempt > 1) return "ack";
    return undefined;
  },
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: no such confirmation
    confirmation: "eventually",
  },
  () => {},
);

// Replies
app.actor({ operation: order }, () => ({
  // @ts-expect-error: ok is a boolean
  ok: "yes",
}));
app.actor(
  { operation: order },
  // @ts-expect-error: ok is a boolean
  async ({ payload }) => {
    return { ok: payload.n };
  },
);
app.actor(
  { name: "a", reply: z.enum(["on", "off"]) },
  () =>
    // @ts-expect-error: not one of them
    "maybe",
);

// Confirmation and what follows a failure
app.actor(
  {
    name: "a",
    confirmation: "alwaysAck",
    // @ts-expect-error: it is acked whatever happens
    onError: "nack",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    confirmation: "alwaysAck",
    // @ts-expect-error: it is acked whatever happens
    onError: () => "nack",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    confirmation: "alwaysAck",
    // @ts-expect-error: it is acked whatever happens
    onTimeout: "reject",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    confirmation: "ackFirst",
    // @ts-expect-error: it was acked before
    onInvalid: "nack",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    confirmation: "ackFirst",
    // @ts-expect-error: it was acked before
    onError: "nack",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: "none" is for manual modes
    onError: "none",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: onError is synchronous
    onError: async () => "nack",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: no duration
    onError: { retryAfter: "5 minutes" },
  },
  () => {},
);
app.actor(
  {
    name: "a",
    retry: 3,
    // @ts-expect-error: what does not fit does not fit the next time either
    onInvalid: "retry",
  },
  () => {},
);
app.actor({ name: "a", confirmation: "alwaysAck", onInvalid: "nack" }, () => {});
app.actor({ name: "a", confirmation: "manual", onError: "none" }, () => {});

// Retrying needs a policy: one's own, the router's or the app's
app.actor(
  {
    name: "a",
    // @ts-expect-error: there is no policy
    onError: "retry",
  },
  () => {},
);
router.actor(
  {
    name: "a",
    // @ts-expect-error: there is no policy
    onError: (error) => (error instanceof RangeError ? "nack" : "retry"),
  },
  () => {},
);
router.actor(
  {
    operation: order,
    // @ts-expect-error: there is no policy
    onTimeout: "retry",
  },
  () => ({ ok: true }),
);
router.actor({ name: "a", retry: 3, onError: "retry", onTimeout: "retry" }, () => {});
createRouter({ retry: 3 }).actor({ name: "a", onError: "retry", onTimeout: "retry" }, () => {});
createApp({ server: inMemory(), retry: { attempts: 3 } }).actor({ name: "a", onError: "retry" }, () => {});
app.actor(
  {
    name: "a",
    retry: {
      // @ts-expect-error: attempts is a number
      attempts: "3",
    },
  },
  () => {},
);
app.actor(
  {
    name: "a",
    retry: {
      // @ts-expect-error: there is no such option
      attemps: 3,
    },
  },
  () => {},
);
createRouter({
  retry: {
    // @ts-expect-error: attempts is a number
    attempts: "3",
  },
});

// A contract says what only contracts say
app.actor(
  {
    operation: order,
    // @ts-expect-error: the channel is the operation's
    channel: "email",
  },
  () => ({ ok: true }),
);
app.actor(
  {
    operation: order,
    // @ts-expect-error: the topic is the operation's
    topic: "other",
  },
  () => ({ ok: true }),
);
app.actor(
  {
    operation: order,
    // @ts-expect-error: the schema is the operation's
    payload: z.string(),
  },
  () => ({ ok: true }),
);
app.actor(
  {
    operation: order,
    // @ts-expect-error: the schema is the operation's
    reply: z.object({ ok: z.boolean() }),
  },
  () => ({ ok: true }),
);
app.actor(
  {
    // biome-ignore lint/suspicious/noDuplicateObjectKeys: that is the mistake
    name: "a",
    // @ts-expect-error: given twice
    name: "b",
  },
  () => {},
);
app.actor(
  // @ts-expect-error: neither a name nor an operation
  { payload: z.string() },
  () => {},
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: there is no such option
    timeOut: "5s",
  },
  () => {},
);
app.actor(
  {
    name: "a",
    // @ts-expect-error: not a schema
    payload: { n: "number" },
  },
  () => {},
);
app.actor(
  {
    name: "a",
    deps: {
      // @ts-expect-error: not a dependency
      db: {},
    },
  },
  () => {},
);
defineOperation({
  // @ts-expect-error: not a name
  name: 1,
});
defineOperation({
  name: "a",
  // @ts-expect-error: not a schema
  payload: String,
});
// An actor may have a name of its own beside the operation's.
app.actor({ operation: order, name: "second reader" }, () => ({ ok: true }));

// Durations
app.actor(
  {
    name: "a",
    // @ts-expect-error: no duration
    timeout: "5 minutes",
  },
  () => {},
);
createRouter({
  // @ts-expect-error: no duration
  timeout: "5min",
});
exponential({
  // @ts-expect-error: no duration
  base: "one second",
});
fixed({ delay: "1.5s" });
createApp({
  server: inMemory(),
  // @ts-expect-error: no duration
  publishTimeout: "10",
});
app.run({
  // @ts-expect-error: no duration
  shutdownTimeout: "25 seconds",
});

// Servers
createApp({
  server: inMemory(),
  // @ts-expect-error: one or several, not both
  servers: { other: inMemory() },
});
createApp({
  servers: { main: inMemory(), local: sqlite({ path: "jobs.db" }) },
  // @ts-expect-error: there is no such server
  defaultServer: "other",
});
createApp({
  server: inMemory(),
  // @ts-expect-error: there is only one
  defaultServer: "main",
});
createApp({
  // @ts-expect-error: not a server
  server: "redis://localhost",
});
createApp({
  servers: {
    // @ts-expect-error: not a server
    main: {},
  },
});
createApp({
  server: inMemory(),
  // @ts-expect-error: there is no such option
  loger: false,
});
declare const any: BrokerServer;
createApp({ servers: { any } }).actor({ name: "a", routing: catchAll }, () => {});

// Routers and channels
app.include(router);
app.include(createRouter({ retry: 1 }));
router.include(
  // @ts-expect-error: an app is not a router
  app,
);
createRouter({
  // @ts-expect-error: there is no such option
  chanel: "email",
});
createRouter({
  // @ts-expect-error: not a middleware
  middleware: ["logging"],
});
createRouter({ channel: defineChannel({ address: "orders.{tenant}", parameters: { tenant: {} } }) });
