import { createApp, createRouter, DuplicateNameError, defineOperation, RouterCycleError } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import { stage } from "../core/stage.ts";

describe("W30: names that would shadow each other are refused", () => {
  test("two actors with one topic on one channel, at the start, before anything is connected", async () => {
    const { app, server } = stage();
    app.actor({ name: "one", topic: "same" }, () => {});
    app.actor({ name: "two", topic: "same" }, () => {});
    await expect(app.runWorker({ signals: [] })).rejects.toThrow(DuplicateNameError);
    expect(server.state).toBe("closed");
  });

  test("also through routers, and by the same router included twice with the same channel", async () => {
    const { app } = stage();
    const shared = createRouter();
    shared.actor({ name: "one" }, () => {});
    app.include(createRouter().include(shared)).include(createRouter().include(shared));
    await expect(app.runWorker({ signals: [] })).rejects.toThrow(/topic one/);
  });

  test("not on different channels or servers, nor with routing of their own", async () => {
    const app = createApp({ servers: { a: inMemory(), b: inMemory() }, logger: false });
    app.actor({ name: "one", channel: "x" }, () => {});
    app.actor({ name: "one", channel: "y" }, () => {});
    app.actor({ name: "two", server: "a" }, () => {});
    app.actor({ name: "two", server: "b" }, () => {});
    app.actor({ name: "one", channel: "x", routing: () => () => true }, () => {});
    const worker = app.createWorker({ servers: ["a", "b"], signals: [] });
    await worker.start();
    await worker.stop();
  });

  test("two servers of one name", () => {
    const app = createApp({ server: inMemory(), logger: false });
    expect(() => app.registry.register("default", inMemory())).toThrow(DuplicateNameError);
  });

  test("two operations of one name, when the app is made and when the second is sent", async () => {
    const one = defineOperation({ name: "same", channel: "x" });
    const two = defineOperation({ name: "same", channel: "y" });
    expect(() => createApp({ operations: [one, two] })).toThrow(DuplicateNameError);
    const { app } = stage();
    await app.send(one, {});
    await expect(app.send(two, {})).rejects.toThrow(DuplicateNameError);
    await app.send(one, {});
  });

  test("a router in itself, directly and through others", () => {
    const a = createRouter();
    const b = createRouter().include(a);
    const c = createRouter().include(b);
    for (const inner of [a, b, c]) expect(() => a.include(inner)).toThrow(RouterCycleError);
    expect(() => c.include(a)).not.toThrow();
  });

  test("an actor bound to a server that the app does not have", () => {
    const { app } = stage();
    app.actor({ name: "a", server: "nowhere" }, () => {});
    expect(() => app.createWorker()).toThrow(/nowhere/);
  });
});
