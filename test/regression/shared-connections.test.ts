import { type BrokerServer, type ConnectionState, createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../src/internal/virtual-clock.ts";
import { never, replace, type Stage, stage } from "../core/stage.ts";

describe("a server whose connect hangs", () => {
  test("does not keep close() from ending", async () => {
    const { app, clock, soon } = stage({
      wrap: (server) => replace(server, { connect: () => never }),
      app: { publishTimeout: 100 },
    });
    const actor = app.actor({ name: "a" }, () => {});
    await expect(soon(app.send(actor, {}))).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
    const before = clock.monotonic();
    await soon(app.close());
    expect(clock.monotonic() - before).toBeLessThan(5000);
  });

  test("does not keep close() from ending after a request either", async () => {
    const { app, clock, soon } = stage({ wrap: (server) => replace(server, { connect: () => never }) });
    const actor = app.actor({ name: "a" }, () => {});
    const requesting = app.request(actor, {}, { timeout: 100 }).catch((error: unknown) => error);
    await clock.advance("1s");
    const before = clock.monotonic();
    await soon(app.close());
    expect(clock.monotonic() - before).toBeLessThan(5000);
    expect(await soon(requesting)).toBeInstanceOf(Error);
  });

  test("does not keep run() from ending when a handler sent to it", async () => {
    const clock = createVirtualClock();
    const main = inMemory({ clock });
    const other = replace<BrokerServer>(inMemory({ clock }), { connect: () => never });
    const app = createApp({
      ...{ servers: { main, other }, defaultServer: "main", logger: false, publishTimeout: 100, runtime: { clock } },
    });
    const failed: unknown[] = [];
    const actor = app.actor({ name: "b" }, async () => {
      await app.publish("x", "y", { server: "other" }).catch((error: unknown) => failed.push(error));
    });
    await app.send(actor, {});
    let result: unknown;
    const running = app.run({ server: "main", messagesLimit: 1, signals: [] }).then((counts) => {
      result = counts;
    });
    for (let step = 0; step < 100 && result === undefined; step += 1) await clock.advance(100);
    expect(result).toMatchObject({ processed: 1, acked: 1 });
    expect(failed).toMatchObject([{ code: "PUBLISH_FAILED" }]);
    await running;
  });
});

describe("several users wait for the same connect", () => {
  /** A connect takes half a second and listens to its signal. */
  function slowConnect(): Stage & { readonly attempts: { started: number; aborted: number } } {
    const attempts = { started: 0, aborted: 0 };
    const made: Stage = stage({
      wrap: (server) =>
        replace(server, {
          connect: (options) =>
            new Promise<void>((resolve, reject) => {
              attempts.started += 1;
              const timer = made.clock.setTimer(() => server.connect(options).then(resolve, reject), 500);
              options?.signal?.addEventListener("abort", () => {
                attempts.aborted += 1;
                made.clock.clearTimer(timer);
                reject(options.signal?.reason);
              });
            }),
        }),
    });
    return { ...made, attempts };
  }

  test("one that gives up fails none of the others", async () => {
    const { app, clock, soon, attempts } = slowConnect();
    const actor = app.actor({ name: "a" }, () => {});
    const worker = app.createWorker({ signals: [] });
    const starting = worker.start();
    await clock.advance(50);
    const sending = app.send(actor, {});
    const connecting = app.connect();
    connecting.catch(() => {});
    sending.catch(() => {});
    await clock.advance(50);
    await soon(worker.stop());
    await starting;
    await expect(soon(sending)).resolves.toMatchObject({ channel: "default" });
    const connection = await soon(connecting);
    expect(attempts).toEqual({ started: 1, aborted: 0 });
    await connection.close();
    await app.close();
  });

  test("the attempt is given up when the last of them is gone", async () => {
    const { app, clock, soon, attempts, server } = slowConnect();
    app.actor({ name: "a" }, () => {});
    const worker = app.createWorker({ signals: [] });
    const starting = worker.start();
    await clock.advance(50);
    await soon(worker.stop());
    await starting;
    await clock.advance("1s");
    expect(attempts).toEqual({ started: 1, aborted: 1 });
    expect(server.state).toBe("closed");
  });
});

describe("a server that failed", () => {
  test("is connected again by the next send and released once", async () => {
    let state: ConnectionState = "closed";
    const calls: string[] = [];
    const { app, soon } = stage({
      wrap: (server) =>
        replace(server, {
          get state() {
            return state;
          },
          connect: async (options) => {
            calls.push("connect");
            await server.connect(options);
            state = "ready";
          },
          disconnect: async () => {
            calls.push("disconnect");
            await server.disconnect();
            state = "closed";
          },
        }),
    });
    await soon(app.publish("x", "1"));
    state = "failed";
    await soon(app.publish("x", "2"));
    await soon(app.close());
    expect(calls).toEqual(["connect", "connect", "disconnect"]);
    expect(state).toBe("closed");
  });
});
