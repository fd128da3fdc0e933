import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import { DecodeError, defineDependency, ValidationError } from "millrace";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { stage } from "../core/stage.ts";

/** A schema that always takes its time, as one that looks something up would. */
const slow: StandardSchemaV1<{ who: string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    async validate(value) {
      await new Promise((resolve) => setImmediate(resolve));
      return z.object({ who: z.string() })["~standard"].validate(value);
    },
  },
};
const schemas = {
  zod: z.object({ who: z.string() }),
  valibot: v.object({ who: v.string() }),
  arktype: type({ who: "string" }),
  "an asynchronous one": slow,
} as const;

describe("W23: what cannot be read is told apart from what fails", () => {
  for (const [name, payload] of Object.entries(schemas)) {
    test(`a missing field never reaches the handler, with ${name}`, async () => {
      const { app, workFor, logs } = stage();
      let ran = 0;
      const seen: unknown[] = [];
      app.actor(
        {
          name: "a",
          payload,
          retry: 5,
          onError: () => "ack",
          onInvalid: (error) => {
            seen.push(error);
            return "nack";
          },
        },
        () => {
          ran += 1;
        },
      );
      await app.publish("default", "{}", { headers: { topic: "a" }, contentType: "application/json" });
      expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
      expect(ran).toBe(0);
      expect(seen[0]).toBeInstanceOf(ValidationError);
      expect(seen[0]).toMatchObject({ part: "payload", issues: [{ path: ["who"] }] });
      expect(logs.of("message.validation.failed").length).toBe(1);
      const [entry] = await app.deadLetters("default").list();
      expect(entry?.reason).toMatchObject({ code: "invalid", attempts: 1, actor: "a", issues: [{ path: ["who"] }] });
      expect(JSON.stringify(logs.records)).not.toContain("secret");
    });
  }

  test("bytes that are no JSON are a decode error, and the dead letter keeps them", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor(
      {
        name: "a",
        onInvalid: (error) => {
          seen.push(error);
          return "nack";
        },
      },
      () => {},
    );
    await app.publish("default", "{oops", { headers: { topic: "a" } });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    expect(seen[0]).toBeInstanceOf(DecodeError);
    const [entry] = await app.deadLetters("default").list();
    expect(entry?.reason.code).toBe("decode");
    expect(Buffer.from(entry?.payload ?? []).toString()).toBe("{oops");
  });

  test("a ValidationError that the handler throws itself is an error of the handler", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a", onError: "ack", onInvalid: "nack" }, () => {
      throw new ValidationError("payload", []);
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
  });

  test("what a dependency reads from the payload is input, too; its own failure is not", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    const invalid = defineDependency({ payload: z.object({ userId: z.int() }), resolve: ({ payload }) => payload });
    const failing = defineDependency({
      resolve: () => {
        throw new Error("no database");
      },
    });
    const options = {
      onInvalid: (): "ack" => {
        seen.push("invalid");
        return "ack";
      },
      onError: (): "ack" => {
        seen.push("error");
        return "ack";
      },
    };
    app.actor({ name: "reads", deps: { invalid }, ...options }, () => {});
    app.actor({ name: "fails", deps: { failing }, ...options }, () => {});
    for (const topic of ["reads", "fails"]) await app.publish("default", "{}", { headers: { topic } });
    await workFor(1000);
    expect(seen.toSorted()).toEqual(["error", "invalid"]);
  });

  test("required headers are found whatever their case, and missing ones are invalid input", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor(
      {
        name: "a",
        headers: z.object({ "x-tenant": z.string() }),
        onInvalid: (e) => {
          seen.push(e.code);
          return "ack";
        },
      },
      ({ headers }) => void seen.push(headers["x-tenant"]),
    );
    for (const name of ["x-tenant", "X-Tenant", "X-TENANT", "x-other"]) {
      await app.publish("default", "{}", { headers: { topic: "a", [name]: name } });
    }
    await workFor(1000);
    expect(seen).toEqual(["x-tenant", "X-Tenant", "X-TENANT", "VALIDATION_FAILED"]);
  });
});

describe("W23: bad input never ends the process", () => {
  let unhandled: unknown[] = [];
  let others: NodeJS.UnhandledRejectionListener[] = [];
  const listener = (error: unknown): void => void unhandled.push(error);
  beforeEach(() => {
    unhandled = [];
    others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", listener);
  });
  afterEach(() => {
    process.off("unhandledRejection", listener);
    for (const other of others) process.on("unhandledRejection", other);
  });
  const quiet = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unhandled).toEqual([]);
  };

  test("a message whose payload is invalid for an asynchronous schema and whose headers are, too", async () => {
    const { app, workFor } = stage();
    app.actor({ name: "a", payload: slow, headers: z.object({ must: z.string() }) }, () => {});
    await app.publish("default", "{}", { headers: { topic: "a" } });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    await quiet();
  });

  test("the same on sending", async () => {
    const { app } = stage();
    const actor = app.actor({ name: "a", payload: slow, headers: z.object({ must: z.string() }) }, () => {});
    await expect(app.send(actor, {} as never, { headers: {} as never })).rejects.toThrow(ValidationError);
    await quiet();
  });

  test("a dependency whose view of the payload is invalid while what it depends on fails later", async () => {
    const { app, workFor } = stage();
    const late = defineDependency({
      resolve: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("late");
      },
    });
    const user = defineDependency({ payload: z.object({ userId: z.int() }), deps: { late }, resolve: () => 1 });
    app.actor({ name: "a", deps: { user } }, () => {});
    await app.publish("default", "{}", { headers: { topic: "a" } });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    await quiet();
  });

  test("one dependency fails at once and another one later", async () => {
    const { app, workFor } = stage();
    const late = defineDependency({
      resolve: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("late");
      },
    });
    const now = defineDependency({
      resolve: () => {
        throw new Error("now");
      },
    });
    const actor = app.actor({ name: "a", deps: { late, now } }, () => {});
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    await quiet();
  });

  test("a middleware that starts the rest of the chain and does not wait for it", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a", middleware: [(_, next) => void next()] }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("nobody listens");
    });
    await app.send(actor, {});
    await workFor(1000);
    await quiet();
  });

  test("a handler that fails after its timeout, after its shutdown and after an early ack", async () => {
    const { app, workFor, clock } = stage();
    const failAfter = (ms: number) =>
      new Promise<never>((_, reject) => void clock.setTimer(() => reject(new Error("late")), ms));
    const slowly = app.actor({ name: "slowly", timeout: 100, onTimeout: "nack" }, () => failAfter(3000));
    const early = app.actor({ name: "early" }, async ({ message }) => {
      await message.ack();
      await failAfter(100);
    });
    const endless = app.actor({ name: "endless" }, () => failAfter(60_000));
    await app.send(slowly, {});
    await app.send(early, {});
    await app.send(endless, {});
    expect(await workFor(5000, { shutdownTimeout: "1s" })).toMatchObject({ abandoned: 1, acked: 1, nacked: 1 });
    await clock.advance("5m");
    await quiet();
  });
});
