import {
  type ActorMiddleware,
  type BrokerServer,
  CapabilityError,
  ConnectionError,
  catchAll,
  type Duration,
  defineChannel,
  defineOperation,
  type Features,
  NotFoundError,
  PublishError,
  PublishManyError,
  ServerBusyError,
  ServerFullError,
} from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { replace, type StageOptions, stage } from "./stage.ts";

const operation = defineOperation({ name: "a" });
type Options = Record<string, unknown>;

function without(...names: (keyof Features)[]): { memory: { features: Partial<Features> } } {
  return { memory: { features: Object.fromEntries(names.map((name) => [name, { level: "unsupported" }])) } };
}

function limited(features: Partial<Record<keyof Features, Duration>>): { memory: { features: Partial<Features> } } {
  const entries = Object.entries(features).map(([name, max]) => [name, { level: "native", max }]);
  return { memory: { features: Object.fromEntries(entries) } };
}

describe("options of a send", () => {
  const window = { key: "k", window: "1h" };

  test.each<[Options, string]>([
    [{ delay: -1 }, 'Expected delay to be a duration (milliseconds, or a string like "30s"), got -1.'],
    [{ delay: Number.NaN }, "Expected delay"],
    [{ delay: Number.POSITIVE_INFINITY }, "Expected delay"],
    [{ delay: "soon" }, 'got "soon".'],
    [{ delay: "1s", at: 5 }, "Give either delay or at, not both."],
    [{ delay: 0, at: 5 }, "Give either delay or at, not both."],
    [{ at: Number.NaN }, "Expected at to be a Date or milliseconds since 1970"],
    [{ at: new Date(Number.NaN) }, "Expected at to be a Date"],
    [{ at: Number.POSITIVE_INFINITY }, "Expected at to be a Date"],
    [{ priority: -1 }, "Expected priority to be a whole number from 0 to 100, got -1."],
    [{ priority: 101 }, "Expected priority"],
    [{ priority: 1.5 }, "Expected priority"],
    [{ priority: "high" }, 'Expected priority to be a whole number from 0 to 100, got "high".'],
    [{ priority: Number.NaN }, "Expected priority"],
    [{ expiresIn: 0 }, "Expected expiresIn to be a duration of at least 1 ms"],
    [{ expiresIn: Number.POSITIVE_INFINITY }, "Expected expiresIn"],
    [{ expiresIn: "never" }, "Expected expiresIn"],
    [{ dedupe: { ...window, key: "" } }, 'Expected dedupe.key to be a non-empty string, got "".'],
    [{ dedupe: { ...window, key: 5 } }, "Expected dedupe.key"],
    [{ dedupe: { ...window, window: 0 } }, "Expected dedupe.window to be a duration of at least 1 ms"],
    [{ dedupe: { key: "k" } }, "Expected dedupe.window"],
    [
      { dedupe: { ...window, onDuplicate: "maybe" } },
      'Expected dedupe.onDuplicate to be one of ignore, throw, got "maybe".',
    ],
    [{ id: "" }, "Expected id to be a non-empty string"],
    [{ id: 5 }, "Expected id to be a non-empty string, got 5."],
  ])("%j are refused by name, and nothing is sent", async (options, message) => {
    const { app, stats } = stage();
    const refused = { code: "INVALID_OPTION", message: expect.stringContaining(message) };
    await expect(app.send(operation, {}, options as never)).rejects.toMatchObject(refused);
    await expect(app.publishJson("default", {}, options)).rejects.toMatchObject(refused);
    await expect(app.publish("default", "x", options)).rejects.toMatchObject(refused);
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0 });
  });

  // BUG: what is no Date is asked for its time all the same.
  test.each([["tomorrow"], [null], [{}]])("at: %j is refused by name, too", async (at) => {
    await expect(stage().app.send(operation, {}, { at: at as never })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
  });

  // BUG: a server that answers at once never comes to look at the timeout.
  test.each([[0], [-1], ["soon"], [Number.NaN]])(
    "publishTimeout: %j is refused whatever the server",
    async (publishTimeout) => {
      const { app } = stage();
      await app.connect();
      await expect(app.send(operation, {}, { publishTimeout: publishTimeout as Duration })).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    },
  );

  // BUG: the timeout is looked at only when the message is already on its way.
  test("a publishTimeout that is refused means that nothing was sent", async () => {
    const { app, stats, soon } = stage({
      wrap: (inner) =>
        replace(inner, { publish: async (...given: Parameters<BrokerServer["publish"]>) => inner.publish(...given) }),
    });
    await app.connect();
    await expect(soon(app.send(operation, {}, { publishTimeout: 0 }))).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test.each<[Options, number]>([
    [{ delay: 0 }, 0],
    [{ delay: "0ms" }, 0],
    [{ delay: 1500 }, 1500],
    [{ delay: "1.5s" }, 1500],
    [{ at: 0 }, 0],
    [{ at: new Date(0) }, 0],
  ])("%j delays by %d ms", async (options, delay) => {
    const { app, clock, work, soon } = stage();
    const seen: number[] = [];
    app.actor({ operation }, () => void seen.push(clock.monotonic()));
    await app.send(operation, {}, options as never);
    const worker = await work();
    const start = clock.monotonic();
    await clock.advance(Math.max(0, delay - 1));
    expect(seen.length).toBe(delay === 0 ? 1 : 0);
    await clock.advance(2);
    expect(seen).toEqual([start + delay]);
    await soon(worker.stop());
  });

  test("at is a moment of the clock, as a Date or a number, years ahead, too", async () => {
    const { app, clock, stats, work, soon } = stage();
    let runs = 0;
    app.actor({ operation }, () => {
      runs += 1;
    });
    await app.send(operation, {}, { at: clock.now() + 1000 });
    await app.send(operation, {}, { at: new Date(clock.now() + 2000) });
    await app.send(operation, {}, { at: new Date(Date.UTC(9999, 11, 31)) });
    const worker = await work();
    await clock.advance(1000);
    expect(runs).toBe(1);
    await clock.advance(1000);
    expect(runs).toBe(2);
    await clock.advance("60d");
    expect(runs).toBe(2);
    expect(await stats()).toMatchObject({ delayed: 1 });
    await soon(worker.stop());
  });

  test.each([0, 100])("priority %d is in range", async (priority) => {
    await expect(stage().app.send(operation, {}, { priority })).resolves.toMatchObject({ channel: "default" });
  });

  test("higher priorities run sooner, equal ones in order, 10 is the default", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, ({ payload }) => void seen.push(payload));
    for (const [name, priority] of [
      ["low", 1],
      ["ten", 10],
      ["none", undefined],
      ["top", 100],
      ["zero", 0],
      ["ten again", 10],
    ] as const) {
      await app.send(operation, name, priority === undefined ? {} : { priority });
    }
    await workFor(1000, { concurrency: 1, prefetch: 0 });
    expect(seen).toEqual(["top", "ten", "none", "ten again", "low", "zero"]);
  });
});

