import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { Tinypool } from "tinypool";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { contextOf, createMark, fixture, taskUrl } from "../../test/fixtures/threads/context.ts";
import type * as tasks from "../../test/fixtures/threads/tasks.ts";
import { defineDependency } from "../contract/dependency.ts";
import { createRouter } from "../contract/router.ts";
import {
  ActorTimeoutError,
  MissingPeerError,
  NonRetryableError,
  OptionError,
  TaskTerminatedError,
} from "../server/errors.ts";
import { createTaskHandler } from "./create-task-handler.ts";
import { inWorkerThread, type ThreadOptions } from "./in-worker-thread.ts";
import type { AnyTask, TaskHandler, UntypedTask } from "./task.ts";
import { threadRuntime } from "./thread-runtime.ts";

const opened: AsyncDisposable[] = [];

function thread<T extends AnyTask = UntypedTask>(name: string, options: ThreadOptions = {}): TaskHandler<T> {
  const handler = inWorkerThread<T>(taskUrl, { export: name, ...options });
  opened.push(handler);
  return handler;
}

const failure = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => error,
  );

afterEach(async () => {
  await Promise.all(opened.splice(0).map((handler) => handler[Symbol.asyncDispose]()));
});

describe("a task in a thread", () => {
  test("gets the payload and returns its result, away from the main thread", async () => {
    expect(await thread<typeof tasks.double>("double")(contextOf({ n: 21 }))).toBe(42);
    const { thread: id, pid } = await thread<typeof tasks.place>("place")(contextOf(null));
    expect(id).toBeGreaterThan(0);
    expect(pid).toBe(process.pid);
  });

  test("is the default export unless named", async () => {
    const greet = inWorkerThread<typeof tasks.default>(taskUrl);
    opened.push(greet);
    expect(await greet(contextOf({ who: "you" }))).toBe("hello you (m1)");
  });

  test("gets headers, dependencies and the facts of its message", async () => {
    const context = contextOf({ n: 1 }, { headers: { tenant: "a" }, deps: { rate: 0.5, since: new Date(5) } });
    expect(await thread("echo")(context)).toEqual({
      payload: { n: 1 },
      headers: { tenant: "a" },
      deps: { rate: 0.5, since: new Date(5) },
      message: {
        id: "m1",
        channel: "images",
        server: "main",
        attempt: 2,
        deliveries: 3,
        contentType: "application/json",
        replyTo: "answers",
      },
    });
  });

  test("sees no inherited header", async () => {
    expect(await thread<typeof tasks.noPrototype>("noPrototype")(contextOf(null))).toBe(true);
  });

  test("gets and returns dates, maps, sets, bytes, big numbers and patterns", async () => {
    const value = { when: new Date(1), map: new Map([[1, new Set(["x"])]]), bytes: new Uint8Array([1, 2]) };
    expect(await thread("echo")(contextOf(value))).toMatchObject({ payload: value });
    expect(await thread("rich")(contextOf(null))).toEqual({
      date: new Date(0),
      map: new Map([["a", new Set([1])]]),
      bytes: new Uint8Array([1, 2, 3]),
      big: 2n ** 70n,
      pattern: /x/g,
    });
  });

  test("hands a moved buffer over instead of copying it", async () => {
    const move = inWorkerThread(fixture("moves-a-buffer.ts"), { pool: { maxThreads: 1 } });
    opened.push(move);
    expect(await move(contextOf(null))).toEqual(new Uint8Array(1024).fill(7));
    expect(await move(contextOf(null))).toBe(0);
  });

  test("has a copy of the environment", async () => {
    const paint = thread<typeof tasks.paint>("paint");
    expect(await paint(contextOf(null))).toBe("red");
    expect(process.env["MILLRACE_TEST_COLOUR"]).toBeUndefined();
    const options = { pool: { env: { MILLRACE_TEST_COLOUR: "blue" } } };
    expect(await thread("environment", options)(contextOf(null))).toBe("blue");
  });

  test("works as resolve of a dependency, with or without a message", async () => {
    const user = defineDependency({ resolve: thread<typeof tasks.place>("place") });
    const app = defineDependency({ scope: "app", resolve: thread("echo") });
    expectTypeOf(user).toExtend<{ readonly "~types"?: { readonly value: { readonly pid: number } } }>();
    expect(await user["~definition"].resolve(contextOf(undefined) as never)).toMatchObject({ pid: process.pid });
    const context = { ...contextOf(undefined), message: undefined };
    expect(await app["~definition"].resolve(context as never)).toMatchObject({ message: undefined });
  });

  test("types payload and result from the task", () => {
    type Double = TaskHandler<typeof tasks.double>;
    expectTypeOf<Parameters<Double>[0]["payload"]>().toEqualTypeOf<{ readonly n: number }>();
    expectTypeOf<ReturnType<Double>>().toEqualTypeOf<Promise<number>>();
    expectTypeOf<ReturnType<TaskHandler<typeof tasks.slow>>>().toEqualTypeOf<Promise<string>>();
    expectTypeOf<Parameters<TaskHandler>[0]["payload"]>().toEqualTypeOf<unknown>();
    const n = z.object({ n: z.number() });
    const double = thread<typeof tasks.double>("double");
    const router = createRouter();
    const half = defineDependency({ payload: n, resolve: double });
    router.actor({ name: "replies", payload: n, reply: z.number(), deps: { half } }, double);
    router.actor({ name: "untyped", headers: z.object({ x: z.coerce.number() }) }, thread("echo"));
    router.actor({ name: "uses", deps: { half } }, ({ deps }) => {
      expectTypeOf(deps.half).toEqualTypeOf<number>();
    });
    // @ts-expect-error the task wants a number
    router.actor({ name: "other payload", payload: z.object({ n: z.string() }) }, double);
    // @ts-expect-error the task returns a number
    router.actor({ name: "other reply", payload: n, reply: z.string() }, double);
  });
});

