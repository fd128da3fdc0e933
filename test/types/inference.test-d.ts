// What is inferred from schemas whose input and output differ: the wire and `send` have the input, handlers the output,
// replies the other way round.
import { type } from "arktype";
import { type Actor, createApp, createRouter, defineOperation, type MessageHeaders } from "millrace";
import { inMemory } from "millrace/memory";
import * as v from "valibot";
import * as z from "zod";
import { check, type Equal, type IsAny } from "./stage.test-d.ts";

const app = createApp({ server: inMemory() });

// zod
{
  const order = z.object({
    count: z.string().transform((text) => text.length),
    at: z.coerce.date(),
    note: z.string().default("none"),
    kind: z.enum(["new", "used"]),
    tags: z.array(z.string().transform((text) => Symbol(text))).optional(),
  });
  const audited = z.object({ "x-count": z.string().transform(Number) });
  const answer = z.object({ total: z.string().transform(Number), state: z.literal(["done", "open"]) });
  const place = defineOperation({ name: "place", payload: order, headers: audited, reply: answer });
  interface Given {
    count: string;
    at: unknown;
    note?: string | undefined;
    kind: "new" | "used";
    tags?: string[] | undefined;
  }
  interface Seen {
    count: number;
    at: Date;
    note: string;
    kind: "new" | "used";
    tags?: symbol[] | undefined;
  }
  type Simplify<T> = { [K in keyof T]: T[K] };

  const placed = app.actor({ operation: place }, async ({ payload, headers, reply, message }) => {
    check<Equal<typeof payload, Simplify<Seen>>>();
    check<Equal<typeof headers, { "x-count": number }>>();
    check<Equal<Parameters<typeof reply>[0], { total: string; state: "done" | "open" }>>();
    if (message.attempt === 1) return { total: "1", state: "open" };
    return { total: "2", state: "done" };
  });
  const codeFirst = app.actor({ name: "placed", payload: order, headers: audited, reply: answer }, ({ payload }) => {
    check<Equal<typeof payload, Simplify<Seen>>>();
    return { total: "1", state: "done" };
  });
  check<Equal<NonNullable<(typeof placed)["~types"]>["payload"], Simplify<Given>>>();
  check<Equal<NonNullable<(typeof codeFirst)["~types"]>["payload"], Simplify<Given>>>();

  const given: Simplify<Given> = { count: "abc", at: "2020-01-01", kind: "new" };
  const headers = { "x-count": "1" };
  await app.send(place, given, { headers });
  await app.send(placed, given, { headers });
  await app.send(codeFirst, given, { headers });
  await app.sendMany(place, [given, { ...given, note: "x", tags: ["a"] }], { headers });
  const reply = await app.request(place, given, { headers });
  check<Equal<typeof reply, { total: number; state: "done" | "open" }>>();
  const same = await app.request(codeFirst, given, { headers });
  check<Equal<typeof same, { total: number; state: "done" | "open" }>>();
}

// valibot
{
  const payload = v.object({
    size: v.pipe(v.string(), v.transform(Number)),
    unit: v.optional(v.picklist(["mm", "cm"]), "mm"),
  });
  const reply = v.pipe(
    v.string(),
    v.transform((text) => text.length),
  );
  const measure = app.actor({ name: "measure", payload, reply }, async ({ payload, headers }) => {
    check<Equal<typeof payload, { size: number; unit: "mm" | "cm" }>>();
    check<Equal<typeof headers, MessageHeaders>>();
    return "text";
  });
  check<Equal<NonNullable<(typeof measure)["~types"]>["payload"], { size: string; unit?: "mm" | "cm" | undefined }>>();
  await app.send(measure, { size: "1" });
  const measured = await app.request(measure, { size: "1", unit: "cm" }, { timeout: 100 });
  check<Equal<typeof measured, number>>();
}

// arktype
{
  const payload = type({ amount: "string.numeric.parse", "memo?": "string", mode: "'fast'|'slow'" });
  const pay = app.actor({ name: "pay", payload, headers: type({ "x-tenant": "string" }) }, ({ payload, headers }) => {
    check<Equal<typeof payload.amount, number>>();
    check<Equal<typeof payload.memo, string | undefined>>();
    check<Equal<typeof payload.mode, "fast" | "slow">>();
    check<Equal<(typeof headers)["x-tenant"], string>>();
  });
  await app.send(pay, { amount: "12", mode: "fast" }, { headers: { "x-tenant": "a" } });
}

