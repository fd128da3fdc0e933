import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp, createRouter, defineOperation, OptionError } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";

describe("mistakes that types would catch are named without them, too", () => {
  test.each<[string, () => unknown, string]>([
    ["middleware of the app that is a function", () => createApp({ middleware: (() => {}) as never }), "middleware"],
    [
      "middleware of one kind that is no array",
      () => createApp({ middleware: { actor: (() => {}) as never } }),
      "actor",
    ],
    [
      "a dependency that is none",
      () => createRouter().actor({ name: "a", deps: { db: {} } } as never, () => {}),
      "db of actor a is not a dependency",
    ],
    [
      "a schema that is none",
      () => createRouter().actor({ name: "a", payload: { type: "object" } } as never, () => {}),
      "payload of actor a is no Standard Schema",
    ],
    ["the same of an operation", () => defineOperation({ name: "o", reply: {} as never }), "reply of operation o"],
    [
      "a signal that does not exist",
      () => createApp({ server: inMemory() }).createWorker({ signals: ["SIGTEM" as never] }),
      "SIGTEM",
    ],
  ])("%s", (_, mistake, part) => {
    expect(mistake).toThrow(OptionError);
    expect(mistake).toThrow(part);
  });

  test('"retry" without a policy, before the first message', async () => {
    const app = createApp({ server: inMemory(), logger: false });
    app.actor({ name: "a", onError: "retry" as never }, () => {});
    await expect((async () => app.run())()).rejects.toThrow("add retry: 5");
  });

  test("a health port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const app = createApp({ server: inMemory(), logger: false });
    app.actor({ name: "a" }, () => {});
    await expect(app.run({ health: { port } })).rejects.toThrow(`health.port ${port}`);
    other.close();
  });
});
