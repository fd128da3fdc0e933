import { describe, expect, test } from "vitest";
import { defineOperation } from "../contract/operation.ts";
import { DuplicateNameError, NotFoundError, OptionError } from "../server/errors.ts";
import { inMemory } from "../servers/memory/index.ts";
import { createApp } from "./app.ts";
import { createOperationRegistry } from "./operation-registry.ts";
import { createServerRegistry } from "./server-registry.ts";

const odd = ["constructor", "__proto__", "toString"];

describe("the registry of operations", () => {
  const one = defineOperation({ name: "one" });
  const two = defineOperation({ name: "two", channel: "x" });

  test("gives what was registered, in order, and nothing else", () => {
    const registry = createOperationRegistry([two]);
    registry.register(one);
    expect(registry.all).toEqual([two, one]);
    expect(registry.get("one")).toBe(one);
    expect([registry.has("two"), registry.has("three")]).toEqual([true, false]);
    expect(() => registry.get("three")).toThrow(NotFoundError);
    expect(() => registry.get("three")).toThrow("Operation three not found.");
  });

  test.each(odd)("knows no operation called %s", (name) => {
    const registry = createOperationRegistry();
    expect(registry.has(name)).toBe(false);
    expect(() => registry.get(name)).toThrow(NotFoundError);
    registry.register(defineOperation({ name }));
    expect(registry.get(name).name).toBe(name);
  });

  test("takes the same one again and refuses another one of its name, keeping the first", () => {
    const registry = createOperationRegistry([one]);
    registry.register(one);
    expect(() => registry.register(defineOperation({ name: "one" }))).toThrow(DuplicateNameError);
    expect(() => registry.register(defineOperation({ name: "one" }))).toThrow(
      "Two different operations are named one.",
    );
    expect(registry.get("one")).toBe(one);
    expect(registry.all.length).toBe(1);
  });

  test("of an app holds those given and those sent, and a list of it cannot be used to change it", async () => {
    const app = createApp({ server: inMemory(), operations: [one], logger: false });
    await app.send(two, {});
    await app.send(two, {});
    expect(app.operations.all).toEqual([one, two]);
    (app.operations.all as unknown[]).length = 0;
    expect(app.operations.all.length).toBe(2);
    await app.send(app.operations.get("one"), {});
    await app.close();
  });
});

describe("the registry of servers", () => {
  test("has the first one as the default until another one is chosen", () => {
    const registry = createServerRegistry();
    const [a, b, c] = [inMemory(), inMemory(), inMemory()];
    expect([registry.default, registry.names]).toEqual([undefined, []]);
    registry.register("a", a);
    registry.register("b", b);
    expect([registry.default, registry.get(), registry.get("b")]).toEqual(["a", a, b]);
    registry.register("c", c, { default: true });
    expect([registry.default, registry.get()]).toEqual(["c", c]);
    registry.setDefault("b");
    expect([registry.default, registry.get(), registry.names]).toEqual(["b", b, ["a", "b", "c"]]);
    expect([registry.has("a"), registry.has("d")]).toEqual([true, false]);
  });

  test("says what there is when asked for something else", () => {
    const registry = createServerRegistry();
    expect(() => registry.get()).toThrow("The app has no server: createApp({ server }) or registry.register().");
    expect(() => registry.get("x")).toThrow("No server named x; there are: none.");
    registry.register("a", inMemory());
    registry.register("b", inMemory());
    expect(() => registry.get("x")).toThrow("No server named x; there are: a, b.");
    for (const name of odd) expect(() => registry.get(name)).toThrow(NotFoundError);
    expect(() => registry.setDefault("x")).toThrow(NotFoundError);
    expect(registry.default).toBe("a");
  });

  test("refuses a second one of a name, an empty name and what is no server", () => {
    const registry = createServerRegistry();
    const first = inMemory();
    registry.register("a", first);
    expect(() => registry.register("a", first)).toThrow("A server named a is already registered.");
    expect(() => registry.register("", inMemory())).toThrow(OptionError);
    for (const other of [undefined, null, {}, "memory", inMemory, { publish: () => {} }]) {
      expect(() => registry.register("b", other as never)).toThrow(
        "Server b is not a server: make one with sqlite(), inMemory() or another adapter.",
      );
    }
    expect(registry.names).toEqual(["a"]);
    expect(registry.get("a")).toBe(first);
  });

  test.each(odd)("can hold a server called %s", (name) => {
    const app = createApp({ logger: false });
    const server = inMemory();
    app.registry.register(name, server);
    expect(app.registry.get(name)).toBe(server);
    expect(Object.keys(app.servers)).toEqual([name]);
  });
});

describe("servers of an app", () => {
  test("may be bound late, after actors and operations", async () => {
    const app = createApp({ logger: false });
    const actor = app.actor({ name: "a" }, () => {});
    await expect(app.send(actor, {})).rejects.toThrow(NotFoundError);
    expect(() => app.createWorker()).toThrow(NotFoundError);
    await (await app.connect()).close();
    const server = inMemory();
    app.registry.register("late", server);
    expect(await app.send(actor, {})).toMatchObject({ server: "late", channel: "default" });
    expect(await server.inspect("default")).toMatchObject({ ready: 1 });
    await app.close();
  });

  test("are chosen by name, else the default one, also when that changes", async () => {
    const app = createApp({ servers: { a: inMemory(), b: inMemory() }, defaultServer: "b", logger: false });
    const actor = app.actor({ name: "x" }, () => {});
    expect(await app.send(actor, {})).toMatchObject({ server: "b" });
    expect(await app.send(actor, {}, { server: "a" })).toMatchObject({ server: "a" });
    app.registry.setDefault("a");
    expect(await app.send(actor, {})).toMatchObject({ server: "a" });
    await expect(app.send(actor, {}, { server: "c" as "a" })).rejects.toThrow("No server named c; there are: a, b.");
    await expect(app.connect("c" as "a")).rejects.toThrow(NotFoundError);
    expect(() => app.deadLetters("x", { server: "c" as "a" })).toThrow(NotFoundError);
    await expect(app.inspect("x", { server: "c" as "a" })).rejects.toThrow(NotFoundError);
    await app.close();
  });

  test("an unknown default and both ways of giving servers are refused at once", () => {
    const server = inMemory();
    expect(() => createApp({ servers: { a: server }, defaultServer: "b" as "a" })).toThrow("No server named b.");
    expect(() => createApp({ server, servers: { a: server } } as never)).toThrow(
      "Give either server or servers, not both.",
    );
  });
});
