import { PublishManyError } from "millrace";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sleep } from "../../src/internal/clock.ts";
import { never, replace, type Stage, stage } from "../core/stage.ts";

/** What would have ended the process. */
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => {
  unhandled.push(error);
};

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});

afterEach(() => {
  process.off("unhandledRejection", onUnhandled);
});

const brokers = {
  "refuses after a while": async (clock: Stage["clock"]) => {
    await sleep(clock, 20);
    throw new Error("the broker says no");
  },
  "never confirms": () => never,
};

describe.each(Object.keys(brokers) as (keyof typeof brokers)[])("a server that %s", (kind) => {
  function slowStart(): Stage {
    const made: Stage = stage({
      wrap: (server) => replace(server, { publish: () => brokers[kind](made.clock) }),
      app: {
        publishTimeout: 100,
        middleware: {
          producer: [
            async (_call, next) => {
              await sleep(made.clock, 30);
              return next();
            },
          ],
        },
      },
    });
    return made;
  }

  test.each([
    ["before the send", 0],
    ["while a middleware waits", 10],
    ["while the server works", 40],
  ])("fails the send, and only that, when its signal aborts %s", async (_name, after) => {
    const { app, clock } = slowStart();
    const connection = await app.connect();
    const controller = new AbortController();
    const reason = new Error("not needed any more");
    if (after === 0) controller.abort(reason);
    else clock.setTimer(() => controller.abort(reason), after);
    const sending = app.publish("x", "y", { signal: controller.signal }).catch((error: Error) => error);
    await clock.advance("1s");
    const error = await sending;
    expect(error).toBeInstanceOf(Error);
    expect([error, (error as Error).cause]).toContain(reason);
    await clock.advance("1s");
    expect(unhandled).toEqual([]);
    await connection.close();
  });
});

describe("sendMany on a server that takes one message at a time", () => {
  test("tells each one's fate when one rejects, one throws and one is sent", async () => {
    let published = 0;
    const { app, clock } = stage({
      wrap: (server) =>
        new Proxy(
          replace(server, {
            publish: () => {
              published += 1;
              if (published === 1) return Promise.reject(new Error("first"));
              if (published === 2) throw new Error("second");
              return { id: "third" };
            },
          }),
          { get: (target, key) => (key === "publishBatch" ? undefined : Reflect.get(target, key)) },
        ),
    });
    const actor = app.actor({ name: "a" }, () => {});
    const connection = await app.connect();
    const error: unknown = await app.sendMany(actor, [{}, {}, {}]).catch((reason: unknown) => reason);
    await clock.advance("1s");
    expect(published).toBe(3);
    expect(error).toBeInstanceOf(PublishManyError);
    expect((error as PublishManyError).results).toMatchObject([
      { code: "PUBLISH_FAILED" },
      { code: "PUBLISH_FAILED" },
      { channel: "default" },
    ]);
    expect(unhandled).toEqual([]);
    await connection.close();
  });
});
