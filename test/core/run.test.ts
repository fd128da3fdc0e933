import { createApp, defineDependency } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gate, never, replace, type Stage, stage } from "./stage.ts";

const signals = ["SIGTERM", "SIGINT"] as const;

/** `app.run()`, once it is receiving. */
async function running({ app, clock }: Stage, options: NonNullable<Parameters<Stage["app"]["run"]>[0]> = {}) {
  const result = app.run(options);
  result.catch(() => {});
  await clock.advance(0);
  // In an object: a promise that an async function returns is awaited.
  return { result };
}

describe("run", () => {
  test("connects, works and closes: the whole life of a worker process", async () => {
    const s = stage();
    const states: string[] = [];
    const disposed: string[] = [];
    const pool = defineDependency({ scope: "app", resolve: () => "pool", dispose: (name) => void disposed.push(name) });
    const actor = s.app.actor({ name: "a", deps: { pool } }, () => void states.push(s.server.state));
    await s.app.send(actor, {});
    expect(await s.soon(s.app.run({ messagesLimit: 1 }))).toMatchObject({ processed: 1, acked: 1 });
    expect([states, disposed, s.server.state]).toEqual([["ready"], ["pool"], "closed"]);
    expect([s.process.listening, s.process.exits]).toEqual([0, []]);
  });

  test("runWorker leaves what sending has opened", async () => {
    const s = stage();
    const actor = s.app.actor({ name: "a" }, () => {});
    await s.app.send(actor, {});
    await s.soon(s.app.runWorker({ messagesLimit: 1 }));
    expect(s.server.state).toBe("ready");
    await s.app.close();
    expect(s.server.state).toBe("closed");
  });

  test("can be called again", async () => {
    const s = stage();
    const actor = s.app.actor({ name: "a" }, () => {});
    for (let round = 0; round < 3; round += 1) {
      await s.app.send(actor, {});
      expect(await s.soon(s.app.run({ messagesLimit: 1 }))).toMatchObject({ processed: 1 });
    }
  });

  test("without actors it returns at once, says so, and connects to nothing", async () => {
    const s = stage();
    expect(await s.app.run()).toMatchObject({
      processed: 0,
      acked: 0,
      nacked: 0,
      rejected: 0,
      retried: 0,
      abandoned: 0,
    });
    expect(s.logs.of("worker.no_actors")).toMatchObject([{ level: "warn", servers: ["default"] }]);
    expect([s.server.state, s.process.listening, s.logs.of("server.connected").length]).toEqual(["closed", 0, 0]);
  });

  test("closes also when it cannot start", async () => {
    const s = stage({ memory: { features: { retryDelay: { level: "unsupported" } } } });
    const actor = s.app.actor({ name: "a", retry: 3 }, () => {});
    await s.app.send(actor, {});
    expect(s.server.state).toBe("ready");
    await expect(s.app.run()).rejects.toMatchObject({ code: "UNSUPPORTED_FEATURE" });
    expect([s.server.state, s.process.listening]).toEqual(["closed", 0]);
  });

  test("closes also when its worker ends with an error", async () => {
    const s = stage();
    const actor = s.app.actor({ name: "a", timeout: 10, onTimeout: "nack" }, () => never);
    for (let n = 0; n < 3; n += 1) await s.app.send(actor, {});
    const result = s.app.run({ concurrency: 1, cancelTimeout: 0, shutdownTimeout: 0 });
    await expect(s.soon(result)).rejects.toMatchObject({ code: "WORKER_FATAL" });
    await s.clock.advance(100);
    expect([s.server.state, s.process.listening, s.process.exits]).toEqual(["closed", 0, []]);
  });

  test("counts everything that it has done", async () => {
    const s = stage();
    const { app } = s;
    const payload = z.object({ what: z.string() });
    const actor = app.actor(
      {
        name: "a",
        payload,
        retry: { attempts: 2, backoff: 10 },
        onError: (error) => ((error as Error).message === "back" ? "reject" : "retry"),
      },
      async ({ payload: { what }, deliveries, message }) => {
        if (what === "bad") throw new Error("bad");
        if (what === "back" && deliveries === 1) throw new Error("back");
        if (what === "answer") await message.reply("{}");
        if (what === "stuck") await never;
      },
    );
    for (const what of ["fine", "bad", "back", "stuck"]) await app.send(actor, { what });
    await app.send(actor, { what: "answer" }, { replyTo: "answers" });
    await app.publish("default", "{}", { headers: { topic: "nobody" } });
    const { result } = await running(s, { shutdownTimeout: 1000, cancelTimeout: 100 });
    await s.clock.advance(500);
    s.process.emit("SIGTERM");
    // fine, back (twice), answer, bad (twice); what was stuck is none of them.
    expect(await s.soon(result)).toMatchObject({
      processed: 6,
      acked: 3,
      nacked: 1,
      rejected: 2,
      retried: 2,
      abandoned: 1,
    });
  });

  test("messagesLimit is exact for one message after the other and for many at a time", async () => {
    for (const concurrency of [1, 3, 100]) {
      const s = stage();
      let ran = 0;
      const actor = s.app.actor({ name: "a" }, async () => {
        ran += 1;
        await new Promise<void>((resolve) => void s.clock.setTimer(resolve, 5));
      });
      for (let n = 0; n < 20; n += 1) await s.app.send(actor, {});
      expect(await s.soon(s.app.run({ messagesLimit: 7, concurrency }))).toMatchObject({ processed: 7, acked: 7 });
      expect(ran).toBe(7);
      expect(await s.stats()).toMatchObject({ ready: 13, inFlight: 0 });
    }
  });

  test("a limit that is reached by later messages ends it then", async () => {
    const s = stage();
    const actor = s.app.actor({ name: "a" }, () => {});
    const { result } = await running(s, { messagesLimit: 2 });
    await s.app.send(actor, {});
    await s.clock.advance("1h");
    expect(s.server.state).toBe("ready");
    await s.app.send(actor, {});
    expect(await s.soon(result)).toMatchObject({ processed: 2 });
  });

  test.each([
    { concurrency: 0 },
    { concurrency: 1.5 },
    { prefetch: -1 },
    { messagesLimit: 0 },
    { shutdownTimeout: "soon" },
    { cancelTimeout: -1 },
    { deliveryLimit: 0 },
    { stallTimeout: 1 },
    { unrouted: { attempts: 0 } },
    { unrouted: { delay: -1 } },
  ])("%j is refused before anything is opened", async (options) => {
    const s = stage();
    s.app.actor({ name: "a" }, () => {});
    await expect(s.app.run(options as object)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(s.server.state).toBe("closed");
  });
});

describe("signals", () => {
  test.each(signals)("%s stops gracefully: what runs is finished, the process is left alone", async (signal) => {
    const s = stage();
    const go = gate();
    let started = 0;
    const actor = s.app.actor({ name: "a" }, async () => {
      started += 1;
      await go.opened;
    });
    for (let n = 0; n < 3; n += 1) await s.app.send(actor, {});
    const { result } = await running(s, { concurrency: 1 });
    s.process.emit(signal);
    await s.clock.advance("5s");
    go.open();
    expect(await s.soon(result)).toMatchObject({ processed: 1, acked: 1, abandoned: 0 });
    expect([started, s.process.exits, s.process.listening]).toEqual([1, [], 0]);
    expect(s.logs.of("worker.stop.requested")).toMatchObject([{ level: "info", signal }]);
    expect(await s.stats()).toMatchObject({ ready: 2 });
  });

  test.each([
    ["SIGTERM", "SIGTERM", 143],
    ["SIGINT", "SIGINT", 130],
    ["SIGTERM", "SIGINT", 130],
    ["SIGINT", "SIGTERM", 143],
  ] as const)("%s and then %s exits at once with %s", async (first, second, code) => {
    const s = stage();
    const actor = s.app.actor({ name: "a" }, () => never);
    await s.app.send(actor, {});
    const { result } = await running(s);
    s.process.emit(first);
    await s.clock.advance(10);
    expect(s.process.exits).toEqual([]);
    s.process.emit(second);
    expect(s.process.exits).toEqual([code]);
    expect(s.logs.of("worker.stop.forced")).toMatchObject([{ level: "error", signal: second }]);
    await s.soon(result);
  });

  test("others can be named, or none", async () => {
    const s = stage();
    s.app.actor({ name: "a" }, () => {});
    const { result: custom } = await running(s, { signals: ["SIGUSR2"] });
    expect(s.process.listening).toBe(1);
    s.process.emit("SIGTERM");
    s.process.emit("SIGUSR2");
    await s.clock.advance(10);
    await s.soon(custom);
    const abort = new AbortController();
    const { result: none } = await running(s, { signals: [], signal: abort.signal });
    expect(s.process.listening).toBe(0);
    abort.abort();
    await s.soon(none);
  });

  test("a second one of another kind that nobody asked for is the process's own affair", async () => {
    const s = stage();
    s.app.actor({ name: "a" }, () => {});
    const { result } = await running(s);
    s.process.emit("SIGHUP");
    expect([s.process.listening, s.process.exits]).toEqual([2, []]);
    s.process.emit("SIGINT");
    await s.soon(result);
  });

  test("during the start they end it", async () => {
    const connecting = gate();
    const s = stage({
      wrap: (inner) =>
        replace(inner, {
          async connect(options) {
            await connecting.opened;
            await inner.connect(options);
          },
        }),
    });
    let ran = 0;
    s.app.actor({ name: "a" }, () => {
      ran += 1;
    });
    const { result } = await running(s);
    s.process.emit("SIGTERM");
    connecting.open();
    expect(await s.soon(result)).toMatchObject({ processed: 0 });
    await s.clock.advance(0);
    expect([ran, s.server.state, s.process.listening, s.process.exits]).toEqual([0, "closed", 0, []]);
  });
});

describe("a signal of one's own", () => {
  test("that is aborted before the start: nothing is received", async () => {
    const s = stage();
    let ran = 0;
    const actor = s.app.actor({ name: "a" }, () => {
      ran += 1;
    });
    await s.app.send(actor, {});
    expect(await s.soon(s.app.run({ signal: AbortSignal.abort() }))).toMatchObject({ processed: 0 });
    expect([ran, s.process.listening, await s.stats()]).toMatchObject([0, 0, { ready: 1 }]);
  });

  test("that aborts during the start", async () => {
    const abort = new AbortController();
    const s = stage({
      wrap: (inner) =>
        replace(inner, {
          async connect(options) {
            abort.abort();
            await inner.connect(options?.signal === undefined ? {} : { signal: options.signal });
          },
        }),
    });
    let ran = 0;
    s.app.actor({ name: "a" }, () => {
      ran += 1;
    });
    expect(await s.soon(s.app.run({ signal: abort.signal }))).toMatchObject({ processed: 0 });
    expect([ran, s.server.state, s.process.listening]).toEqual([0, "closed", 0]);
  });

  test("that aborts while it works stops it gracefully", async () => {
    const s = stage();
    const abort = new AbortController();
    const go = gate();
    const actor = s.app.actor({ name: "a" }, () => go.opened);
    await s.app.send(actor, {});
    const { result } = await running(s, { signal: abort.signal });
    abort.abort();
    await s.clock.advance("3s");
    go.open();
    expect(await s.soon(result)).toMatchObject({ processed: 1, acked: 1, abandoned: 0 });
  });

  test("that aborts afterwards, or is used for many workers, is not listened to any more", async () => {
    const s = stage();
    const abort = new AbortController();
    let listening = 0;
    const { signal } = abort;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listening += 1;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listening -= 1;
      remove(...given);
    };
    const actor = s.app.actor({ name: "a" }, () => {});
    for (let round = 0; round < 3; round += 1) {
      await s.app.send(actor, {});
      await s.soon(s.app.run({ messagesLimit: 1, signal }));
    }
    await s.clock.advance(0);
    expect(listening).toBe(0);
    abort.abort();
    await s.clock.advance(0);
    expect(s.process.exits).toEqual([]);
  });
});