describe("an error of a task", () => {
  test("arrives with name, message, stack, code, fields and causes, without what cannot be copied", async () => {
    const error = await failure(thread("teapot")(contextOf(null)));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "TeapotError", message: "short and stout", code: "TEAPOT", temperature: 95 });
    expect(error).not.toHaveProperty("pour");
    const { cause, stack } = error as Error;
    expect(stack).toContain("tasks.ts");
    expect(cause).toBeInstanceOf(RangeError);
    expect(cause).toMatchObject({ message: "too hot", cause: "the stove" });
  });

  test("keeps its class where that is built in, or millrace's own", async () => {
    expect(await failure(thread("builtIn")(contextOf(null)))).toBeInstanceOf(TypeError);
    const error = await failure(thread("nonRetryable")(contextOf(null)));
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error).not.toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ name: "NonRetryableError", code: "NON_RETRYABLE", message: "give up" });
  });

  test("may have several errors in it, itself as cause, or be no error at all", async () => {
    const several = (await failure(thread("aggregate")(contextOf(null)))) as AggregateError;
    expect(several).toBeInstanceOf(AggregateError);
    expect(several.errors).toEqual([new TypeError("one"), "two"]);
    expect(await failure(thread("circular")(contextOf(null)))).toMatchObject({ message: "round", cause: "[circular]" });
    expect(await failure(thread("thrownString")(contextOf(null)))).toBe("just text");
  });

  test("tells of a module that cannot be loaded", async () => {
    const broken = inWorkerThread(fixture("fails-to-load.ts"));
    const absent = inWorkerThread(fixture("absent.ts"));
    opened.push(broken, absent);
    expect(await failure(broken(contextOf(null)))).toMatchObject({ message: "cannot load", code: "E_LOAD" });
    expect(await failure(absent(contextOf(null)))).toMatchObject({ code: "ERR_MODULE_NOT_FOUND" });
  });

  test("tells of an export that is no function, with those that there are", async () => {
    const error = await failure(thread("value")(contextOf(null)));
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/tasks\.ts#value is not an exported function.*double/),
    });
  });
});

describe("what cannot be copied", () => {
  test("is named where it is a dependency", async () => {
    const context = contextOf(null, { deps: { rate: 1, db: { query: () => 1 } } });
    const error = await failure(thread("echo")(context));
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ message: expect.stringContaining("cannot get deps.db") });
    expect((error as Error).cause).toMatchObject({ name: "DataCloneError" });
  });

  test("is named where it is in the payload, and the thread serves the next", async () => {
    const echo = thread("echo", { pool: { maxThreads: 1 } });
    const error = await failure(echo(contextOf({ ok: 1, callback: () => 1 })));
    expect(error).toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining("payload.callback") });
    expect(await echo(contextOf(1))).toMatchObject({ payload: 1 });
  });

  test("fails the task where it is the result", async () => {
    const error = await failure(thread("uncloneable")(contextOf(null)));
    expect(error).toBeInstanceOf(TaskTerminatedError);
    expect(error).toMatchObject({ message: expect.stringContaining("result of the task tasks.ts#uncloneable cannot") });
  });
});

