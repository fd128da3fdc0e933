import { request } from "node:http";
import { WorkerFatalError } from "millrace";
import { describe, expect, test } from "vitest";
import type { SubscribeOptions } from "../../src/server/server.ts";
import type { StageOptions } from "../core/stage.ts";
import { changeSubscription, never, replace, stage } from "../core/stage.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, ...options }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    call.on("error", reject);
    call.end();
  });
}

/** A worker with a health server and a subscription whose state the test decides. */
async function probed(options: StageOptions = {}, health: object = {}) {
  let subscribed: SubscribeOptions | undefined;
  const contact: { at: number | undefined } = { at: undefined };
  const made = stage({
    ...options,
    wrap: (server) =>
      changeSubscription((subscription, given) => {
        subscribed = given;
        return {
          get lastContact() {
            return contact.at ?? subscription.lastContact;
          },
        };
      })(options.wrap?.(server) ?? server),
  });
  made.app.actor({ name: "a" }, () => {});
  const worker = made.app.createWorker({ signals: [], health: { port: 0, ...health } });
  worker.finished.catch(() => {});
  await worker.start();
  const port = made.logs.of("http.listen")[0]?.["port"] as number;
  const statuses = async (): Promise<number[]> =>
    Promise.all(["/livez", "/readyz", "/healthz"].map(async (path) => (await ask(port, path)).status));
  return { ...made, worker, port, contact, statuses, states: () => subscribed as SubscribeOptions };
}

