import {
  type ActorMiddleware,
  type App,
  createApp,
  createRouter,
  DuplicateNameError,
  defineChannel,
  defineOperation,
  jsonCodec,
  OptionError,
  type RouterOptions,
} from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import type { AppSettings } from "../../src/app/app-options.ts";
import type { ActorPlan } from "../../src/contract/actor-plan.ts";
import type { Router } from "../../src/contract/router.ts";
import { compileRouters } from "../../src/runtime/compile-routers.ts";
import { DependencyScope } from "../../src/runtime/dependency-scope.ts";
import { stage } from "./stage.ts";

/** What the app would run, without running it. */
function plansOf(root: Router<boolean>): ActorPlan[] {
  const resolver = { message: undefined, signal: new AbortController().signal, payload: () => {}, headers: () => {} };
  const onDisposeError = (): void => {};
  const appScope = new DependencyScope(resolver, { overrides: new Map(), onDisposeError });
  return compileRouters(root, { appScope, overrides: new Map(), maxPayloadBytes: 1000, onDisposeError });
}

function plan(root: Router<boolean>, name: string): ActorPlan {
  const found = plansOf(root).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no plan ${name}`);
  return found;
}

const codecs = ["outer", "inner", "own"].map((name) => ({ ...jsonCodec, contentType: `application/${name}` }));
const [outerCodec = jsonCodec, innerCodec = jsonCodec, ownCodec = jsonCodec] = codecs;

/** Each default: what the outer router, the inner one and the actor say, and where it shows. */
const rules: readonly [
  name: string,
  values: readonly [RouterOptions, RouterOptions, RouterOptions],
  read: (plan: ActorPlan) => unknown,
  shown: readonly [builtIn: unknown, outer: unknown, inner: unknown, own: unknown],
][] = [
  [
    "channel",
    [{ channel: "outer" }, { channel: defineChannel({ address: "inner" }) }, { channel: "own" }],
    (one) => one.channel.address,
    ["default", "outer", "inner", "own"],
  ],
  [
    "timeout",
    [{ timeout: "1s" }, { timeout: 0 }, { timeout: 3000 }],
    (one) => one.timeout,
    [Number.POSITIVE_INFINITY, 1000, Number.POSITIVE_INFINITY, 3000],
  ],
  [
    "keepAlive",
    [{ keepAlive: "1s" }, { keepAlive: false }, { keepAlive: 3000 }],
    (one) => one.keepAlive,
    [undefined, 1000, 0, 3000],
  ],
  [
    "deliveryLimit",
    [{ deliveryLimit: 1 }, { deliveryLimit: Number.POSITIVE_INFINITY }, { deliveryLimit: 3 }],
    (one) => one.deliveryLimit,
    [undefined, 1, Number.POSITIVE_INFINITY, 3],
  ],
  ["server", [{ server: "x" }, { server: "y" }, { server: "z" }], (one) => one.server, [undefined, "x", "y", "z"]],
  [
    "codec",
    [{ codec: outerCodec }, { codec: innerCodec }, { codec: ownCodec }],
    (one) => one.codec,
    [jsonCodec, outerCodec, innerCodec, ownCodec],
  ],
  [
    "retry",
    [{ retry: 2 }, { retry: { attempts: 3 } }, { retry: 4 }],
    (one) => one.policy.retry?.attempts,
    [undefined, 2, 3, 4],
  ],
];

describe("defaults of routers", () => {
  for (const [name, [outer, inner, own], read, [builtIn, byOuter, byInner, byOwn]] of rules) {
    const nothing = { [name]: undefined } as unknown as RouterOptions;
    test.each([
      ["nobody, the built-in one", {}, {}, {}, builtIn],
      ["nobody but with undefined", nothing, nothing, nothing, builtIn],
      ["the outer router", outer, {}, {}, byOuter],
      ["the outer router, undefined nearer", outer, nothing, nothing, byOuter],
      ["the inner router", outer, inner, {}, byInner],
      ["the inner router alone", {}, inner, nothing, byInner],
      ["the actor", outer, inner, own, byOwn],
      ["the actor alone", {}, {}, own, byOwn],
    ])(`${name}: nearest wins, here of %s`, (_, ofOuter, ofInner, ofActor, shown) => {
      const child = createRouter(ofInner);
      child.actor({ name: "a", ...(ofActor as object) }, () => {});
      expect(read(plan(createRouter(ofOuter).include(child), "a"))).toBe(shown);
    });
  }

  test.each<[keyof AppSettings, AppSettings, (plan: ActorPlan) => unknown, unknown]>([
    ["channel", { channel: "app" }, (one) => one.channel.address, "app"],
    ["timeout", { timeout: "7s" }, (one) => one.timeout, 7000],
    ["keepAlive", { keepAlive: false }, (one) => one.keepAlive, 0],
    ["deliveryLimit", { deliveryLimit: 7 }, (one) => one.deliveryLimit, 7],
    ["codec", { codec: outerCodec }, (one) => one.codec, outerCodec],
    ["retry", { retry: 7 }, (one) => one.policy.retry?.attempts, 7],
  ])("the app's %s is the outermost", (_, settings, read, shown) => {
    const app: App = createApp({ ...settings, logger: false }) as unknown as App;
    app.include(createRouter());
    const router = createRouter();
    router.actor({ name: "routed" }, () => {});
    app.actor({ name: "own" }, () => {});
    app.include(router);
    const { root } = app["~internals"].engineOptions;
    for (const name of ["own", "routed"]) expect(read(plan(root, name))).toBe(shown);
  });

  test("an operation's channel and codec win over those of routers, an actor's own codec over its operation's", () => {
    const operation = defineOperation({ name: "op", channel: "contract", codec: innerCodec });
    const router = createRouter({ channel: "router", codec: outerCodec });
    router.actor({ operation }, () => {});
    router.actor({ operation, name: "second", codec: ownCodec }, () => {});
    expect(plan(router, "op")).toMatchObject({ channel: { address: "contract" }, codec: innerCodec, topic: "op" });
    expect(plan(router, "second")).toMatchObject({ channel: { address: "contract" }, codec: ownCodec, topic: "op" });
  });
});

describe("the tree of routers", () => {
  test("gives actors depth first, in the order of registration, included ones in the place of their include", () => {
    const root = createRouter();
    const [b, c, d] = [createRouter(), createRouter(), createRouter()];
    root.actor({ name: "1" }, () => {});
    root.include(b);
    root.actor({ name: "5" }, () => {});
    root.include(d);
    b.actor({ name: "2" }, () => {});
    b.include(c);
    b.actor({ name: "4" }, () => {});
    c.actor({ name: "3" }, () => {});
    d.actor({ name: "6" }, () => {});
    expect(plansOf(root).map(({ name }) => name)).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("included twice into one parent keeps the first place", () => {
    const root = createRouter();
    const child = createRouter();
    child.actor({ name: "child" }, () => {});
    root.include(child);
    root.actor({ name: "own" }, () => {});
    root.include(child);
    expect(plansOf(root).map(({ name }) => name)).toEqual(["child", "own"]);
  });

  test("one router in two parents gives its actors twice, each with the defaults of its place, and is not changed", () => {
    const child = createRouter({ timeout: "9s" });
    child.actor({ name: "a" }, () => {});
    const options = { ...child["~options"] };
    const fast = createRouter({ channel: "fast", retry: 2 }).include(child);
    const slow = createRouter({ channel: "slow", timeout: "1s" }).include(child);
    const plans = plansOf(createRouter().include(fast).include(slow));
    expect(plans.map((one) => [one.channel.address, one.timeout, one.policy.retry?.attempts])).toEqual([
      ["fast", 9000, 2],
      ["slow", 9000, undefined],
    ]);
    expect(child["~options"]).toEqual(options);
    expect(plan(child, "a")).toMatchObject({ channel: { address: "default" }, timeout: 9000 });
  });

  test("include gives back the router, actor gives back something to send to with the very handler", () => {
    const root = createRouter();
    expect(root.include(createRouter())).toBe(root);
    const handler = (): number => 5;
    const actor = root.actor({ name: "a" }, handler);
    expect(actor.handler).toBe(handler);
    expect(actor.name).toBe("a");
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["an object", {}],
    ["a text", "router"],
    ["an app", createApp({ logger: false })],
  ])("%s is no router", (_, other) => {
    expect(() => createRouter().include(other as never)).toThrow(OptionError);
    expect(() => createRouter().include(other as never)).toThrow("include() expects a router made by createRouter().");
  });

  test("actors and routers that are added after the include, and after sending, are seen by the next worker", async () => {
    const { app, workFor } = stage();
    const outer = createRouter({ channel: "late" });
    const inner = createRouter();
    const seen: string[] = [];
    app.include(outer);
    const first = outer.actor({ name: "first" }, () => void seen.push("first"));
    await app.send(first, {});
    outer.include(inner);
    const second = inner.actor({ name: "second" }, () => void seen.push("second"));
    await app.send(second, {});
    expect(await workFor(1000)).toMatchObject({ processed: 2, acked: 2 });
    expect(seen).toEqual(["first", "second"]);
  });

  test("a router can be shared by two apps", async () => {
    const { app, other, work, soon } = stage();
    const seen: string[] = [];
    const router = createRouter();
    const actor = router.actor({ name: "a" }, ({ message }) => void seen.push(message.channel));
    app.include(router);
    const second = other({ channel: "second" });
    second.include(router);
    await app.send(actor, {});
    await second.send(actor, {});
    const workers = [await work(), await work({}, second)];
    for (const worker of workers) await soon(worker.stop());
    expect(seen).toEqual(["default", "second"]);
  });
});

describe("middleware of routers", () => {
  test("adds up, outermost first: app, outer router, inner router, actor", async () => {
    const order: string[] = [];
    const named =
      (name: string): ActorMiddleware =>
      async (_, next) => {
        order.push(`${name} in`);
        const result = await next();
        order.push(`${name} out`);
        return result;
      };
    const { app, workFor } = stage({ app: { middleware: { actor: [named("app 1"), named("app 2")] } } });
    const inner = createRouter({ middleware: [named("inner")] });
    const outer = createRouter({ middleware: [named("outer 1"), named("outer 2")] }).include(inner);
    const actor = inner.actor({ name: "a", middleware: [named("actor")] }, () => void order.push("handler"));
    app.include(outer);
    await app.send(actor, {});
    await workFor(1000);
    const way = ["app 1", "app 2", "outer 1", "outer 2", "inner", "actor"];
    expect(order).toEqual([
      ...way.map((name) => `${name} in`),
      "handler",
      ...way.toReversed().map((name) => `${name} out`),
    ]);
  });

  test("of one place does not reach actors beside it", async () => {
    const seen: string[] = [];
    const mark =
      (name: string): ActorMiddleware =>
      (call, next) => {
        seen.push(`${name}: ${call.actor.name}`);
        return next();
      };
    const { app, workFor } = stage();
    const shared = createRouter();
    shared.actor({ name: "shared" }, () => {});
    app.include(createRouter({ channel: "x", middleware: [mark("x")] }).include(shared));
    app.include(createRouter({ channel: "y", middleware: [mark("y")] }).include(shared));
    app.actor({ name: "own", middleware: [mark("own")] }, () => {});
    app.actor({ name: "plain" }, () => {});
    for (const [channel, topic] of [
      ["x", "shared"],
      ["y", "shared"],
      ["default", "own"],
      ["default", "plain"],
    ] as const) {
      await app.publish(channel, "{}", { headers: { topic } });
    }
    expect(await workFor(1000)).toMatchObject({ acked: 4 });
    expect(seen.toSorted()).toEqual(["own: own", "x: shared", "y: shared"]);
  });
});

describe("channels of an app", () => {
  const channel = (address: string, title?: string) =>
    defineChannel({ address, ...(title === undefined ? {} : { title }) });

  test("are those of its actors, one per address, in the order of registration", () => {
    const { app } = stage();
    expect(app.channels).toEqual([]);
    app.actor({ name: "a", channel: "x" }, () => {});
    app.actor({ name: "b", channel: channel("y") }, () => {});
    app.actor({ name: "c", channel: "x" }, () => {});
    app.actor({ name: "d" }, () => {});
    expect(app.channels.map(({ address }) => address)).toEqual(["x", "y", "default"]);
  });

  test.each([
    ["the first documented one", ["one", "two"], "one"],
    ["the second, where the first says nothing", [undefined, "two"], "two"],
    ["the first, where the second says nothing", ["one", undefined], "one"],
    ["the first that says something", [undefined, undefined, "three", "four"], "three"],
    ["none", [undefined, undefined], undefined],
  ])("of several with one address it is %s", (_, titles, title) => {
    const { app } = stage();
    titles.forEach((one, index) => {
      app.actor({ name: `a${index}`, channel: one === undefined ? "x" : channel("x", one) }, () => {});
    });
    expect(app.channels.map((one) => one.title)).toEqual([title]);
  });

  test.each([
    { title: "t" },
    { summary: "s" },
    { description: "d" },
    { tags: ["t"] },
    { bindings: { kafka: {} } },
    { externalDocs: { url: "https://example.org" } },
  ])("%j says something", (docs) => {
    const { app } = stage();
    app.actor({ name: "a", channel: "x" }, () => {});
    app.actor({ name: "b", channel: defineChannel({ address: "x", ...docs }) }, () => {});
    expect(app.channels).toMatchObject([docs]);
  });

  test("both actors of such a channel get their messages", async () => {
    const { app, workFor } = stage();
    const one = app.actor({ name: "one", channel: "x" }, () => {});
    const two = app.actor({ name: "two", channel: channel("x", "documented") }, () => {});
    await app.send(one, {});
    await app.send(two, {});
    expect(await workFor(1000)).toMatchObject({ acked: 2 });
  });
});

describe("what would shadow each other", () => {
  test("is told apart by server, and by the header that carries the topic", async () => {
    const app = createApp({ servers: { a: inMemory(), b: inMemory({ topicHeader: "kind" }) }, logger: false });
    app.actor({ name: "same" }, () => {});
    app.actor({ name: "same", topicHeader: "kind", server: "a" }, () => {});
    const worker = app.createWorker({ server: "a", signals: [] });
    await worker.start();
    await worker.stop();
    const clash = app.createWorker({ server: "b", signals: [] });
    app.actor({ name: "same", server: "b" }, () => {});
    await expect(clash.start()).rejects.toThrow(DuplicateNameError);
    await expect(clash.finished).resolves.toMatchObject({ processed: 0 });
  });

  test("says which channel and topic", async () => {
    const { app } = stage();
    app.actor({ name: "one", channel: "mail", topic: "send" }, () => {});
    app.actor({ name: "send", channel: "mail" }, () => {});
    await expect(app.createWorker().start()).rejects.toThrow(
      "Two actors of channel mail have the topic send: the second would never run.",
    );
  });
});
