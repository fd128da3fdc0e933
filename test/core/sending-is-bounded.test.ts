import { PublishManyError } from "millrace";
import { describe, expect, test } from "vitest";
import { never, replace, stage } from "./stage.ts";

describe("G1: sending never hangs", () => {
  test("a server that never confirms gives an unknown outcome within publishTimeout", async () => {
    const { app, soon, clock } = stage({ wrap: (inner) => replace(inner, { publish: () => never }) });
    const actor = app.actor({ name: "a" }, () => {});
    const before = clock.monotonic();
    await expect(soon(app.send(actor, {}))).rejects.toMatchObject({ code: "PUBLISH_FAILED", outcome: "unknown" });
    expect(Math.round((clock.monotonic() - before) / 1000)).toBe(10);
    await expect(soon(app.send(actor, {}, { publishTimeout: 200 }))).rejects.toMatchObject({ outcome: "unknown" });
    expect(clock.monotonic() - before).toBeLessThan(11_500);
  });

  test("sendMany on a server that never confirms a batch ends within the publishTimeout given", async () => {
    const { app, soon, clock } = stage({ wrap: (inner) => replace(inner, { publishBatch: () => never }) });
    const actor = app.actor({ name: "a" }, () => {});
    const before = clock.monotonic();
    await expect(soon(app.sendMany(actor, [{}, {}], { publishTimeout: 200 }))).rejects.toMatchObject({
      code: "PUBLISH_FAILED",
      outcome: "unknown",
    });
    expect(clock.monotonic() - before).toBeLessThan(1000);
  });

  test("sendMany on a server that refuses the whole batch tells it as PublishManyError", async () => {
    const { app, soon } = stage({
      wrap: (inner) => replace(inner, { publishBatch: () => Promise.reject(new Error("socket closed")) }),
    });
    const actor = app.actor({ name: "a" }, () => {});
    const error: unknown = await soon(app.sendMany(actor, [{}, {}])).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PublishManyError);
    expect(error).toMatchObject({ outcome: "unknown" });
    expect((error as PublishManyError).results.length).toBe(2);
  });

  test("connecting for the first send is part of publishTimeout", async () => {
    const { app, soon, clock } = stage({ wrap: (inner) => replace(inner, { connect: () => never }) });
    const actor = app.actor({ name: "a" }, () => {});
    const before = clock.monotonic();
    await expect(soon(app.send(actor, {}, { publishTimeout: "2s" }))).rejects.toMatchObject({
      code: "PUBLISH_FAILED",
      outcome: "failed",
    });
    expect(clock.monotonic() - before).toBeLessThan(3000);
  });
});
