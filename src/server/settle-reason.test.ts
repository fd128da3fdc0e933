import { describe, expect, test } from "vitest";
import { PublishError, ServerBusyError } from "./errors.ts";
import { recordError } from "./settle-reason.ts";

const hostile = {
  get name(): string {
    throw new Error("no name");
  },
  get message(): string {
    throw new Error("no message");
  },
  get stack(): string {
    throw new Error("no stack");
  },
  get cause(): unknown {
    throw new Error("no cause");
  },
  get code(): string {
    throw new Error("no code");
  },
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();

describe("the record of what was thrown", () => {
  test("of an error has its name, message, stack, code and causes", () => {
    const cause = new ServerBusyError("locked", { cause: "low level" });
    const record = recordError(new PublishError("failed", "not sent", { cause }));
    expect(record).toMatchObject({
      ...{ name: "PublishError", message: "not sent", code: "PUBLISH_FAILED" },
      cause: {
        ...{ name: "ServerBusyError", message: "locked", code: "SERVER_BUSY" },
        cause: { name: "NonError", message: "low level" },
      },
    });
    expect(record.stack).toContain("settle-reason.test.ts");
    expect(Object.keys(recordError(new Error("plain")))).toEqual(["name", "message", "stack"]);
  });

  test.each<[string, unknown, object]>([
    ["undefined", undefined, { name: "NonError", message: "undefined" }],
    ["null", null, { name: "NonError", message: "null" }],
    ["a string", "oops", { name: "NonError", message: "oops" }],
    ["an empty string", "", { name: "NonError", message: "" }],
    ["a number", Number.NaN, { name: "NonError", message: "NaN" }],
    ["a bigint", 5n, { name: "NonError", message: "5" }],
    ["a symbol", Symbol("s"), { name: "NonError", message: "Symbol(s)" }],
    ["an object", { a: 1 }, { name: "NonError", message: "(no message)" }],
    ["something like an error", { name: "E", message: "m", code: 42 }, { name: "E", message: "m", code: "42" }],
    ["properties of other types", { name: 1, message: {}, stack: [], code: {} }, { name: "NonError" }],
    ["an object without a prototype", Object.create(null), { name: "NonError", message: "(no message)" }],
    ["a function", function named() {}, { name: "NonError", message: expect.stringContaining("named") }],
    ["throwing getters", hostile, { name: "NonError", message: "(no message)" }],
    ["a revoked proxy", revoked.proxy, { name: "NonError", message: "(no message)" }],
  ])("of %s is plain data", (_, thrown, expected) => {
    const record = recordError(thrown);
    expect(record).toMatchObject(expected);
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });

  test("of a function whose text cannot be had is its type", () => {
    const thrown = Object.assign(() => {}, {
      toString: () => {
        throw new Error("no text");
      },
    });
    expect(recordError(thrown)).toEqual({ name: "NonError", message: "function" });
  });

  test("ends although causes go round in a circle or never end", () => {
    const first = new Error("first");
    const second = new Error("second", { cause: first });
    first.cause = second;
    const endless = (): object => ({
      message: "endless",
      get cause(): unknown {
        return endless();
      },
    });
    for (const thrown of [first, endless()]) {
      let depth = 0;
      for (let record = recordError(thrown); record.cause !== undefined; record = record.cause) depth += 1;
      expect(depth).toBe(5);
    }
  });

  test("has a bounded size, whatever the error says", () => {
    const huge = "x".repeat(1_000_000);
    let thrown: unknown;
    for (let i = 0; i < 20; i += 1) {
      thrown = Object.assign(new Error(huge, { cause: thrown }), { name: huge, code: huge, stack: huge });
    }
    const size = JSON.stringify(recordError(thrown)).length;
    expect(size).toBeLessThan(6 * 4 * 8300);
    expect(recordError(new Error(huge)).message).toBe(`${"x".repeat(8192)}…`);
    expect(recordError(huge).message.length).toBe(8193);
  });

  test("keeps nothing else that the error carries", () => {
    const thrown = Object.assign(new Error("failed"), { password: "hunter2", config: { token: "t" } });
    expect(JSON.stringify(recordError(thrown))).not.toMatch(/hunter2|token/);
  });
});