describe("what the server cannot do", () => {
  test.each<[keyof Features, Options]>([
    ["delay", { delay: "1s" }],
    ["delay", { at: new Date(Date.UTC(2031, 0, 1)) }],
    ["priority", { priority: 10 }],
    ["expiry", { expiresIn: "1s" }],
    ["dedupe", { dedupe: { key: "k", window: "1s" } }],
  ])("%s is refused at the send, naming server, feature and alternatives: %j", async (feature, options) => {
    const { app, stats } = stage(without(feature));
    for (const sending of [
      () => app.send(operation, {}, options as never),
      () => app.publish("default", "x", options),
      () => app.publishJson("default", {}, options),
    ]) {
      const error: unknown = await sending().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CapabilityError);
      expect(error).toMatchObject({ code: "UNSUPPORTED_FEATURE", server: "default", feature });
      expect((error as Error).message).toMatch(/^Server default cannot do this: .+ needs ".+"\. [A-Z].+\.$/);
    }
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0 });
  });

  test.each<[Options]>([[{ delay: 0 }], [{ at: 0 }], [{ delay: undefined, priority: undefined }]])(
    "%j asks for nothing and is taken",
    async (options) => {
      const { app } = stage(without("delay", "priority", "expiry", "dedupe"));
      await expect(app.send(operation, {}, options as never)).resolves.toMatchObject({ server: "default" });
    },
  );

  test.each<[keyof Features, Options, Options, string]>([
    ["delay", { delay: "15m" }, { delay: 900_001 }, "Server default allows delay up to 900000 ms, got 900001 ms."],
    ["delay", { at: Date.UTC(2030, 0, 1) + 900_000 }, { at: Date.UTC(2030, 0, 1) + 900_001 }, "got 900001 ms."],
    ["expiry", { expiresIn: "15m" }, { expiresIn: "16m" }, "allows expiresIn up to 900000 ms"],
    [
      "dedupe",
      { dedupe: { key: "k", window: "15m" } },
      { dedupe: { key: "k", window: "1h" } },
      "allows dedupe.window up to 900000 ms",
    ],
  ])("%s has a longest time: %j is taken, %j refused", async (feature, taken, refused, message) => {
    const { app } = stage(limited({ [feature]: "15m" }));
    await app.send(operation, {}, taken as never);
    await expect(app.send(operation, {}, refused as never)).rejects.toMatchObject({
      ...{ code: "UNSUPPORTED_FEATURE", feature, message: expect.stringContaining(message) },
    });
  });

  test.each<[string, keyof Features, object, boolean]>([
    ["a retry policy", "retryDelay", { retry: 2 }, false],
    ["a retry policy of one attempt", "retryDelay", { retry: 1 }, true],
    ["renewal at an interval", "lease", { keepAlive: "10s" }, false],
    ["renewal by default", "lease", { keepAlive: true }, true],
    ["no renewal", "lease", { keepAlive: false }, true],
  ])(
    "%s without %s: refused at the start, before anything is connected (taken: %s)",
    async (_, feature, options, taken) => {
      const { app, server, soon } = stage(without(feature));
      app.actor({ name: "picky", ...options }, () => {});
      const worker = app.createWorker({ signals: [] });
      if (taken) {
        await worker.start();
        await soon(worker.stop());
        return;
      }
      await expect(worker.start()).rejects.toMatchObject({
        ...{ code: "UNSUPPORTED_FEATURE", server: "default", feature, message: expect.stringContaining("picky") },
      });
      expect(server.state).toBe("closed");
    },
  );

  // BUG: decision 20 for retries: a wait that the server cannot keep is neither refused nor cut.
  test("a fixed backoff that is longer than the server can wait is refused at the start", async () => {
    const { app } = stage(limited({ retryDelay: "15m" }));
    app.actor({ name: "a", retry: { attempts: 2, backoff: "1h" } }, () => {});
    await expect(app.createWorker({ signals: [] }).start()).rejects.toMatchObject({ feature: "retryDelay" });
  });

  test("inspecting, purging and dead letters are refused by name, too", async () => {
    const { app } = stage(without("inspect", "purge", "deadLetter"));
    await expect(app.inspect("x")).rejects.toMatchObject({ feature: "inspect" });
    await expect(app.purge("x")).rejects.toMatchObject({ feature: "purge" });
    expect(() => app.deadLetters("x")).toThrow(CapabilityError);
  });
});

