import { defineDependency } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gate, stage } from "../core/stage.ts";

describe("W22: dependencies", () => {
  test("each is resolved once per message, however often it is used, and anew for the next message", async () => {
    const { app, workFor } = stage();
    let made = 0;
    const base = defineDependency({ resolve: () => (made += 1) });
    const left = defineDependency({ deps: { base }, resolve: ({ deps }) => deps.base });
    const right = defineDependency({ deps: { base }, resolve: async ({ deps }) => deps.base });
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", deps: { left, right, base } }, ({ deps }) => void seen.push({ ...deps }));
    await app.send(actor, {});
    await app.send(actor, {});
    await workFor(1000);
    expect(seen).toEqual([
      { left: 1, right: 1, base: 1 },
      { left: 2, right: 2, base: 2 },
    ]);
  });

  test("app-wide ones are resolved once, when first needed, and disposed of when the last user of the app leaves", async () => {
    const { app, work, clock, soon } = stage();
    const order: string[] = [];
    const pool = defineDependency({
      scope: "app",
      resolve: () => {
        order.push("open");
        return "pool";
      },
      dispose: (value) => void order.push(`close ${value}`),
    });
    const cache = defineDependency({
      scope: "app",
      deps: { pool },
      resolve: async ({ deps }) => {
        order.push("cache");
        return `cache on ${deps.pool}`;
      },
      dispose: (value) => void order.push(`drop ${value}`),
    });
    const actor = app.actor({ name: "a", deps: { cache, pool } }, () => {});
    const worker = await work();
    expect(order).toEqual([]);
    for (let i = 0; i < 5; i += 1) await app.send(actor, {});
    await clock.advance(10);
    expect(order).toEqual(["open", "cache"]);
    await soon(worker.stop());
    await app.close();
    expect(order).toEqual(["open", "cache", "drop cache on pool", "close pool"]);
  });

  test("siblings are resolved at the same time", async () => {
    const { app, workFor } = stage();
    const first = gate();
    const second = gate();
    const one = defineDependency({
      resolve: async () => {
        first.open();
        await second.opened;
        return 1;
      },
    });
    const two = defineDependency({
      resolve: async () => {
        second.open();
        await first.opened;
        return 2;
      },
    });
    const actor = app.actor({ name: "a", deps: { one, two } }, () => {});
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
  });

  test("they are disposed of after the message is settled, latest first, also when the handler fails", async () => {
    for (const fails of [false, true]) {
      const { app, workFor } = stage();
      const order: string[] = [];
      const connection = defineDependency({ resolve: () => "c", dispose: () => void order.push("connection") });
      const transaction = defineDependency({
        deps: { connection },
        resolve: async () => "t",
        dispose: async () => {
          await Promise.resolve();
          order.push("transaction");
        },
      });
      const actor = app.actor({ name: "a", deps: { transaction } }, ({ message }) => {
        message.afterSettle((outcome) => void order.push(`${outcome}`));
        if (fails) throw new Error("no");
      });
      await app.send(actor, {});
      await workFor(1000);
      expect(order).toEqual([fails ? "nack" : "ack", "transaction", "connection"]);
    }
  });

  test("a disposal that fails is logged, and the others still happen", async () => {
    const { app, workFor, logs } = stage();
    const order: string[] = [];
    const one = defineDependency({ resolve: () => 1, dispose: () => void order.push("one") });
    const two = defineDependency({
      deps: { one },
      resolve: () => 2,
      dispose: () => {
        throw new Error("two");
      },
    });
    const actor = app.actor({ name: "a", deps: { two } }, () => {});
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(order).toEqual(["one"]);
    expect(logs.of("dependency.dispose.error").length).toBe(1);
  });

  test("what was resolved before another one failed is disposed of; what failed is not", async () => {
    const { app, workFor, logs } = stage();
    const order: string[] = [];
    const good = defineDependency({ resolve: () => "good", dispose: (value) => void order.push(value) });
    const bad = defineDependency({
      deps: { good },
      resolve: async () => {
        throw new Error("bad");
      },
      dispose: () => void order.push("bad"),
    });
    const actor = app.actor({ name: "a", deps: { bad } }, () => void order.push("handler"));
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    expect(order).toEqual(["good"]);
    expect(logs.of("dependency.dispose.error")).toEqual([]);
  });

  test("a failed app-wide one is tried again with the next message", async () => {
    const { app, workFor } = stage();
    let tries = 0;
    const pool = defineDependency({
      scope: "app",
      resolve: async () => {
        tries += 1;
        if (tries === 1) throw new Error("database is starting");
        return "pool";
      },
    });
    const actor = app.actor({ name: "a", deps: { pool } }, () => {});
    for (let i = 0; i < 3; i += 1) await app.send(actor, {});
    expect(await workFor(1000, { concurrency: 1 })).toMatchObject({ nacked: 1, acked: 2 });
    expect(tries).toBe(2);
  });

  test("they see the message, their own view of payload and headers, and the signal; app-wide ones see no message", async () => {
    const { app, workFor } = stage();
    const seen: Record<string, unknown> = {};
    const pool = defineDependency({
      scope: "app",
      resolve: (context) => void Object.assign(seen, { app: [context.message, context.signal.aborted] }),
    });
    const user = defineDependency({
      payload: z.object({ userId: z.coerce.number() }),
      headers: z.object({ tenant: z.string() }),
      deps: { pool },
      resolve: ({ payload, headers, message, signal }) =>
        void Object.assign(seen, { message: [payload, headers, message?.channel, signal.aborted] }),
    });
    const actor = app.actor({ name: "a", deps: { user } }, () => {});
    await app.send(actor, { userId: "7" }, { headers: { tenant: "x" } });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen).toEqual({ app: [undefined, false], message: [{ userId: 7 }, { tenant: "x" }, "default", false] });
  });

  test("what dependencies need is validated when sending to the actor", async () => {
    const { app } = stage();
    const user = defineDependency({ payload: z.object({ userId: z.int() }), resolve: ({ payload }) => payload });
    const actor = app.actor({ name: "a", deps: { user } }, () => {});
    await expect(app.send(actor, {} as never)).rejects.toMatchObject({ code: "VALIDATION_FAILED", part: "payload" });
  });

  test("an app-wide one that asks for a message is refused when it is defined", () => {
    const perMessage = defineDependency({ resolve: () => 1 });
    const payload = z.object({});
    // @ts-expect-error There is no payload where there is no message.
    expect(() => defineDependency({ scope: "app", payload, resolve: () => 1 })).toThrow(/payload/);
    // @ts-expect-error It would outlive what it depends on.
    expect(() => defineDependency({ scope: "app", deps: { perMessage }, resolve: () => 1 })).toThrow(/perMessage/);
  });

  test("they count inside the timeout", async () => {
    const { app, workFor, clock } = stage();
    const slow = defineDependency({ resolve: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 500)) });
    let ran = 0;
    const actor = app.actor({ name: "a", timeout: 100, onTimeout: "nack", deps: { slow } }, () => {
      ran += 1;
    });
    await app.send(actor, {});
    expect(await workFor(1000, { cancelTimeout: 0 })).toMatchObject({ nacked: 1 });
    expect(ran).toBe(0);
    expect((await app.deadLetters("default").list())[0]?.reason.code).toBe("timeout");
  });
});
