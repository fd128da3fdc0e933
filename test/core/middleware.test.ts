import { AsyncLocalStorage } from "node:async_hooks";
import {
  type ActorMiddleware,
  createRouter,
  defineOperation,
  NextCalledTwiceError,
  type ProducerMiddleware,
  type ProducerPatch,
} from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { type StageOptions, stage } from "./stage.ts";

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

describe("middleware of actors", () => {
  test("knows the actor and the message", async () => {
    const seen: unknown[] = [];
    const middleware: ActorMiddleware = ({ actor, message, signal }, next) => {
      seen.push(actor, message.id, message.attempt, signal === message.signal);
      return next();
    };
    const { app, workFor } = stage();
    const operation = defineOperation({ name: "op", topic: "t", channel: "x", tags: ["b", { name: "c" }] });
    app.actor({ operation, timeout: "5s", middleware: [middleware], tags: ["a", { name: "b" }] }, () => {});
    await app.send(operation, {}, { id: "m-1" });
    await workFor(1000);
    expect(seen).toEqual([{ name: "op", topic: "t", channel: "x", timeout: 5000, tags: ["a", "b"] }, "m-1", 1, true]);
  });

  test("its values in an AsyncLocalStorage are seen in dependencies, handler and what it sends", async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const trace: ProducerMiddleware = (_, next) => {
      seen.push(["send", store.getStore()]);
      return next();
    };
    const { app, workFor } = stage({ app: { middleware: { producer: [trace] } } });
    const next = app.actor({ name: "next", channel: "y" }, () => {});
    const actor = app.actor(
      { name: "a", middleware: [({ message }, run) => store.run(message.id, run)], payload: z.object({}) },
      async ({ send, message }) => {
        await Promise.resolve();
        seen.push(["handler", store.getStore()]);
        await send(next, {});
        message.afterSettle(() => void seen.push(["after", store.getStore()]));
      },
    );
    for (const id of ["1", "2"]) await app.publish("default", "{}", { id, headers: { topic: actor.name } });
    seen.length = 0;
    await workFor(1000, { concurrency: 1 });
    expect(seen.filter((one) => (one as string[])[0] !== "after")).toEqual([
      ["handler", "1"],
      ["send", "1"],
      ["handler", "2"],
      ["send", "2"],
    ]);
  });

  test("changes what the rest of the chain reads: payload, headers and content type, each or together", async () => {
    const seen: unknown[] = [];
    const { app, workFor } = stage();
    const rest = { name: "a", headers: z.object({ tenant: z.string() }) };
    const upper: ActorMiddleware = ({ message }, next) =>
      next({ payload: Buffer.from(text(message.payload).toUpperCase()) });
    const plain: ActorMiddleware = (_, next) => next({ contentType: "text/plain" });
    const tenant: ActorMiddleware = ({ message }, next) => next({ headers: { ...message.headers, tenant: "acme" } });
    const look: ActorMiddleware = ({ message }, next) => {
      seen.push([text(message.payload), message.contentType, message.header("Tenant")]);
      return next();
    };
    app.actor({ ...rest, middleware: [look, upper, look, plain, tenant, look] }, ({ payload, headers, message }) => {
      seen.push([payload, headers.tenant, message.contentType]);
    });
    await app.publish("default", '{"a":1}', { headers: { topic: "a" }, contentType: "application/json" });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen).toEqual([
      ['{"a":1}', "application/json", undefined],
      ['{"A":1}', "application/json", undefined],
      ['{"A":1}', "text/plain", "acme"],
      ['{"A":1}', "acme", "text/plain"],
    ]);
  });

  test("can take a content type away", async () => {
    const seen: unknown[] = [];
    const { app, workFor } = stage();
    app.actor({ name: "a", middleware: [(_, next) => next({ contentType: undefined })] }, ({ payload }) => {
      seen.push(payload);
    });
    await app.publish("default", "[1]", { headers: { topic: "a" }, contentType: "application/odd" });
    await workFor(1000);
    expect(seen).toEqual([[1]]);
  });

  test("changes nothing of what is redelivered or dead-lettered", async () => {
    const seen: string[] = [];
    const { app, workFor } = stage();
    app.actor(
      {
        name: "a",
        retry: { attempts: 2, backoff: 10 },
        middleware: [
          ({ message }, next) => {
            seen.push(text(message.payload));
            return next({ payload: Buffer.from('"changed"'), headers: { changed: "yes" } });
          },
        ],
      },
      () => {
        throw new Error("no");
      },
    );
    await app.publish("default", '"sent"', { headers: { topic: "a" } });
    await workFor(5000);
    expect(seen).toEqual(['"sent"', '"sent"']);
    const [letter] = await app.deadLetters("default").list();
    expect(text(letter?.payload ?? Buffer.from(""))).toBe('"sent"');
    expect(letter?.headers).toMatchObject({ topic: "a" });
    expect(letter?.headers["changed"]).toBeUndefined();
  });

  test("that calls next twice is an error with its name; the handler ran once", async () => {
    let runs = 0;
    const seen: unknown[] = [];
    const { app, workFor } = stage();
    const actor = app.actor(
      {
        name: "a",
        onError: (error) => {
          seen.push(error);
          return "nack";
        },
        middleware: [
          async function eager(_, next) {
            await next();
            await next();
          },
        ],
      },
      () => {
        runs += 1;
      },
    );
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    expect(runs).toBe(1);
    expect(seen[0]).toBeInstanceOf(NextCalledTwiceError);
    expect((seen[0] as Error).message).toBe("Middleware eager called next() more than once.");
  });

  test("may catch the second next and go on", async () => {
    const { app, workFor } = stage();
    const actor = app.actor(
      { name: "a", middleware: [async (_, next) => [await next(), await next().catch(() => "refused")]] },
      () => {},
    );
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
  });

  test("sees the result and the error of the handler and may put others in their place", async () => {
    const seen: unknown[] = [];
    const { app, workFor } = stage();
    const outer: ActorMiddleware = async (_, next) => {
      const result = await next().catch((error: Error) => error.message);
      seen.push(result);
      return result;
    };
    const good = app.actor({ name: "good", middleware: [outer, async (_, next) => [await next()]] }, () => 1);
    const bad = app.actor({ name: "bad", middleware: [outer] }, () => {
      throw new Error("caught");
    });
    await app.send(good, {});
    await app.send(bad, {});
    expect(await workFor(1000, { concurrency: 1 })).toMatchObject({ acked: 2 });
    expect(seen).toEqual([[1], "caught"]);
  });

  test("of a router sees the actor of each", async () => {
    const seen: string[] = [];
    const { app, workFor } = stage();
    const router = createRouter({
      middleware: [
        ({ actor }, next) => {
          seen.push(actor.name);
          return next();
        },
      ],
    });
    const actors = ["one", "two"].map((name) => router.actor({ name }, () => {}));
    app.include(router);
    for (const actor of actors) await app.send(actor, {});
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual(["one", "two"]);
  });

  // BUG: headers of a patch are taken as they are, so that an ordinary object brings the names of its prototype along.
  test("headers it gives have no names that it did not give", async () => {
    const seen: unknown[] = [];
    const { app, workFor } = stage();
    app.actor({ name: "a", middleware: [(_, next) => next({ headers: { x: "1" } })] }, ({ message }) => {
      seen.push(message.header("constructor"), message.header("toString"), "valueOf" in message.headers);
    });
    await app.publish("default", "{}", { headers: { topic: "a" } });
    await workFor(1000);
    expect(seen).toEqual([undefined, undefined, false]);
  });
});