describe("the end of a thread", () => {
  test("a timeout terminates an endless loop within a second, and the next task runs", async () => {
    const pool = new Piscina({ maxThreads: 1 });
    try {
      const busy = thread("busy", { pool, timeout: 200 });
      const start = performance.now();
      const [error, next] = await Promise.all([
        failure(busy(contextOf({}))),
        thread<typeof tasks.double>("double", { pool })(contextOf({ n: 1 })),
      ]);
      expect(error).toBeInstanceOf(TaskTerminatedError);
      expect(error).toMatchObject({ message: expect.stringContaining("within 200 ms") });
      expect(next).toBe(2);
      expect(performance.now() - start).toBeLessThan(3000);
    } finally {
      await pool.destroy();
    }
  });

  test("a timeout does not count the wait in the queue, of our pool or of another", async () => {
    const own = new Piscina({ maxThreads: 1 });
    try {
      for (const pool of [{ maxThreads: 1 }, own]) {
        const slow = thread<typeof tasks.slow>("slow", { pool, timeout: 900 });
        const runs = [1, 2, 3, 4].map(() => slow(contextOf({ ms: 400 })));
        expect(await Promise.all(runs)).toEqual(["done", "done", "done", "done"]);
      }
    } finally {
      await own.destroy();
    }
  });

  test("an aborted signal terminates an endless loop within a second, with its reason as the cause", async () => {
    const busy = thread("busy", { pool: { maxThreads: 1 } });
    const { mark, set } = createMark();
    const controller = new AbortController();
    const run = failure(busy(contextOf({ mark }, { signal: controller.signal })));
    await set;
    const reason = new ActorTimeoutError("resize", 5);
    const start = performance.now();
    controller.abort(reason);
    const error = await run;
    expect(error).toBeInstanceOf(TaskTerminatedError);
    expect((error as Error).cause).toBe(reason);
    const again = createMark();
    const next = new AbortController();
    const second = failure(busy(contextOf({ mark: again.mark }, { signal: next.signal })));
    await again.set; // runs, so the first thread is off its slot
    expect(performance.now() - start).toBeLessThan(1000);
    next.abort();
    expect(await second).toBeInstanceOf(TaskTerminatedError);
  });

  test("a signal that aborts while the task waits takes it out of the queue", async () => {
    const slow = thread<typeof tasks.slow>("slow", { pool: { maxThreads: 1 } });
    const first = slow(contextOf({ ms: 300 }));
    const controller = new AbortController();
    const second = failure(slow(contextOf({ ms: 300 }, { signal: controller.signal })));
    const third = slow(contextOf({ ms: 1 }));
    controller.abort(new Error("no longer"));
    expect(await second).toMatchObject({ code: "TASK_TERMINATED", cause: { message: "no longer" } });
    expect(await Promise.all([first, third])).toEqual(["done", "done"]);
    expect(await failure(slow(contextOf({ ms: 1 }, { signal: controller.signal })))).toBeInstanceOf(
      TaskTerminatedError,
    );
  });

  test.each([
    ["exits", "exit", /ended: .*code: 3/],
    ["throws outside the task", "crash", /ended: thrown from a timer/],
    ["runs out of memory", "eatMemory", /ended: .*memory/],
  ])("a thread that %s fails its own task only, and is replaced", async (_, name, message) => {
    const pool = new Piscina({
      maxThreads: 2,
      minThreads: 2,
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    });
    try {
      const neighbour = thread<typeof tasks.slow>("slow", { pool })(contextOf({ ms: 500 }));
      const error = await failure(thread(name, { pool })(contextOf(null)));
      expect(error).toBeInstanceOf(TaskTerminatedError);
      expect((error as Error).message).toMatch(message);
      expect(await neighbour).toBe("done");
      expect(await thread<typeof tasks.double>("double", { pool })(contextOf({ n: 4 }))).toBe(8);
    } finally {
      await pool.destroy();
    }
  });

  test("waiting tasks go on when the only thread ends", async () => {
    const pool = { maxThreads: 1, resourceLimits: { maxOldGenerationSizeMb: 32 } };
    const exit = thread("exit", { pool });
    const errors = await Promise.all([1, 2, 3].map(() => failure(exit(contextOf(null)))));
    expect(errors.every((error) => error instanceof TaskTerminatedError)).toBe(true);
  });

  test("an error after the task is a warning, not the end of the process", async () => {
    const later = thread("crashLater", { pool: { maxThreads: 1 } });
    const warned = new Promise<Error>((resolve) => {
      const onWarning = (warning: Error & { readonly code?: string }): void => {
        if (warning.code !== "MILLRACE_IDLE_THREAD") return;
        process.off("warning", onWarning);
        resolve(warning);
      };
      process.on("warning", onWarning);
    });
    expect(await later(contextOf(null))).toBe("done");
    expect((await warned).message).toContain("thrown after the task");
  });

  test("a thread that cannot start fails its task instead of leaving it waiting", async () => {
    for (const [code, reason] of [
      ["throw new Error('no start')", "got no thread: no start"],
      ["process.exit(1)", "got no thread: it ended while starting"],
    ] as const) {
      const execArgv = ["--import", `data:text/javascript,${encodeURIComponent(code)}`];
      const error = await failure(thread("echo", { pool: { maxThreads: 1, execArgv } })(contextOf(null)));
      expect(error).toBeInstanceOf(TaskTerminatedError);
      expect(error).toMatchObject({ message: expect.stringContaining(reason) });
    }
  });
});

