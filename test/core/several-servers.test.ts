import { createApp, createRouter, defineOperation } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createVirtualClock, type VirtualClock } from "../../src/internal/virtual-clock.ts";
import type { Worker } from "../../src/runtime/worker.ts";
import { changeDeliveries, gate, Logs, replace } from "./stage.ts";

const notFound = expect.objectContaining({ code: "NOT_FOUND" });

function twoServers(settings: { readonly defaultServer?: "east" | "west" } = {}) {
  const clock = createVirtualClock();
  const logs = new Logs();
  const east = inMemory({ clock });
  const west = inMemory({ clock });
  const app = createApp({ servers: { east, west }, ...settings, logger: logs, runtime: { clock, random: () => 0.5 } });
  return { clock, logs, east, west, app };
}

async function stopped(worker: Worker, clock: VirtualClock) {
  const result = worker.stop();
  for (let step = 0; step < 60; step += 1) await clock.advance(500);
  return result;
}

async function until(clock: VirtualClock, worker: Worker) {
  let over = false;
  const done = worker.finished.finally(() => {
    over = true;
  });
  for (let step = 0; step < 600 && !over; step += 1) await clock.advance(100);
  return done;
}

describe("a worker on several servers", () => {
  test("shares its slots among them, and each gets its turn", async () => {
    const { app, clock } = twoServers();
    const running = { east: 0, west: 0 };
    let most = 0;
    const done: string[] = [];
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      const server = message.server as "east" | "west";
      running[server] += 1;
      most = Math.max(most, running.east + running.west);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      running[server] -= 1;
      done.push(server);
    });
    for (let n = 0; n < 60; n += 1) await app.send(actor, {}, { server: "east" });
    for (let n = 0; n < 20; n += 1) await app.send(actor, {}, { server: "west" });
    const worker = app.createWorker({ servers: ["east", "west"], concurrency: 4, messagesLimit: 80, signals: [] });
    await worker.start();
    expect(await until(clock, worker)).toMatchObject({ processed: 80, acked: 80 });
    expect(most).toBe(4);
    // The larger backlog was there first; the smaller one does not wait for its end.
    expect(done.slice(0, 50).filter((server) => server === "west").length).toBeGreaterThanOrEqual(10);
  });

  test("counts messagesLimit over all of them", async () => {
    const { app, clock, east, west } = twoServers();
    const actor = app.actor({ name: "a" }, () => {});
    for (let n = 0; n < 10; n += 1) {
      await app.send(actor, {}, { server: "east" });
      await app.send(actor, {}, { server: "west" });
    }
    const worker = app.createWorker({ servers: ["east", "west"], messagesLimit: 7, signals: [] });
    await worker.start();
    expect(await until(clock, worker)).toMatchObject({ processed: 7 });
    expect((await east.inspect("default")).ready + (await west.inspect("default")).ready).toBe(13);
    await app.close();
  });

  test("tells of each one in its health", async () => {
    const { app, clock } = twoServers();
    app.actor({ name: "a" }, () => {});
    app.actor({ name: "b", channel: "only-east", server: "east" }, () => {});
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    expect(worker.health().consumers).toMatchObject([
      { server: "east", connection: "ready", subscription: "ready", channels: ["default", "only-east"] },
      { server: "west", connection: "ready", subscription: "ready", channels: ["default"] },
    ]);
    await stopped(worker, clock);
  });

  test("is not ready while one of them is away, and the others go on", async () => {
    const clock = createVirtualClock();
    const east = inMemory({ clock });
    let tell: (state: "ready" | "reconnecting") => void = () => {};
    const inner = inMemory({ clock });
    const west = replace(inner, {
      subscribe(options) {
        tell = (state) => options.onStateChange(state);
        return inner.subscribe(options);
      },
    });
    const app = createApp({ servers: { east, west }, logger: false, runtime: { clock } });
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    tell("reconnecting");
    await app.send(actor, {}, { server: "east" });
    await clock.advance(100);
    expect(ran).toBe(1);
    expect(worker.health()).toMatchObject({ live: true, ready: false });
    expect(worker.health().reasons).toEqual(["subscription on west is reconnecting"]);
    tell("ready");
    expect(worker.health()).toMatchObject({ live: true, ready: true });
    await stopped(worker, clock);
  });

  test("closes those that it has opened, and only those", async () => {
    const { app, clock, east, west } = twoServers();
    app.actor({ name: "a" }, () => {});
    const connection = await app.connect("east");
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    expect([east.state, west.state]).toEqual(["ready", "ready"]);
    await stopped(worker, clock);
    expect([east.state, west.state]).toEqual(["ready", "closed"]);
    await connection.close();
    expect(east.state).toBe("closed");
  });

  test("hands a stop on to all: what runs on each is finished", async () => {
    const { app, clock } = twoServers();
    const go = gate();
    const actor = app.actor({ name: "a" }, () => go.opened);
    await app.send(actor, {}, { server: "east" });
    await app.send(actor, {}, { server: "west" });
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    await clock.advance(100);
    const result = stopped(worker, clock);
    go.open();
    expect(await result).toMatchObject({ processed: 2, acked: 2, abandoned: 0 });
  });
});

