// What dependencies are given, what they demand of senders, and what is refused.
import { createApp, defineDependency, defineOperation, type Message } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";
import { check, type Equal } from "./stage.test-d.ts";

const app = createApp({ server: inMemory() });
type Sent<A extends { readonly "~types"?: { readonly payload: unknown; readonly headers: unknown } }> = NonNullable<
  A["~types"]
>;

interface User {
  readonly name: string;
}
const db = defineDependency({
  scope: "app",
  resolve: async ({ payload, headers, message, signal }) => {
    check<Equal<typeof payload, undefined>>();
    check<Equal<typeof headers, undefined>>();
    check<Equal<typeof message, undefined>>();
    check<Equal<typeof signal, AbortSignal>>();
    return { find: async (id: number): Promise<User> => ({ name: String(id) }) };
  },
  dispose: (pool) => check<Equal<typeof pool.find, (id: number) => Promise<User>>>(),
});
const user = defineDependency({
  payload: z.object({ userId: z.string().transform(Number) }),
  deps: { db },
  resolve: ({ payload, deps, headers, message }) => {
    check<Equal<typeof payload, { userId: number }>>();
    check<Equal<typeof headers, Readonly<Record<string, string>>>>();
    check<Equal<typeof message, Message>>();
    return deps.db.find(payload.userId);
  },
});
const tenant = defineDependency({
  headers: z.object({ "x-tenant": z.string().transform((text) => text.split("/")) }),
  resolve: ({ headers, payload }) => {
    check<Equal<typeof payload, unknown>>();
    return headers["x-tenant"];
  },
});
const language = defineDependency({
  headers: z.object({ "x-language": z.string().optional() }),
  resolve: ({ headers }) => headers["x-language"] ?? "en",
});
/** Needs nothing itself; what it uses does. */
const greeting = defineDependency({
  deps: { user, language },
  resolve: ({ deps }) => {
    check<Equal<typeof deps, { readonly user: User; readonly language: string }>>();
    return `${deps.language}: ${deps.user.name}`;
  },
});

// Values are awaited, whatever resolve returns
check<Equal<typeof db, typeof db>>();
app.actor({ name: "values", deps: { db, user, tenant, greeting } }, ({ deps, payload }) => {
  check<
    Equal<
      typeof deps,
      {
        readonly db: { find: (id: number) => Promise<User> };
        readonly user: User;
        readonly tenant: string[];
        readonly greeting: string;
      }
    >
  >();
  check<Equal<typeof payload, unknown>>();
});

// Code first: needs extend what `send` demands
{
  const own = app.actor(
    { name: "own", payload: z.object({ gift: z.string() }), deps: { user, tenant } },
    ({ payload }) => check<Equal<typeof payload, { gift: string }>>(),
  );
  check<Equal<Sent<typeof own>["payload"], { gift: string; userId: string }>>();
  check<Equal<Sent<typeof own>["headers"], { "x-tenant": string }>>();
  await app.send(own, { gift: "mug", userId: "7" }, { headers: { "x-tenant": "a/b" } });
  // @ts-expect-error: the dependency wants headers
  await app.send(own, { gift: "mug", userId: "7" });
  await app.send(
    own,
    // @ts-expect-error: the dependency wants userId
    { gift: "mug" },
    { headers: { "x-tenant": "a/b" } },
  );

  const only = app.actor({ name: "only", deps: { greeting } }, () => {});
  check<Equal<Sent<typeof only>["payload"], { userId: string }>>();
  check<Equal<Sent<typeof only>["headers"], { "x-language"?: string | undefined }>>();
  await app.send(only, { userId: "7" });
  await app.send(only, { userId: "7" }, { headers: { "x-language": "de" } });

  const headersToo = app.actor({ name: "h", headers: z.object({ trace: z.string() }), deps: { tenant } }, () => {});
  check<Equal<Sent<typeof headersToo>["headers"], { trace: string; "x-tenant": string }>>();
  check<Equal<Sent<typeof headersToo>["payload"], unknown>>();
}

// Dependencies that need nothing change nothing
{
  const bare = app.actor({ name: "bare", deps: { db } }, () => {});
  check<Equal<Sent<typeof bare>["payload"], unknown>>();
  await app.send(bare, null);
  const text = app.actor({ name: "text", payload: z.string(), deps: { db } }, () => {});
  check<Equal<Sent<typeof text>["payload"], string>>();
  const list = app.actor({ name: "list", payload: z.array(z.int()), deps: { db } }, () => {});
  check<Equal<Sent<typeof list>["payload"], number[]>>();
  app.actor({ operation: defineOperation({ name: "less" }), deps: { db, language } }, () => {});
}

