import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Tinypool } from "tinypool";
import { afterEach, describe, expect, test } from "vitest";
import { contextOf, fixture, taskUrl } from "../../test/fixtures/threads/context.ts";
import type * as tasks from "../../test/fixtures/threads/tasks.ts";
import { MissingPeerError, NonRetryableError, OptionError, TaskTerminatedError } from "../server/errors.ts";
import { createTaskHandler } from "./create-task-handler.ts";
import { inChildProcess, type ProcessOptions } from "./in-child-process.ts";
import { processRuntime } from "./process-runtime.ts";
import type { AnyTask, TaskHandler, UntypedTask } from "./task.ts";

const opened: AsyncDisposable[] = [];

function child<T extends AnyTask = UntypedTask>(name: string, options: ProcessOptions = {}): TaskHandler<T> {
  const handler = inChildProcess<T>(taskUrl, { export: name, ...options });
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

describe("a task in a process", () => {
  test("gets the context and returns its result, away from this process", async () => {
    expect(await child<typeof tasks.double>("double")(contextOf({ n: 21 }))).toBe(42);
    expect((await child<typeof tasks.place>("place")(contextOf(null))).pid).not.toBe(process.pid);
    const context = contextOf({ when: new Date(1), map: new Map([[1, new Uint8Array([9])]]) }, { headers: { a: "b" } });
    expect(await child("echo")(context)).toMatchObject({
      payload: context.payload,
      headers: { a: "b" },
      message: { id: "m1", attempt: 2 },
    });
    expect(await child("rich")(contextOf(null))).toMatchObject({ date: new Date(0), big: 2n ** 70n });
  });

  test("throws errors with name, message, stack, code and cause", async () => {
    const error = await failure(child("teapot")(contextOf(null)));
    expect(error).toMatchObject({
      name: "TeapotError",
      code: "TEAPOT",
      temperature: 95,
      cause: { message: "too hot" },
    });
    expect((error as Error).stack).toContain("tasks.ts");
    expect(await failure(child("nonRetryable")(contextOf(null)))).toBeInstanceOf(NonRetryableError);
  });

  test("names what cannot be copied, on the way there and back", async () => {
    const there = await failure(child("echo")(contextOf(null, { deps: { db: { query: () => 1 } } })));
    expect(there).toBeInstanceOf(OptionError);
    expect(there).toMatchObject({ message: expect.stringContaining("deps.db") });
    const back = await failure(child("uncloneable")(contextOf(null)));
    expect(back).toBeInstanceOf(TaskTerminatedError);
    expect(back).toMatchObject({ message: expect.stringContaining("result of the task tasks.ts#uncloneable") });
  });

  test("has a copy of the environment, or the one that is given", async () => {
    process.env["MILLRACE_TEST_COLOUR"] = "green";
    try {
      expect(await child("environment")(contextOf(null))).toBe("green");
    } finally {
      delete process.env["MILLRACE_TEST_COLOUR"];
    }
    expect(await child("environment", { pool: { env: {} } })(contextOf(null))).toBeUndefined();
  });

  test("goes on after Ctrl+C, which the worker answers by draining", async () => {
    expect(await child("interrupt")(contextOf(null))).toBe("still here");
  });
});

describe("the end of a process", () => {
  test("a timeout kills an endless loop, and the next task runs", async () => {
    const busy = child("busy", { pool: { maxThreads: 1 }, timeout: 200 });
    const errors = await Promise.all([failure(busy(contextOf({}))), failure(busy(contextOf({})))]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(TaskTerminatedError);
      expect(error).toMatchObject({ message: expect.stringContaining("within 200 ms; its process") });
    }
  });

  test("an aborted signal kills it within a second", async () => {
    const busy = child("busy");
    const controller = new AbortController();
    const run = failure(busy(contextOf({}, { signal: controller.signal })));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const start = performance.now();
    const reason = new Error("lease lost");
    controller.abort(reason);
    expect(await run).toMatchObject({ code: "TASK_TERMINATED", cause: reason });
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test.each(["exit", "kill", "eatMemory"])("%s fails its own task only, and the process is replaced", async (name) => {
    const pool = new Tinypool({
      runtime: "child_process",
      minThreads: 2,
      maxThreads: 2,
      execArgv: ["--max-old-space-size=24"],
    });
    try {
      const neighbour = child<typeof tasks.slow>("slow", { pool })(contextOf({ ms: 1500 }));
      const error = await failure(child(name, { pool })(contextOf(null)));
      expect(error).toBeInstanceOf(TaskTerminatedError);
      expect(await neighbour).toBe("done");
      expect(await child<typeof tasks.double>("double", { pool })(contextOf({ n: 4 }))).toBe(8);
    } finally {
      await pool.destroy();
    }
  });

  test("the heap limit of the pool's options holds, and waiting tasks go on", async () => {
    const pool = { maxThreads: 1, resourceLimits: { maxOldGenerationSizeMb: 24 } };
    const eat = child("eatMemory", { pool });
    const errors = await Promise.all([failure(eat(contextOf(null))), failure(eat(contextOf(null)))]);
    for (const error of errors) expect(error).toBeInstanceOf(TaskTerminatedError);
  });

  test("a process that cannot start fails its task instead of leaving it waiting", async () => {
    const execArgv = ["--import", "data:text/javascript,process.exit(1)"];
    const error = await failure(child("echo", { pool: { maxThreads: 1, execArgv } })(contextOf(null)));
    expect(error).toBeInstanceOf(TaskTerminatedError);
    expect(error).toMatchObject({ message: expect.stringContaining("got no process") });
  });
});

describe("pools and options", () => {
  test("a pool of one's own is used and left open, also one whose channel speaks JSON", async () => {
    const pool = new Tinypool({ runtime: "child_process", minThreads: 1, maxThreads: 1 });
    try {
      const rich = child("rich", { pool });
      expect(await rich(contextOf(null))).toMatchObject({ date: new Date(0), bytes: new Uint8Array([1, 2, 3]) });
      await rich.close();
      const slow = child<typeof tasks.slow>("slow", { pool, timeout: 900 });
      expect(await Promise.all([1, 2, 3].map(() => slow(contextOf({ ms: 400 }))))).toEqual(["done", "done", "done"]);
    } finally {
      await pool.destroy();
    }
  });

  test("without the package it fails with the command", async () => {
    const load = async (): Promise<never> => {
      throw Object.assign(new Error("Cannot find package 'tinypool' imported from x"), {
        code: "ERR_MODULE_NOT_FOUND",
      });
    };
    const error = await failure(createTaskHandler(taskUrl, {}, processRuntime({}, load))(contextOf(null)));
    expect(error).toBeInstanceOf(MissingPeerError);
    expect(error).toMatchObject({ message: expect.stringContaining("npm i tinypool") });
  });

  test("options that cannot be are refused when they are given", () => {
    const limits = { stackSizeMb: 1 } as object;
    expect(() => inChildProcess(taskUrl, { pool: { resourceLimits: limits } })).toThrow(OptionError);
    const pool = new Tinypool({ runtime: "worker_threads", minThreads: 0, maxThreads: 1 });
    expect(() => inChildProcess(taskUrl, { pool })).toThrow(OptionError);
  });

  test.each([
    ["not closed", [], 2],
    ["closed", ["close"], 3],
  ])("a script ends by itself when its threads and processes are %s", async (_, args, lines) => {
    const script = fileURLToPath(fixture("exits-by-itself.ts"));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args], { timeout: 10_000 });
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual(
      ["hello you (no message)", "hello you (no message)", "|"].slice(0, lines),
    );
  });
});
