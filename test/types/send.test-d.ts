// Sending: servers, their parameters and abilities, required and optional options.
import { type App, createApp, createRouter, defineOperation, priority, type Send, type SendResult } from "millrace";
import { type InMemoryServer, inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";
import { check, type Equal, kafka, redis } from "./stage.test-d.ts";

const ping = defineOperation({ name: "ping", payload: z.object({ n: z.int() }), reply: z.string() });
const headed = defineOperation({ name: "headed", headers: z.object({ trace: z.string() }) });
const maybe = defineOperation({ name: "maybe", headers: z.object({ trace: z.string().optional() }) });

const app = createApp({
  servers: { cache: redis({ url: "redis://" }), log: kafka({ brokers: [] }), here: inMemory() },
  defaultServer: "cache",
});

// Options may be left out unless headers are needed
await app.send(ping, { n: 1 });
await app.send(ping, { n: 1 }, {});
await app.send(maybe, 1);
await app.send(maybe, 1, { headers: { trace: "t" } });
await app.send(headed, 1, { headers: { trace: "t" }, validate: false });
// @ts-expect-error: headers are needed
await app.send(headed, 1);
await app.send(
  headed,
  1,
  // @ts-expect-error: headers are needed
  { delay: "1s" },
);
await app.send(headed, 1, {
  headers: {
    // @ts-expect-error: trace is a string
    trace: 1,
  },
});
await app.send(ping, {
  // @ts-expect-error: n is a number
  n: "1",
});
await app.send(
  ping,
  // @ts-expect-error: n is missing
  {},
);
await app.send(ping, {
  n: 1,
  // @ts-expect-error: there is no such field
  m: 1,
});
await app.sendMany(ping, [
  { n: 1 },
  {
    // @ts-expect-error: n is a number
    n: "1",
  },
]);

// Parameters belong to the server that the message goes to
await app.send(ping, { n: 1 }, { params: { maxLength: 1 } });
await app.send(ping, { n: 1 }, { server: "cache", params: { maxLength: 1 } });
await app.send(ping, { n: 1 }, { server: "log", params: { key: "k" } });
await app.publish("raw", "text", { server: "log", params: { key: "k" } });
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    params: {
      // @ts-expect-error: maxLength belongs to another server
      maxLength: 1,
    },
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    params: {
      // @ts-expect-error: key is not for the default server
      key: "k",
    },
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    server: "here",
    params: {
      // @ts-expect-error: this server has no parameters
      maxLength: 1,
    },
  },
);
await app.publishJson("raw", 1, {
  server: "log",
  params: {
    // @ts-expect-error: maxLength belongs to another server
    maxLength: 1,
  },
});
const file = createApp({ server: sqlite({ path: "jobs.db" }) });
await file.send(
  ping,
  { n: 1 },
  {
    params: {
      // @ts-expect-error: this server has no parameters
      maxLength: 1,
    },
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: there is no such server
    server: "nowhere",
  },
);
await app.connect("log");
// @ts-expect-error: there is no such server
await app.connect("nowhere");
// @ts-expect-error: there is no such server
app.deadLetters("email", { server: "nowhere" });
await app.runWorker({
  // @ts-expect-error: there is no such server
  server: "nowhere",
});
await app.runWorker({
  servers: [
    "log",
    // @ts-expect-error: there is no such server
    "nowhere",
  ],
});

// Abilities
await app.send(ping, { n: 1 }, { delay: "10m", priority: priority.high, dedupe: { key: "k", window: "1h" } });
await app.send(ping, { n: 1 }, { at: new Date(), expiresIn: 1000 });
await app.send(ping, { n: 1 }, { server: "here", delay: "10m", priority: 1, expiresIn: "1h" });
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    // @ts-expect-error: this server cannot delay
    delay: "10m",
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    // @ts-expect-error: this server cannot delay
    at: new Date(),
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    // @ts-expect-error: this server has no priorities
    priority: 1,
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    // @ts-expect-error: on this server nothing expires
    expiresIn: "1h",
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    server: "log",
    // @ts-expect-error: this server cannot deduplicate
    dedupe: { key: "k", window: "1h" },
  },
);
await app.publish("raw", "text", {
  server: "log",
  // @ts-expect-error: this server cannot delay
  delay: "10m",
});
const logOnly = createApp({ server: kafka({ brokers: [] }) });
await logOnly.send(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: the only server cannot delay
    delay: "10m",
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: no duration
    delay: "5 minutes",
  },
);
await app.send(
  ping,
  { n: 1 },
  {
    dedupe: {
      key: "k",
      // @ts-expect-error: no duration
      window: "an hour",
    },
  },
);

// Requests
check<Equal<Awaited<ReturnType<typeof request>>, string>>();
const request = () => app.request(ping, { n: 1 }, { server: "here", timeout: "5s", priority: 3 });
await app.request(headed, 1, { headers: { trace: "t" } });
// @ts-expect-error: headers are needed
await app.request(headed, 1);
await app.request(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: its reply is awaited now
    delay: "1s",
  },
);
await app.request(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: its reply is awaited now
    at: 0,
  },
);
await app.request(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: its reply comes to this app
    replyTo: "elsewhere",
  },
);
await app.request(
  ping,
  { n: 1 },
  {
    // @ts-expect-error: this server cannot answer
    server: "log",
  },
);
// @ts-expect-error: the only server cannot answer
await logOnly.request(ping, { n: 1 });
const logFirst = createApp({ servers: { log: kafka({ brokers: [] }), here: inMemory() }, defaultServer: "log" });
await logFirst.request(ping, { n: 1 }, { server: "here" });
// @ts-expect-error: the default server cannot answer
await logFirst.request(ping, { n: 1 });

// Servers that are known only at run time take everything and check it then
const late = createApp();
late.registry.register("main", redis({ url: "redis://" }), { default: true });
await late.send(ping, { n: 1 }, { server: "main", params: { maxLength: 1 }, delay: "1s" });
await late.send(ping, { n: 1 }, { params: { maxLength: 1 } });
await late.request(ping, { n: 1 });
check<Equal<Parameters<typeof late.connect>[0], string | undefined>>();

// Handlers know no servers by type, since their router may be in any app
createRouter().actor({ name: "sender" }, async ({ send, message }) => {
  check<Equal<typeof send, Send>>();
  check<Equal<typeof message.send, Send>>();
  const sent = await send(ping, { n: 1 }, { server: "log", params: { key: "k" }, delay: "1s" });
  check<Equal<typeof sent, SendResult>>();
  await message.publish("raw", new Uint8Array(), { headers: { a: "b" } });
  // @ts-expect-error: headers are needed
  await send(headed, 1);
  await send(ping, {
    // @ts-expect-error: n is a number
    n: "1",
  });
});

// Apps are apps: precise ones can be passed to helpers that take any
const helper = (any: App): Promise<unknown> => any.send(ping, { n: 1 });
await helper(app);
await helper(file);
await helper(late);
await helper(createApp({ servers: { one: inMemory() }, retry: 3 }));
const generic = <S extends Readonly<Record<"main", InMemoryServer>>>(one: App<S, "main">): S["main"] =>
  one.servers.main;
check<Equal<ReturnType<typeof generic<{ main: InMemoryServer }>>, InMemoryServer>>();
check<Equal<typeof file.servers, { readonly default: ReturnType<typeof sqlite> }>>();
check<Equal<Parameters<typeof file.connect>[0], "default" | undefined>>();