describe("middleware of producers", () => {
  const withProducer = (...producer: ProducerMiddleware[]): StageOptions => ({ app: { middleware: { producer } } });

  test("wraps outermost first and knows where what goes, and how", async () => {
    const order: unknown[] = [];
    const named =
      (name: string): ProducerMiddleware =>
      async (call, next) => {
        order.push(name, call.operation, call.server, call.channel, { ...call.message.headers }, call.options);
        const result = await next();
        order.push(`${name} out`);
        return result;
      };
    const { app } = stage(withProducer(named("one"), named("two")));
    const operation = defineOperation({ name: "op", channel: "x" });
    await app.send(operation, {}, { delay: "1s", headers: { a: "1" } });
    const call = ["op", "default", "x", { a: "1", topic: "op" }, { delay: 1000 }];
    expect(order).toEqual(["one", ...call, "two", ...call, "two out", "one out"]);
    order.length = 0;
    await app.publish("raw", "x");
    expect(order.slice(0, 6)).toEqual(["one", undefined, "default", "raw", {}, {}]);
  });

  test.each<[string, (patch: Parameters<ProducerMiddleware>[0]) => ProducerPatch, object]>([
    ["the channel", () => ({ channel: "other" }), { channel: "other" }],
    ["the payload", ({ message }) => ({ message: { ...message, payload: Buffer.from("[2]") } }), { payload: [2] }],
    [
      "the headers",
      ({ message }) => ({ message: { ...message, headers: { ...message.headers, more: "1" } } }),
      { headers: { topic: "a", more: "1" } },
    ],
    ["the id", ({ message }) => ({ message: { ...message, id: "mine" } }), { id: "mine" }],
    ["the options", () => ({ options: { delay: 60_000 } }), { after: 60_000 }],
  ])("may change %s", async (_, change, expected) => {
    const { app, clock, work, soon } = stage(withProducer((call, next) => next(change(call))));
    const before = clock.now();
    const seen: object[] = [];
    for (const channel of ["default", "other"]) {
      app.actor({ name: "a", channel }, ({ payload, message, headers }) => {
        const after = Math.floor((clock.now() - before) / 1000) * 1000;
        seen.push({ channel: message.channel, payload, headers: { ...headers }, id: message.id, after });
      });
    }
    const operation = defineOperation({ name: "a" });
    const result = await app.send(operation, [1]);
    const worker = await work();
    await clock.advance("90s");
    await soon(worker.stop());
    expect(seen).toMatchObject([{ channel: "default", payload: [1], after: 0, ...expected }]);
    expect(result).toMatchObject({
      channel: (seen[0] as { channel: string }).channel,
      id: (seen[0] as { id: string }).id,
    });
  });

  test("may suppress a message: send says so, and nothing is sent or connected", async () => {
    const { app, server, stats } = stage(withProducer(() => undefined));
    const operation = defineOperation({ name: "a" });
    expect(await app.send(operation, {}, { id: "m-1" })).toEqual({
      ...{ id: "m-1", server: "default", channel: "default" },
      suppressed: true,
    });
    expect(await app.sendMany(operation, [1, 2])).toMatchObject([{ suppressed: true }, { suppressed: true }]);
    expect(server.state).toBe("closed");
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test("that returns nothing although it sent says that it was sent", async () => {
    const { app, stats } = stage(withProducer(async (_, next) => void (await next())));
    const operation = defineOperation({ name: "a" });
    expect(await app.send(operation, {})).toMatchObject({ channel: "default", suppressed: false });
    expect(await stats()).toMatchObject({ ready: 1 });
  });

  test("runs for everything that is sent: send, sendMany, publish, publishJson, from handlers, replies", async () => {
    const seen: string[] = [];
    const { app, workFor } = stage(
      withProducer((call, next) => {
        seen.push(call.channel);
        return next();
      }),
    );
    const operation = defineOperation({ name: "a", reply: z.number() });
    app.actor({ operation }, async ({ send, message }) => {
      await send(defineOperation({ name: "b", channel: "context.send" }), {});
      await message.send(defineOperation({ name: "c", channel: "message.send" }), {});
      await message.publish("message.publish", "x");
      return 1;
    });
    await app.publish("publish", "x");
    await app.publishJson("publishJson", {});
    await app.sendMany(defineOperation({ name: "d", channel: "sendMany" }), [1, 2]);
    await app.send(operation, {}, { replyTo: "reply" });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen).toEqual([
      ...["publish", "publishJson", "sendMany", "sendMany", "default"],
      ...["context.send", "message.send", "message.publish", "reply"],
    ]);
  });

  test("that calls next twice is refused, and the message went once", async () => {
    const { app, stats } = stage(
      withProducer(async function twice(_, next) {
        await next();
        return next();
      }),
    );
    await expect(app.send(defineOperation({ name: "a" }), {})).rejects.toThrow("Middleware twice called next() more");
    expect(await stats()).toMatchObject({ ready: 1 });
  });

  test("that throws rejects the send with its own error, and nothing is sent", async () => {
    const { app, stats } = stage(
      withProducer(() => {
        throw new RangeError("no quota");
      }),
    );
    await expect(app.send(defineOperation({ name: "a" }), {})).rejects.toThrow(RangeError);
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test("comes after validation: an invalid payload never gets there", async () => {
    let calls = 0;
    const { app } = stage(
      withProducer((_, next) => {
        calls += 1;
        return next();
      }),
    );
    const operation = defineOperation({ name: "a", payload: z.string() });
    await expect(app.send(operation, 5 as never)).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
    expect(calls).toBe(0);
  });

  // BUG: what a middleware put into the headers is sent unchecked: line breaks, and the bookkeeping of millrace itself.
  test.each([{ x: "a\r\ny: b" }, { "a b": "x" }, { millrace: "a=100000" }, { n: 5 as unknown as string }])(
    "cannot send headers that a sender could not: %j",
    async (headers) => {
      const { app } = stage(
        withProducer(({ message }, next) =>
          next({ message: { ...message, headers: { ...message.headers, ...headers } } }),
        ),
      );
      await expect(app.send(defineOperation({ name: "a" }), {})).rejects.toMatchObject({ code: "INVALID_HEADER" });
    },
  );

  // BUG: options that a middleware adds are not compared with what the server can do.
  test("cannot ask for what the server cannot do", async () => {
    const { app } = stage({
      ...withProducer((_, next) => next({ options: { delay: 1000 } })),
      memory: { features: { delay: { level: "unsupported" } } },
    });
    await expect(app.send(defineOperation({ name: "a" }), {})).rejects.toMatchObject({ code: "UNSUPPORTED_FEATURE" });
  });
});