describe("which server", () => {
  test("the default one is the first, or the one that is named", async () => {
    for (const [settings, expected] of [
      [{}, "east"],
      [{ defaultServer: "west" }, "west"],
    ] as const) {
      const { app, clock } = twoServers(settings);
      const seen: string[] = [];
      const actor = app.actor({ name: "a" }, ({ message }) => void seen.push(message.server));
      expect(await app.send(actor, {})).toMatchObject({ server: expected });
      const worker = app.createWorker({ signals: [], messagesLimit: 1 });
      await worker.start();
      await until(clock, worker);
      expect(seen).toEqual([expected]);
      await app.close();
    }
  });

  test("an actor without a server reads from all that its worker runs on, and from no other", async () => {
    const { app, clock, west } = twoServers();
    const seen: string[] = [];
    const actor = app.actor({ name: "a" }, ({ message }) => void seen.push(message.server));
    await app.send(actor, {}, { server: "west" });
    await app.send(actor, {}, { server: "east" });
    const worker = app.createWorker({ server: "east", signals: [] });
    await worker.start();
    await clock.advance("1m");
    await stopped(worker, clock);
    expect(seen).toEqual(["east"]);
    expect(await west.inspect("default")).toMatchObject({ ready: 1 });
    await app.close();
  });

  test("an actor that is bound to one, by itself or its router, gets nothing from another", async () => {
    const { app, clock, logs } = twoServers();
    const seen: string[] = [];
    const router = createRouter({ server: "west" });
    router.actor({ name: "routed" }, ({ message }) => void seen.push(`routed ${message.server}`));
    router.actor({ name: "own", server: "east" }, ({ message }) => void seen.push(`own ${message.server}`));
    app.include(router);
    for (const server of ["east", "west"] as const) {
      for (const topic of ["routed", "own"]) await app.publish("default", "{}", { headers: { topic }, server });
    }
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    await clock.advance(500);
    expect(seen.toSorted()).toEqual(["own east", "routed west"]);
    expect(logs.of("message.unrouted").map(({ server }) => server)).toEqual(["east", "west"]);
    await stopped(worker, clock);
    await app.close();
  });

  test("an actor that is bound does not keep a worker elsewhere running", async () => {
    const { app, east, west, logs } = twoServers();
    app.actor({ name: "a", server: "west" }, () => {});
    expect(await app.runWorker({ server: "east", signals: [] })).toMatchObject({ processed: 0 });
    expect(logs.of("worker.no_actors")).toMatchObject([{ servers: ["east"] }]);
    expect([east.state, west.state]).toEqual(["closed", "closed"]);
  });

  test("send, publish and reply of a handler stay on the server of the message unless another is named", async () => {
    const { app, clock } = twoServers();
    const seen: string[] = [];
    const target = app.actor({ name: "target" }, ({ message }) => void seen.push(message.server));
    const sum = defineOperation({ name: "sum", reply: z.object({ ok: z.boolean() }) });
    app.actor({ operation: sum }, () => ({ ok: true }));
    const actor = app.actor({ name: "a" }, async ({ send, message }) => {
      await send(target, {});
      await send(target, {}, { server: "east" });
      await message.publish("default", "{}", { headers: { topic: "target" } });
    });
    await app.send(actor, {}, { server: "west" });
    const worker = app.createWorker({ servers: ["east", "west"], signals: [] });
    await worker.start();
    await clock.advance(100);
    expect(seen.toSorted()).toEqual(["east", "west", "west"]);
    expect(await app.request(sum, undefined, { server: "west" })).toEqual({ ok: true });
    await stopped(worker, clock);
    await app.close();
  });

  test("dead letters, inspection and purging are of one server", async () => {
    const { app, clock } = twoServers();
    const actor = app.actor({ name: "a" }, () => {
      throw new Error("bad");
    });
    await app.send(actor, {}, { server: "west" });
    const worker = app.createWorker({ servers: ["east", "west"], signals: [], messagesLimit: 1 });
    await worker.start();
    await until(clock, worker);
    expect(await app.deadLetters("default").count()).toBe(0);
    expect(await app.deadLetters("default", { server: "west" }).count()).toBe(1);
    expect(await app.inspect("default", { server: "west" })).toMatchObject({ dead: 1 });
    expect(await app.purge("default", { server: "east" })).toBe(0);
    await app.close();
  });

  test("each server may have a topic header of its own, or none", async () => {
    const clock = createVirtualClock();
    const east = inMemory({ clock, topicHeader: "kind" });
    const west = inMemory({ clock });
    const app = createApp({ servers: { east, west }, logger: false, runtime: { clock } });
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a" }, ({ message }) => void seen.push([message.server, { ...message.headers }]));
    await app.send(actor, {}, { server: "east" });
    await app.send(actor, {}, { server: "west" });
    const worker = app.createWorker({ servers: ["east", "west"], signals: [], messagesLimit: 2 });
    await worker.start();
    await until(clock, worker);
    expect(seen).toEqual([
      ["east", { kind: "a" }],
      ["west", { topic: "a" }],
    ]);
    await app.close();
  });
});

