// The sample of the design, as a user writes it: contracts, worker, producer, tests.
import {
  type ActorMiddleware,
  catchAll,
  createApp,
  createRouter,
  type DeadLetterList,
  defineDependency,
  defineOperation,
  exponential,
  type ProducerMiddleware,
  type SendResult,
  type WorkerResult,
} from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import { callActor, createTestClient, type ProcessedMessage } from "millrace/testing";
import * as z from "zod";
import { check, type Equal } from "./stage.test-d.ts";

interface User {
  readonly id: number;
  readonly email: string;
}
interface Pool {
  findUser(id: number): Promise<User>;
  end(): Promise<void>;
}
declare function openPool(): Promise<Pool>;
declare const fakeDb: Pool;
declare const mailer: { send(user: User, options: { signal: AbortSignal }): Promise<void> };
declare const env: { readonly QUEUE: string };
declare const host: string;
declare const id: string;
declare const bytes: Uint8Array;

// The first ten lines of a newcomer
{
  const app = createApp({ server: sqlite({ path: "jobs.db" }) });
  const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload }) =>
    console.log(`hello ${payload.who}`),
  );
  await app.send(greet, { who: "world" });
  await app.run({ messagesLimit: 1 });
}

// contracts.ts
export const sendWelcome = defineOperation({
  name: "sendWelcome",
  channel: "email",
  payload: z.object({ userId: z.int() }),
  headers: z.object({ "correlation-id": z.string() }),
  reply: z.object({ ok: z.boolean() }),
  title: "Send welcome email",
  tags: ["email"],
});

// worker.ts
const logging = (): ActorMiddleware =>
  async function logging({ message, actor }, next) {
    const start = performance.now();
    try {
      return await next();
    } finally {
      console.error(actor.name, message.id, performance.now() - start);
    }
  };
const tracing = (): ActorMiddleware => (call, next) => next({ headers: { ...call.message.headers, span: "1" } });
const traceHeaders = (): ProducerMiddleware =>
  async function traceHeaders({ message }, next) {
    return next({ message: { ...message, headers: { traceparent: "00", ...message.headers } } });
  };

const db = defineDependency({ scope: "app", resolve: () => openPool(), dispose: (pool) => pool.end() });
const user = defineDependency({
  payload: z.object({ userId: z.int() }),
  deps: { db },
  resolve: ({ payload, deps }) => deps.db.findUser(payload.userId),
});

export const emails = createRouter({ channel: "email", timeout: "10s", middleware: [logging()] });
export const welcome = emails.actor(
  {
    operation: sendWelcome,
    deps: { user },
    retry: { attempts: 5, backoff: exponential({ base: "1s", max: "5m" }) },
    onError: (error) => (error instanceof RangeError ? "nack" : "retry"),
  },
  async ({ payload, headers, deps, message, reply, send, signal }) => {
    check<Equal<typeof payload, { userId: number }>>();
    check<Equal<typeof headers, { "correlation-id": string }>>();
    check<Equal<typeof deps, { readonly user: User }>>();
    check<Equal<Parameters<typeof reply>[0], { ok: boolean }>>();
    check<Equal<typeof signal, AbortSignal>>();
    await mailer.send(deps.user, { signal });
    await send(sendWelcome, payload, { headers: { "correlation-id": message.id } });
    return { ok: true };
  },
);
emails.actor({ name: "audit", routing: catchAll, confirmation: "explicit" }, ({ message }) =>
  message.headers["skip"] ? "ack" : "none",
);

export const app = createApp({
  title: "Mailer",
  version: "1.0.0",
  servers: { main: inMemory(), local: sqlite({ path: env.QUEUE }) },
  defaultServer: "main",
  middleware: { actor: [tracing()], producer: [traceHeaders()] },
}).include(emails);

const connection = await app.connect();
const { processed } = await app.runWorker({
  server: "main",
  concurrency: 1000,
  messagesLimit: 10_000,
  shutdownTimeout: "25s",
  signals: ["SIGTERM", "SIGINT"],
  health: { host, port: 8080, path: "/healthz" },
});
check<Equal<typeof processed, number>>();
check<Equal<keyof typeof app.servers, "main" | "local">>();
await connection.close();
await using another = await app.connect("local");
check<Equal<ReturnType<typeof another.close>, Promise<void>>>();

// producer.ts
const headers = { "correlation-id": id };
const sent = await app.send(sendWelcome, { userId: 7 }, { headers: { "correlation-id": id } });
check<Equal<typeof sent, SendResult>>();
await app.send(
  welcome,
  { userId: 7 },
  {
    headers,
    delay: "10m",
    priority: 50,
    expiresIn: "1h",
    dedupe: { key: "welcome:7", window: "1h" },
  },
);
const all = await app.sendMany(sendWelcome, [{ userId: 7 }, { userId: 8 }], { headers });
check<Equal<typeof all, readonly SendResult[]>>();
const { ok } = await app.request(sendWelcome, { userId: 7 }, { headers, timeout: "5s" });
check<Equal<typeof ok, boolean>>();
await app.publishJson("raw", { any: "thing" });
await app.publish("raw", bytes, { contentType: "text/plain", headers: { topic: "x" } });

const failed = await app.deadLetters("email").list();
check<Equal<typeof failed, DeadLetterList>>();
const result = await app.run();
check<Equal<typeof result, WorkerResult>>();

// tests
const client = createTestClient(app, { autoProcess: false });
const undo = client.override(db, () => fakeDb);
await client.send(sendWelcome, { userId: 7 }, { headers: { "correlation-id": "t" } });
const done = await client.processNext();
check<Equal<typeof done, ProcessedMessage | undefined>>();
undo.dispose();
const answer = await callActor(welcome, {
  payload: { userId: 7 },
  deps: { user: { id: 7, email: "a@example.org" } },
  headers,
  message: { id },
  send: async () => sent,
});
check<Equal<typeof answer, { ok: true }>>();