describe("once a stop is asked for", () => {
  // The intake closes only some microtasks after `stop()`; until then every slot that is freed takes a waiting message.
  test("nothing starts any more, not even in the same turn", async () => {
    const { app, work, soon } = stage();
    const started: number[] = [];
    const go = gate();
    const actor = app.actor({ name: "a", payload: z.object({ n: z.number() }) }, async ({ payload: { n } }) => {
      started.push(n);
      if (n === 0) await go.opened;
    });
    for (let n = 0; n < 5; n += 1) await app.send(actor, { n });
    const worker = await work({ concurrency: 1, prefetch: 4 });
    expect(started).toEqual([0]);
    const stopped = worker.stop();
    go.open();
    expect(await soon(stopped)).toMatchObject({ processed: 1, acked: 1 });
    expect(started).toEqual([0]);
  });
});

describe("without a runtime of its own", () => {
  test("run works on the system clock and the real process", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const seen: unknown[] = [];
    const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload }) => {
      seen.push(payload.who);
    });
    const before = process.listenerCount("SIGTERM");
    await app.send(greet, { who: "world" });
    expect(await app.run({ messagesLimit: 1 })).toMatchObject({ processed: 1 });
    expect([seen, process.listenerCount("SIGTERM")]).toEqual([["world"], before]);
  });
});