describe("pools and options", () => {
  test("a pool of one's own is used, by several handlers, and left open", async () => {
    const pool = new Piscina({ maxThreads: 1 });
    try {
      const place = thread<typeof tasks.place>("place", { pool });
      const double = thread<typeof tasks.double>("double", { pool });
      const first = await place(contextOf(null));
      expect(pool.threads.map(({ threadId }) => threadId)).toEqual([first.thread]);
      await place.close();
      expect(await double(contextOf({ n: 2 }))).toBe(4);
      expect(
        await pool.run({ url: taskUrl.href, export: "value" }, { filename: fileURLToPath(taskUrl), name: "place" }),
      ).toEqual(first);
    } finally {
      await pool.destroy();
    }
  });

  test("any object with a run method is a pool", async () => {
    const seen: unknown[] = [];
    const pool = {
      run: async (task: unknown, options: { readonly filename: string; readonly name: string }): Promise<unknown> => {
        seen.push(options.name);
        const entry = (await import(options.filename)) as Record<string, (task: unknown) => unknown>;
        return entry[options.name]?.(task);
      },
    };
    expect(await thread<typeof tasks.double>("double", { pool })(contextOf({ n: 3 }))).toBe(6);
    expect(seen).toEqual(["runInThread"]);
  });

  test("at most maxThreads run at a time, many may wait", async () => {
    const place = thread<typeof tasks.place>("place", { pool: { maxThreads: 2 } });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const places = await Promise.all(Array.from({ length: 100 }, () => place(contextOf(null))));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(new Set(places.map(({ thread: id }) => id)).size).toBeLessThanOrEqual(2);
    expect(warnings).toEqual([]);
  });

  test("close ends what runs and what waits, and later calls are refused", async () => {
    const busy = thread("busy", { pool: { maxThreads: 1 } });
    const { mark, set } = createMark();
    const runs = [failure(busy(contextOf({ mark }))), failure(busy(contextOf({})))];
    await set;
    await Promise.all([busy.close(), busy.close()]);
    for (const error of await Promise.all(runs)) expect(error).toBeInstanceOf(TaskTerminatedError);
    expect(await failure(busy(contextOf({})))).toBeInstanceOf(TaskTerminatedError);
    await thread("echo").close(); // never used
  });

  test("nothing is loaded before the first call; without the package it fails with the command", async () => {
    let loads = 0;
    const load = (name: string) => async (): Promise<never> => {
      loads += 1;
      throw Object.assign(new Error(`Cannot find package '${name}' imported from x`), { code: "ERR_MODULE_NOT_FOUND" });
    };
    const handler = createTaskHandler(taskUrl, {}, threadRuntime({}, load("piscina")));
    expect(loads).toBe(0);
    for (const _ of [1, 2]) {
      const error = await failure(handler(contextOf(null)));
      expect(error).toBeInstanceOf(MissingPeerError);
      expect(error).toMatchObject({ message: expect.stringContaining("npm i piscina") });
    }
    expect(loads).toBe(2); // asked again, as it may be there by then
    const other = createTaskHandler(taskUrl, {}, threadRuntime({}, load("something-else")));
    expect(await failure(other(contextOf(null)))).not.toBeInstanceOf(MissingPeerError);
  });

  test("options that cannot be are refused when they are given", () => {
    const options = (given: ThreadOptions) => () => inWorkerThread(taskUrl, given);
    expect(() => inWorkerThread("./task.ts" as never)).toThrow(OptionError);
    expect(() => inWorkerThread(new URL("https://example.com/task.js"))).toThrow(OptionError);
    expect(options({ export: "" })).toThrow(OptionError);
    expect(options({ timeout: -1 })).toThrow(OptionError);
    expect(options({ pool: { maxThreads: 0 } })).toThrow(OptionError);
    expect(options({ pool: { maxThreads: 1, minThreads: 2 } })).toThrow(OptionError);
    expect(options({ pool: { idleTimeout: -1 } })).toThrow(OptionError);
    expect(options({ pool: { resourceLimits: { stackSizeMb: 0 } } })).toThrow(OptionError);
    expect(options({ pool: new Tinypool({ runtime: "child_process", minThreads: 0, maxThreads: 1 }) })).toThrow(
      OptionError,
    );
  });

  test("reads the signal of a context once", async () => {
    let reads = 0;
    const { signal, ...rest } = contextOf({ n: 1 });
    const context = {
      ...rest,
      get signal() {
        reads += 1;
        return signal;
      },
    };
    await thread<typeof tasks.double>("double")(context);
    expect(reads).toBe(1);
  });
});
