import { createApp, createRouter, defineDependency, defineOperation, type Message } from "millrace";
import { inMemory } from "millrace/memory";
import { callActor } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";

const app = createApp({ server: inMemory(), logger: false });
const user = defineDependency({ resolve: (): { readonly name: string } => ({ name: "from the database" }) });

describe("callActor", () => {
  test("calls the plain handler and gives what it returns", async () => {
    const sync = app.actor({ name: "sync", payload: z.object({ n: z.number() }) }, ({ payload }) => payload.n + 1);
    expect(callActor(sync, { payload: { n: 1 } })).toBe(2);
    const later = app.actor({ name: "later" }, async () => "done");
    expect(await callActor(later, { payload: undefined })).toBe("done");
  });

  test("throws what it throws", async () => {
    const broken = app.actor({ name: "broken" }, () => {
      throw new RangeError("bad");
    });
    expect(() => callActor(broken, { payload: {} })).toThrow(RangeError);
    const later = app.actor({ name: "later-broken" }, () => Promise.reject(new RangeError("bad")));
    await expect(callActor(later, { payload: {} })).rejects.toThrow(RangeError);
  });

  test("gives the dependencies that it is given, without resolving any", () => {
    const greet = app.actor({ name: "greet", deps: { user } }, ({ deps }) => deps.user.name);
    expect(callActor(greet, { payload: {}, deps: { user: { name: "given" } } })).toBe("given");
  });

  test("does not validate, run middleware or need a connection", () => {
    let wrapped = 0;
    const router = createRouter({
      middleware: [
        (_, next) => {
          wrapped += 1;
          return next();
        },
      ],
    });
    const actor = router.actor({ name: "a", payload: z.object({ n: z.number().max(5) }) }, ({ payload }) => payload.n);
    expect([callActor(actor, { payload: { n: 99 } }), wrapped]).toEqual([99, 0]);
  });

  test("works for actors of an operation", async () => {
    const operation = defineOperation({
      name: "sum",
      payload: z.object({ a: z.number(), b: z.number() }),
      reply: z.object({ sum: z.number() }),
    });
    const actor = app.actor({ operation }, async ({ payload: { a, b } }) => ({ sum: a + b }));
    expect(await callActor(actor, { payload: { a: 1, b: 2 } })).toEqual({ sum: 3 });
  });

  test("has defaults for what most handlers do not look at", () => {
    const actor = app.actor({ name: "defaults" }, ({ headers, signal, attempt, deliveries, deps }) => ({
      ...{ attempt, deliveries, deps },
      headers: { ...headers },
      aborted: signal.aborted,
    }));
    expect(callActor(actor, { payload: {} })).toEqual({
      attempt: 1,
      deliveries: 1,
      deps: {},
      headers: {},
      aborted: false,
    });
  });

  test("gives headers, signal, counters, reply, send and message as they are given", async () => {
    const sent: unknown[] = [];
    const other = app.actor({ name: "other" }, () => {});
    const actor = app.actor(
      { name: "all", headers: z.object({ tenant: z.string() }), retry: 3 },
      async ({ headers, signal, attempt, deliveries, reply, send, message }) => {
        await reply("answer");
        await send(other, { n: 1 });
        return [headers.tenant, signal.reason, attempt, deliveries, message.id];
      },
    );
    const message: Partial<Message> = { id: "m1" };
    const result = await callActor(actor, {
      payload: {},
      headers: { tenant: "acme" },
      signal: AbortSignal.abort("over"),
      attempt: 3,
      deliveries: 4,
      reply: async (value) => void sent.push(value),
      send: async (to, payload, ..._options) => {
        sent.push([to.name, payload]);
        return { id: "x", server: "s", channel: "c" };
      },
      message,
    });
    expect(result).toEqual(["acme", "over", 3, 4, "m1"]);
    expect(sent).toEqual(["answer", ["other", { n: 1 }]]);
  });

  test.each(["reply", "send", "message"] as const)("says which part is missing when the handler uses %s", (part) => {
    const actor = app.actor({ name: `uses-${part}` }, (context) => context[part] !== undefined);
    expect(() => callActor(actor, { payload: {} })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(part) }),
    );
  });

  test("the handler is there as a function, too", () => {
    const handler = (): number => 42;
    const actor = app.actor({ name: "plain" }, handler);
    expect(actor.handler).toBe(handler);
  });
});