// Payloads that are unions keep their members
{
  const payload = z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("a"), x: z.int() }),
    z.object({ kind: z.literal("b"), y: z.int() }),
  ]);
  const either = app.actor({ name: "either", payload, deps: { user } }, ({ payload }) =>
    payload.kind === "a" ? payload.x : payload.y,
  );
  await app.send(either, { kind: "a", x: 1, userId: "7" });
  await app.send(either, { kind: "b", y: 1, userId: "7" });
  const contract = defineOperation({ name: "union", payload });
  app.actor({ operation: contract, deps: { db } }, () => {});
}

// Contract first: the contract must promise what dependencies read
{
  const full = defineOperation({
    name: "full",
    payload: z.object({ userId: z.string(), more: z.int() }),
    headers: z.object({ "x-tenant": z.string() }),
  });
  app.actor({ operation: full, deps: { user, tenant, greeting, db } }, () => {});

  const bare = defineOperation({ name: "bare", payload: z.object({ more: z.int() }) });
  app.actor(
    {
      // @ts-expect-error: a dependency needs the field userId
      operation: bare,
      deps: { user },
    },
    () => {},
  );
  app.actor(
    {
      // @ts-expect-error: a dependency of a dependency needs the field userId
      operation: bare,
      deps: { greeting },
    },
    () => {},
  );
  app.actor(
    {
      // @ts-expect-error: a dependency needs the header x-tenant
      operation: bare,
      deps: { tenant },
    },
    () => {},
  );
  app.actor(
    {
      // @ts-expect-error: userId has another type on the wire
      operation: defineOperation({ name: "other", payload: z.object({ userId: z.int() }) }),
      deps: { user },
    },
    () => {},
  );
  app.actor(
    {
      // @ts-expect-error: userId may be absent
      operation: defineOperation({ name: "maybe", payload: z.object({ userId: z.string().optional() }) }),
      deps: { user },
    },
    () => {},
  );
  app.actor(
    {
      // @ts-expect-error: a contract without a schema promises nothing
      operation: defineOperation({ name: "none" }),
      deps: { user },
    },
    () => {},
  );
}

// Two views of one field
{
  const text = defineDependency({ payload: z.object({ value: z.string() }), resolve: ({ payload }) => payload.value });
  const short = defineDependency({ payload: z.object({ value: z.enum(["a", "b"]) }), resolve: () => 1 });
  const number = defineDependency({ payload: z.object({ value: z.number() }), resolve: () => 1 });

  const both = app.actor({ name: "both", deps: { text, short } }, () => {});
  check<Equal<Sent<typeof both>["payload"], { value: "a" | "b" }>>();

  app.actor(
    {
      name: "neither",
      // @ts-expect-error: no value is both a string and a number
      deps: { text, number },
    },
    () => {},
  );
  app.actor(
    {
      name: "own",
      payload: z.object({ value: z.boolean() }),
      // @ts-expect-error: the actor itself wants a boolean
      deps: { text },
    },
    () => {},
  );
}

// App-wide dependencies outlive messages
{
  defineDependency({
    scope: "app",
    // @ts-expect-error: it never sees a payload
    payload: z.object({ userId: z.int() }),
    resolve: () => 1,
  });
  defineDependency({
    scope: "app",
    // @ts-expect-error: it never sees headers
    headers: z.object({ tenant: z.string() }),
    resolve: () => 1,
  });
  defineDependency({
    scope: "app",
    deps: {
      db,
      // @ts-expect-error: the user changes with every message
      user,
    },
    resolve: () => 1,
  });
  defineDependency({
    scope: "app",
    resolve: ({ message }) =>
      // @ts-expect-error: there is no message
      message.id,
  });
  defineDependency({
    // @ts-expect-error: there is no such scope
    scope: "request",
    resolve: () => 1,
  });
  const wide = defineDependency({ scope: "app", deps: { db }, resolve: ({ deps }) => deps.db.find(1) });
  app.actor({ name: "wide", deps: { wide } }, ({ deps }) => check<Equal<typeof deps.wide, User>>());
}