describe("sendMany", () => {
  for (const [how, options] of [
    ["in a batch", {}],
    ["one by one", { wrap: (inner: BrokerServer) => replace(inner, { publishBatch: undefined as never }) }],
    ["through middleware", { app: { middleware: { producer: [async (_, next) => next()] } } }],
  ] as const satisfies readonly (readonly [string, StageOptions])[]) {
    for (const connected of [true, false]) {
      // BUG: the first message waits for the connection that it opens; those after it find it open and overtake it.
      test(`keeps the order of what it is given, ${how}, ${connected ? "" : "not yet "}connected`, async () => {
        const { app, workFor } = stage(options);
        if (connected) await app.connect();
        const seen: unknown[] = [];
        const ids: string[] = [];
        app.actor({ operation }, ({ payload, message }) => {
          seen.push(payload);
          ids.push(message.id);
        });
        const numbers = Array.from({ length: 500 }, (_, i) => i);
        const results = await app.sendMany(operation, numbers, { headers: { x: "1" } });
        await workFor(1000, { concurrency: 1 });
        expect(new Set(ids).size).toBe(500);
        expect(seen).toEqual(numbers);
        expect(results.map(({ id }) => id)).toEqual(ids);
      });
    }
  }

  test("of nothing does nothing, and options hold for every message", async () => {
    const { app, stats, server } = stage();
    expect(await app.sendMany(operation, [])).toEqual([]);
    expect(server.state).toBe("closed");
    await app.sendMany(operation, [1, 2, 3], { delay: "1h" });
    expect(await stats()).toMatchObject({ ready: 0, delayed: 3 });
  });

  test("refuses what can hold for one message only", async () => {
    const { app, stats } = stage();
    for (const options of [{ id: "same" }, { dedupe: { key: "k", window: "1h" } }] as const) {
      await expect(app.sendMany(operation, [1, 2], options)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test("sends nothing when one value is invalid or cannot be encoded", async () => {
    const { app, stats } = stage();
    const strict = defineOperation({ name: "strict", payload: z.number() });
    await expect(app.sendMany(strict, [1, "2" as never, 3])).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
    await expect(app.sendMany(operation, [1, new Map(), 3])).rejects.toMatchObject({ code: "ENCODE_FAILED" });
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  for (const batch of [true, false]) {
    test(`tells each one's fate when some fail (${batch ? "in a batch" : "one by one"})`, async () => {
      const full = new PublishError("failed", "full", { cause: new ServerFullError("disk") });
      const odd = (payload: Uint8Array): boolean => Number(Buffer.from(payload).toString()) % 2 === 1;
      const { app, stats } = stage({
        wrap: (inner) =>
          replace(inner, {
            publish: async (channel, message, options) => {
              if (odd(message.payload)) throw full;
              return inner.publish(channel, message, options);
            },
            publishBatch: (batch
              ? async (channel, messages, options) =>
                  Promise.all(
                    messages.map(async (message) =>
                      odd(message.payload) ? full : inner.publish(channel, message, options),
                    ),
                  )
              : undefined) as NonNullable<BrokerServer["publishBatch"]>,
          }),
      });
      const error: unknown = await app.sendMany(operation, [0, 1, 2, 3, 4]).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PublishManyError);
      const { results, outcome, message } = error as PublishManyError<{ id: string }>;
      expect([outcome, message]).toEqual(["failed", "2 of 5 messages were not sent."]);
      expect(results.map((one) => (one instanceof Error ? one.message : "sent"))).toEqual([
        "sent",
        "full",
        "sent",
        "full",
        "sent",
      ]);
      expect(await stats()).toMatchObject({ ready: 3 });
    });
  }
});

describe("publish and publishJson", () => {
  test("send what they are given: no topic, no validation, the content type only where it is known", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const look: ActorMiddleware = ({ message }) => {
      seen.push([
        Buffer.from(message.payload).toString(),
        { ...message.headers },
        message.contentType,
        message.replyTo,
      ]);
    };
    app.actor({ name: "all", channel: "raw", routing: catchAll, middleware: [look] }, () => {});
    await app.publish("raw", "text");
    await app.publish("raw", new Uint8Array([65]), { contentType: "text/csv", headers: { x: "1" }, replyTo: "back" });
    await app.publishJson("raw", { any: "thing" }, { headers: { x: "2" } });
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual([
      ["text", {}, undefined, undefined],
      ["A", { x: "1" }, "text/csv", "back"],
      ['{"any":"thing"}', { x: "2" }, "application/json", undefined],
    ]);
  });

  test("need a channel", async () => {
    const { app } = stage();
    for (const channel of ["", undefined, 5]) {
      await expect(app.publish(channel as string, "x")).rejects.toMatchObject({ code: "INVALID_OPTION" });
      await expect(app.publishJson(channel as string, {})).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
  });

  // BUG: anything is taken for bytes and stored; the receiver cannot read it.
  test.each([[{ a: 1 }], [5], [null], [undefined], [[1, 2]]])(
    "bytes that are none are refused: %j",
    async (payload) => {
      await expect(stage().app.publish("x", payload as never)).rejects.toMatchObject({
        code: expect.stringMatching(/INVALID_OPTION|ENCODE_FAILED/),
      });
    },
  );
});

describe("where a message goes", () => {
  test("to an actor of this app only", async () => {
    const { app, other } = stage();
    const second = other();
    const actor = second.actor({ name: "theirs" }, () => {});
    await second.send(actor, {});
    await expect(app.send(actor, {})).rejects.toThrow(NotFoundError);
    await expect(app.send(actor, {})).rejects.toThrow(
      "Actor theirs is not part of this app: include its router, or send its operation.",
    );
    await expect(app.sendMany(actor, [{}])).rejects.toThrow(NotFoundError);
    await expect(app.request(actor, {})).rejects.toThrow(NotFoundError);
  });

  test.each<[string, unknown]>([
    ["a name", "a"],
    ["undefined", undefined],
    ["null", null],
    ["an object", { name: "a" }],
    ["a router", { "~kind": "router" }],
    ["a function", () => {}],
  ])("not to %s", async (_, to) => {
    await expect(stage().app.send(to as typeof operation, {})).rejects.toThrow(
      "send() expects an operation or an actor as its first argument.",
    );
  });

  test("and says where it went", async () => {
    const { app } = stage();
    const there = defineOperation({ name: "b", channel: "x" });
    expect(await app.send(there, {}, { id: "m-1" })).toEqual({ id: "m-1", server: "default", channel: "x" });
    const { id } = await app.send(there, {});
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const dedupe = { key: "k", window: "1h" } as const;
    await app.send(there, {}, { id: "first", dedupe });
    expect(await app.send(there, {}, { id: "second", dedupe })).toEqual({
      ...{ id: "first", server: "default", channel: "x", duplicate: true },
    });
    await expect(app.send(there, {}, { dedupe: { ...dedupe, onDuplicate: "throw" } })).rejects.toMatchObject({
      ...{ code: "DUPLICATE_MESSAGE", key: "k" },
    });
  });
});

describe("parameters of a channel", () => {
  const region = { enum: ["eu", "us"], default: "eu" } as const;
  const orders = defineOperation({
    name: "orders",
    channel: defineChannel({ address: "orders.{tenant}.{region}.{literal}", parameters: { tenant: {}, region } }),
  });

  test.each<[Record<string, string>, string]>([
    [{ tenant: "acme" }, "orders.acme.eu.{literal}"],
    [{ tenant: "acme", region: "us" }, "orders.acme.us.{literal}"],
    [{ tenant: "a.b-c_d", region: "eu" }, "orders.a.b-c_d.eu.{literal}"],
    [{ tenant: "acme", literal: "x" }, "orders.acme.eu.{literal}"],
  ])("%j gives %s", async (parameters, channel) => {
    expect(await stage().app.send(orders, {}, { parameters })).toMatchObject({ channel });
    expect(await stage().app.sendMany(orders, [{}], { parameters })).toMatchObject([{ channel }]);
  });

  test.each<[Record<string, string> | undefined, string]>([
    [
      undefined,
      "Channel orders.{tenant}.{region}.{literal} needs the parameter tenant: pass parameters: { tenant: … }.",
    ],
    [{}, "needs the parameter tenant"],
    [{ tenant: "" }, "needs the parameter tenant"],
    [{ tenant: "acme", region: "" }, "needs the parameter region"],
    [
      { tenant: "acme", region: "mars" },
      "Parameter region of channel orders.{tenant}.{region}.{literal} must be one of eu, us.",
    ],
  ])("%j is refused", async (parameters, message) => {
    const { app } = stage();
    const options = parameters === undefined ? {} : { parameters };
    await expect(app.send(orders, {}, options)).rejects.toMatchObject({
      ...{ code: "INVALID_OPTION", message: expect.stringContaining(message) },
    });
  });

  // BUG: `$` is special in the replacement of a text, and values are filled into values: one tenant's messages reach
  // the channel of another one.
  test.each<[Record<string, string>, string]>([
    [{ tenant: "a$$b" }, "orders.a$$b.eu.{literal}"],
    [{ tenant: "$&" }, "orders.$&.eu.{literal}"],
    [{ tenant: "$`" }, "orders.$`.eu.{literal}"],
    [{ tenant: "$'" }, "orders.$'.eu.{literal}"],
    [{ tenant: "{region}", region: "us" }, "orders.{region}.us.{literal}"],
  ])("%j is filled in as it is: %s", async (parameters, channel) => {
    expect(await stage().app.send(orders, {}, { parameters })).toMatchObject({ channel });
  });

  test("without declarations braces are literal and parameters mean nothing", async () => {
    const plain = defineOperation({ name: "b", channel: "orders.{tenant}" });
    const { app, workFor } = stage();
    app.actor({ operation: plain }, () => {});
    expect(await app.send(plain, {}, { parameters: { tenant: "x" } })).toMatchObject({ channel: "orders.{tenant}" });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
  });

  test("must be in the address that declares them", () => {
    expect(() => defineChannel({ address: "orders", parameters: { tenant: {} } })).toThrow(
      "Channel orders declares the parameter tenant but has no {tenant} in it.",
    );
    expect(() => defineChannel({ address: "" })).toThrow('Expected channel address to be a non-empty string, got "".');
  });
});

describe("a send that fails", () => {
  const failing =
    (times: number, error: () => Error, attempts: number[], clock: () => number) => (inner: BrokerServer) =>
      replace(inner, {
        publish: async (channel, message, options) => {
          attempts.push(clock());
          if (attempts.length <= times) throw error();
          return inner.publish(channel, message, options);
        },
      });
  const busy = (): Error => new PublishError("failed", "locked", { cause: new ServerBusyError("locked") });

  async function attempt(times: number, error: () => Error, options: { readonly publishTimeout?: Duration } = {}) {
    const attempts: number[] = [];
    const set = stage({ wrap: failing(times, error, attempts, () => set.clock.monotonic()) });
    await set.app.connect();
    const outcome: unknown = await set.soon(set.app.send(operation, {}, options)).catch((reason: unknown) => reason);
    return { ...set, attempts, outcome };
  }

  test.each<[string, () => Error]>([
    ["a busy server", busy],
    [
      "a lost connection before anything was stored",
      () => new PublishError("failed", "x", { cause: new ConnectionError("gone") }),
    ],
  ])("because of %s is tried again, with growing pauses, and then resolves", async (_, error) => {
    const { attempts, outcome, stats } = await attempt(4, error);
    expect(outcome).toMatchObject({ server: "default" });
    const pauses = attempts.slice(1).map((time, index) => time - (attempts[index] ?? 0));
    expect(pauses).toEqual([50, 100, 200, 400]);
    expect(await stats()).toMatchObject({ ready: 1 });
  });

  test.each<[string, () => Error]>([
    ["an unknown outcome", () => new PublishError("unknown", "x", { cause: new ServerBusyError("locked") })],
    ["no room", () => new PublishError("failed", "x", { cause: new ServerFullError("full") })],
    ["another reason", () => new PublishError("failed", "x")],
  ])("for %s is not tried again", async (_, error) => {
    const { attempts, outcome } = await attempt(1, error);
    expect(attempts.length).toBe(1);
    expect(outcome).toBeInstanceOf(PublishError);
  });

  test("gives up within publishTimeout, saying that nothing was sent", async () => {
    for (const [publishTimeout, limit] of [
      [undefined, 10_000],
      ["1s", 1000],
    ] as const) {
      const given = publishTimeout === undefined ? {} : { publishTimeout };
      const { attempts, outcome, stats } = await attempt(Number.POSITIVE_INFINITY, busy, given);
      expect(outcome).toMatchObject({ code: "PUBLISH_FAILED", outcome: "failed" });
      expect((attempts.at(-1) ?? 0) - (attempts[0] ?? 0)).toBeLessThan(limit);
      expect(attempts.length).toBeGreaterThan(3);
      expect(await stats()).toMatchObject({ ready: 0 });
    }
  });

  test("with an error of the client says that the outcome is not known", async () => {
    const cause = new Error("socket hang up");
    const { outcome } = await attempt(1, () => cause);
    expect(outcome).toMatchObject({ code: "PUBLISH_FAILED", outcome: "unknown", cause });
  });

  test("tries again after a busy moment although the server refuses without waiting", async () => {
    let calls = 0;
    const { app, soon } = stage({
      wrap: (inner) =>
        replace(inner, {
          publish: (channel, message, options) => {
            calls += 1;
            return calls === 1 ? Promise.reject(busy()) : inner.publish(channel, message, options);
          },
        }),
    });
    expect(await soon(app.send(operation, {}))).toMatchObject({ channel: "default" });
    expect(calls).toBe(2);
  });
});

describe("a send with a signal", () => {
  test("that is aborted already sends nothing, whatever the way", async () => {
    const { app, stats } = stage();
    const signal = AbortSignal.abort(new Error("too late"));
    await app.connect();
    await expect(app.send(operation, {}, { signal })).rejects.toThrow("too late");
    await expect(app.publish("default", "x", { signal })).rejects.toThrow("too late");
    await expect(app.publishJson("default", {}, { signal })).rejects.toThrow("too late");
    await expect(app.request(operation, {}, { signal })).rejects.toThrow("too late");
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  // BUG: sendMany does not look at it before it sends.
  test("that is aborted already sends no batch", async () => {
    const { app, stats } = stage();
    await app.connect();
    await app.sendMany(operation, [1, 2], { signal: AbortSignal.abort() }).catch(() => {});
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test("that aborts later gives up waiting, says that the outcome is not known, and leaves nothing behind", async () => {
    let confirm = (): void => {};
    const { app, clock } = stage({
      wrap: (inner) =>
        replace(inner, {
          publish: async (...given) => {
            await new Promise<void>((resolve) => {
              confirm = resolve;
            });
            return inner.publish(...given);
          },
        }),
    });
    await app.connect();
    const controller = new AbortController();
    const pending = app.send(operation, {}, { signal: controller.signal });
    pending.catch(() => {});
    await clock.advance(10);
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await expect(pending).rejects.toMatchObject({ code: "PUBLISH_FAILED", outcome: "unknown", cause: reason });
    confirm();
    await clock.advance(10);
    expect(clock.pending).toBe(0);
    await app.close();
  });

  // BUG: while the first send connects nobody listens to the signal.
  test("that aborts while the server is being connected gives up at once", async () => {
    const { app, clock, soon } = stage({ wrap: (inner) => replace(inner, { connect: () => new Promise(() => {}) }) });
    const controller = new AbortController();
    const before = clock.monotonic();
    const pending = app.send(operation, {}, { signal: controller.signal });
    pending.catch(() => {});
    await clock.advance(10);
    controller.abort();
    await expect(soon(pending)).rejects.toBeDefined();
    expect(clock.monotonic() - before).toBeLessThan(1000);
  });
});