// No schema: unknown, never any
{
  const bare = app.actor({ name: "bare" }, ({ payload, headers, deps, reply }) => {
    check<Equal<typeof payload, unknown>>();
    check<Equal<typeof headers, MessageHeaders>>();
    check<Equal<keyof typeof deps, never>>();
    check<Equal<Parameters<typeof reply>[0], unknown>>();
    return 7;
  });
  check<Equal<ReturnType<typeof bare.handler>, number>>();
  await app.send(bare, null);
  await app.send(bare, { any: "thing" }, { headers: { free: "text" } });
  const answer = await app.request(bare, 1);
  check<Equal<typeof answer, unknown>>();
  const operation = defineOperation({ name: "bare" });
  app.actor({ operation }, ({ payload }) => check<Equal<typeof payload, unknown>>());
  await app.send(operation, undefined);
}

// What the handler returns stays precise, for unit tests of the plain function
{
  const sync = app.actor({ name: "sync" }, () => ({ count: 1, list: ["a"] }));
  check<Equal<ReturnType<typeof sync.handler>, { count: number; list: string[] }>>();
  const later = app.actor({ name: "later", payload: z.string() }, async ({ payload }) => [payload]);
  check<Equal<ReturnType<typeof later.handler>, Promise<string[]>>>();
  const nothing = app.actor({ name: "nothing" }, () => {});
  check<Equal<ReturnType<typeof nothing.handler>, void>>();
  check<typeof sync extends Actor<unknown, unknown, unknown, unknown> ? true : false>();
}

// Replies keep their literals, in every form of function
{
  const reply = z.object({
    state: z.enum(["on", "off"]),
    path: z.array(z.string()),
    pair: z.tuple([z.literal("k"), z.int()]),
  });
  app.actor({ name: "1", reply }, () => ({ state: "on", path: ["a"], pair: ["k", 1] }));
  app.actor({ name: "2", reply }, async () => ({ state: "on", path: [], pair: ["k", 1] }));
  app.actor({ name: "3", reply }, async ({ message }) => {
    if (message.attempt > 1) return { state: "off", path: [message.id], pair: ["k", 1] };
    return { state: "on", path: [], pair: ["k", 1] };
  });
  app.actor({ name: "4", reply: z.literal("pong") }, () => "pong");
  app.actor({ name: "5", reply: z.literal("pong") }, async () => "pong");
  app.actor({ name: "6", reply: z.literal("pong") }, async ({ message }) => {
    await message.settled;
    return "pong";
  });
  // Replied already, or in one branch only
  app.actor({ name: "7", reply }, async ({ reply }) => {
    await reply({ state: "on", path: [], pair: ["k", 1] }, { headers: { a: "b" } });
  });
  app.actor({ name: "8", reply: z.string() }, async ({ reply, attempt }) => {
    if (attempt === 1) return reply("early");
    return "late";
  });
}

// Explicit outcomes, sync and async
{
  const confirmation = "explicit";
  app.actor({ name: "1", confirmation }, () => "ack");
  app.actor({ name: "2", confirmation }, async () => "nack");
  app.actor({ name: "3", confirmation }, async ({ message }) => {
    await message.settled;
    return "reject";
  });
  app.actor({ name: "4", confirmation }, async ({ message }) => {
    if (message.isSettled) return "none";
    return "ack";
  });
  app.actor({ name: "5", confirmation: "explicit", reply: z.string(), onError: "none" }, async ({ reply }) => {
    await reply("text");
    return "none";
  });
}

// A policy with functions of its own leaves everything typed
{
  app.actor(
    {
      name: "retrying",
      retry: { attempts: 3, retryIf: (error, attempt) => error instanceof Error && attempt < 2 },
      onError: (error, message) => {
        check<Equal<typeof error, unknown>>();
        check<Equal<IsAny<typeof message>, false>>();
        return message.attempt > 1 ? { retryAfter: "1m" } : "retry";
      },
      onTimeout: "retry",
    },
    () => {},
  );
  app.actor({ name: "own number", retry: 5, onError: "retry" }, () => {});
  app.actor({ name: "delayed", onError: { retryAfter: "5s" } }, () => {});

  const retryIf = (error: unknown): boolean => error instanceof Error;
  createRouter({ retry: { retryIf: (error, attempt) => retryIf(error) && attempt > 1 } }).actor(
    { name: "inherited", onError: () => "retry", onTimeout: "retry" },
    () => {},
  );
  createApp({ server: inMemory(), retry: { retryIf: (error) => retryIf(error) } }).actor(
    { name: "inherited", onError: (error) => (retryIf(error) ? "retry" : "nack"), onTimeout: "retry" },
    () => {},
  );
  createApp({ servers: { one: inMemory() }, retry: 2 }).actor({ name: "inherited", onError: "retry" }, () => {});
}