describe("a server that the app does not have", () => {
  const { app } = twoServers();
  const unknown = "north" as "east";
  const actor = app.actor({ name: "a" }, () => {});

  test.each([
    ["a worker on it", () => app.createWorker({ server: unknown })],
    ["a worker on several", () => app.createWorker({ servers: ["east", unknown] })],
    ["dead letters of it", () => app.deadLetters("default", { server: unknown })],
    ["a default of that name", () => createApp({ servers: { east: inMemory() }, defaultServer: unknown })],
    ["the registry", () => app.registry.get(unknown)],
    ["a new default", () => app.registry.setDefault(unknown)],
  ])("is refused: %s", (_, use) => {
    expect(use).toThrow(notFound);
  });

  test.each([
    ["running on it", () => app.runWorker({ server: unknown })],
    ["sending to it", () => app.send(actor, {}, { server: unknown })],
    ["sending many to it", () => app.sendMany(actor, [{}], { server: unknown })],
    ["publishing to it", () => app.publish("x", "1", { server: unknown })],
    ["a request to it", () => app.request(actor, {}, { server: unknown })],
    ["connecting to it", () => app.connect(unknown)],
    ["inspecting it", () => app.inspect("x", { server: unknown })],
    ["purging it", () => app.purge("x", { server: unknown })],
  ])("rejects: %s", async (_, use) => {
    await expect(use()).rejects.toThrow(notFound);
  });

  test("the error names those that there are", () => {
    expect(() => app.createWorker({ server: unknown })).toThrow("No server named north; there are: east, west.");
  });

  test("without any server at all the error says how to give one", async () => {
    const bare = createApp({ logger: false });
    const lost = bare.actor({ name: "a" }, () => {});
    await expect(bare.send(lost, {})).rejects.toThrow("createApp({ server })");
    expect(() => bare.createWorker()).toThrow(notFound);
  });

  test("one that is registered later is found", async () => {
    const bare = createApp({ logger: false });
    const late = bare.actor({ name: "a" }, () => {});
    bare.registry.register("late", inMemory());
    expect(await bare.send(late, {})).toMatchObject({ server: "late" });
    await bare.close();
  });

  test("server and servers together are refused, for apps and for workers", () => {
    const refused = expect.objectContaining({ code: "INVALID_OPTION" });
    expect(() => app.createWorker({ server: "east", servers: ["west"] })).toThrow(refused);
    expect(() => createApp({ server: inMemory(), servers: {} } as never)).toThrow(refused);
  });

  test("the same server twice in one worker would hold twice as much: it is taken once, or refused", async () => {
    const clock = createVirtualClock();
    let held = 0;
    let most = 0;
    const server = changeDeliveries((delivery) => {
      held += 1;
      most = Math.max(most, held);
      return {
        settle(outcome, note) {
          held -= 1;
          return delivery.settle(outcome, note);
        },
      };
    })(inMemory({ clock }));
    const twice = createApp({ servers: { east: server }, logger: false, runtime: { clock } });
    const slow = twice.actor({ name: "a" }, () => new Promise<void>((resolve) => void clock.setTimer(resolve, 10)));
    for (let n = 0; n < 20; n += 1) await twice.send(slow, {});
    let worker: Worker;
    try {
      worker = twice.createWorker({ servers: ["east", "east"], concurrency: 2, prefetch: 1, signals: [] });
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(DUPLICATE_NAME|INVALID_OPTION)$/) });
      return;
    }
    await worker.start();
    await clock.advance(1000);
    await stopped(worker, clock);
    expect(most).toBeLessThanOrEqual(3);
  });
});