describe("W12: the health server", () => {
  test("answers 200 with details while the worker can work", async () => {
    const { statuses, port, worker, soon } = await probed();
    expect(await statuses()).toEqual([200, 200, 200]);
    const { body, headers } = await ask(port, "/healthz?verbose=1");
    expect(JSON.parse(body)).toMatchObject({ status: "ok", live: true, ready: true, phase: "running", reasons: [] });
    expect(headers["content-type"]).toContain("application/json");
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(body)));
    await soon(worker.stop());
    await expect(ask(port, "/livez")).rejects.toThrow("ECONNREFUSED");
  });

  test("answers HEAD without a body, 404 elsewhere and 405 to other methods", async () => {
    const { port, worker, soon } = await probed({}, { path: "/health" });
    expect(await ask(port, "/health", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    expect((await ask(port, "/healthz")).status).toBe(404);
    expect((await ask(port, "/")).status).toBe(404);
    const refused = await ask(port, "/livez", { method: "POST" });
    expect([refused.status, refused.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    await soon(worker.stop());
  });

  test("answers only under names it knows, whatever their case", async () => {
    const { port, worker, soon } = await probed({}, { allowedHosts: ["Worker-1.Internal"] });
    const as = async (host: string): Promise<number> => (await ask(port, "/livez", { headers: { host } })).status;
    expect(await as("evil.example")).toBe(421);
    for (const host of [
      "localhost",
      "LOCALHOST:80",
      "127.0.0.1:8080",
      "[::1]:8080",
      "worker-1.internal:8080",
      "Worker-1.Internal",
    ]) {
      expect([host, await as(host)]).toEqual([host, 200]);
    }
    await soon(worker.stop());
  });

  test("says unready while reconnecting, with the reason, and ready again afterwards; both stay live", async () => {
    const { statuses, port, states, worker, soon } = await probed();
    states().onStateChange("reconnecting");
    expect(await statuses()).toEqual([200, 503, 503]);
    expect(JSON.parse((await ask(port, "/readyz")).body)).toMatchObject({
      status: "unhealthy",
      reasons: ["subscription on default is reconnecting"],
    });
    states().onStateChange("ready");
    expect(await statuses()).toEqual([200, 200, 200]);
    await soon(worker.stop());
  });

  test("says unready when there was no contact to the broker for stallTimeout, though all else looks well", async () => {
    const { statuses, contact, clock, logs, worker, soon } = await probed();
    contact.at = clock.monotonic();
    await clock.advance("30s");
    expect(await statuses()).toEqual([200, 200, 200]);
    await clock.advance("46s");
    expect(await statuses()).toEqual([200, 503, 503]);
    expect(logs.of("consumer.stalled")[0]).toMatchObject({ level: "error", reason: "no contact to the broker" });
    contact.at = undefined;
    await clock.advance("16s");
    expect(await statuses()).toEqual([200, 200, 200]);
    expect(logs.of("consumer.unstalled").length).toBe(1);
    await soon(worker.stop());
  });

  test("a stall that does not pass ends the worker with an error", async () => {
    const { contact, clock, worker } = await probed();
    contact.at = clock.monotonic();
    await clock.advance("5m");
    await expect(worker.finished).rejects.toThrow(/stalled/);
  });

  test("says unready when there is a backlog and nothing is delivered for stallTimeout", async () => {
    const { app, statuses, clock, worker, logs, soon } = await probed({
      wrap: (server) =>
        replace(server, { subscribe: (options) => server.subscribe({ ...options, onDelivery: () => {} }) }),
    });
    for (let i = 0; i < 2000; i += 1) await app.publish("default", "{}");
    await clock.advance("80s");
    expect(logs.of("consumer.stalled")[0]).toMatchObject({ reason: "a backlog, but no deliveries" });
    expect(await statuses()).toEqual([200, 503, 503]);
    await soon(worker.stop());
  });

  test("an empty queue, a paused worker and a long-running handler are no stall", async () => {
    const { app, work, clock, logs, soon } = stage();
    const actor = app.actor(
      { name: "a" },
      () => new Promise<void>((resolve) => void clock.setTimer(resolve, 3_600_000)),
    );
    const idle = await work();
    await clock.advance("10m");
    await idle.pause();
    await app.send(actor, {});
    await clock.advance("10m");
    await idle.resume();
    for (let i = 0; i < 10; i += 1) await app.send(actor, {});
    await clock.advance("10m");
    expect(logs.of("consumer.stalled")).toEqual([]);
    await soon(idle.stop());
  });

  test("an inspection that never answers does not blind the watch", async () => {
    const { contact, clock, worker, logs } = await probed({
      wrap: (server) => replace(server, { inspect: () => never }),
    });
    await clock.advance("30s");
    contact.at = clock.monotonic();
    await clock.advance("10m");
    expect(logs.of("consumer.stalled").length).toBe(1);
    await expect(worker.finished).rejects.toThrow(WorkerFatalError);
  });

  test("stays unready and live while the worker stops", async () => {
    const { app, clock, logs, soon } = stage();
    const actor = app.actor({ name: "a" }, () => new Promise<void>((resolve) => void clock.setTimer(resolve, 5000)));
    await app.send(actor, {});
    const worker = app.createWorker({ signals: [], health: { port: 0 } });
    await worker.start();
    await clock.advance(10);
    const port = logs.of("http.listen")[0]?.["port"] as number;
    const stopping = worker.stop();
    await clock.advance(100);
    expect((await ask(port, "/livez")).status).toBe(200);
    expect(JSON.parse((await ask(port, "/readyz")).body)).toMatchObject({ reasons: ["the worker is stopping"] });
    await soon(stopping);
  });
});

describe("W12: a subscription that failed for good", () => {
  test("ends the worker: run rejects, and says why", async () => {
    const { worker, states, clock, logs } = await probed();
    states().onStateChange("failed", new Error("queue was deleted"));
    await clock.advance("1m");
    const error = await worker.finished.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerFatalError);
    expect(error).toMatchObject({ code: "WORKER_FATAL", cause: { message: "queue was deleted" } });
    expect(logs.of("worker.fatal").length).toBe(1);
    expect(worker.health()).toMatchObject({ live: false, ready: false, phase: "failed" });
  });

  test("finishes what runs before it ends", async () => {
    let subscribed: SubscribeOptions | undefined;
    const { app, clock, soon } = stage({
      wrap: changeSubscription((_, options) => {
        subscribed = options;
        return {};
      }),
    });
    let done = false;
    const actor = app.actor({ name: "a" }, async () => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 5000));
      done = true;
    });
    await app.send(actor, {});
    const running = app.run({ signals: [] });
    running.catch(() => {});
    await clock.advance(100);
    subscribed?.onStateChange("failed", new Error("gone"));
    await expect(soon(running)).rejects.toThrow(WorkerFatalError);
    expect(done).toBe(true);
  });
});
