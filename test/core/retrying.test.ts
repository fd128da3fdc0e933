import { createRouter, exponential, fixed, LeaseLostError, NonRetryableError, RetryAfterError } from "millrace";
import { describe, expect, test } from "vitest";
import { changeDeliveries, gate, type Stage, stage } from "./stage.ts";

/** Runs until nothing comes any more; the times are milliseconds after the first run. */
async function timesOf(
  { app, work, soon, clock }: Stage,
  options: object,
  handler: (run: number) => unknown = () => {
    throw new Error("again");
  },
): Promise<number[]> {
  const times: number[] = [];
  const actor = app.actor({ name: "a", ...options }, () => {
    times.push(clock.monotonic());
    return handler(times.length);
  });
  await app.send(actor, {});
  const worker = await work();
  await clock.advance("2h");
  await soon(worker.stop());
  return times.map((time) => time - times[0]!);
}

describe("the time between attempts", () => {
  test("by default five attempts, after 1, 2, 4 and 8 seconds", async () => {
    const s = stage();
    expect(await timesOf(s, { retry: 5 })).toEqual([0, 1000, 3000, 7000, 15_000]);
    expect(await s.app.deadLetters("default").list()).toMatchObject([{ reason: { code: "error", attempts: 5 } }]);
    expect(await timesOf(stage(), { retry: {} })).toEqual([0, 1000, 3000, 7000, 15_000]);
  });

  test("exponential from its base by its factor up to its maximum", async () => {
    const backoff = exponential({ base: "10s", factor: 3, max: "1m" });
    expect(await timesOf(stage(), { retry: { attempts: 5, backoff } })).toEqual([0, 10_000, 40_000, 100_000, 160_000]);
  });

  test.each([
    ["a number", 250],
    ["a text", "250ms"],
    ["fixed()", fixed({ delay: 250 })],
    ["an object of one's own", { delay: () => 250 }],
  ])("the same each time with %s", async (_, backoff) => {
    expect(await timesOf(stage(), { retry: { attempts: 4, backoff } })).toEqual([0, 250, 500, 750]);
  });

  test("a backoff of one's own sees which attempt has failed", async () => {
    const asked: number[] = [];
    const backoff = {
      delay: (attempt: number) => {
        asked.push(attempt);
        return attempt * 100;
      },
    };
    expect(await timesOf(stage(), { retry: { attempts: 4, backoff } })).toEqual([0, 100, 300, 600]);
    expect(asked).toEqual([1, 2, 3]);
  });

  test("jitter spreads it on both sides, and never beyond the maximum", () => {
    const low = (): number => 0;
    const high = (): number => 1;
    const { delay } = fixed({ delay: 1000, jitter: 0.5 });
    expect([delay(1, low), delay(1, high)]).toEqual([500, 1500]);
    const exact = fixed({ delay: 1000, jitter: 0 });
    expect([exact.delay(1, low), exact.delay(9, high)]).toEqual([1000, 1000]);
    const steep = exponential({ base: 1000, max: 4000, jitter: 0.5 });
    expect([steep.delay(1, low), steep.delay(1, high), steep.delay(10, low), steep.delay(10, high)]).toEqual([
      500, 1500, 2000, 4000,
    ]);
  });

  test("a long wait does not hold up other messages", async () => {
    const { app, work, soon, clock } = stage();
    let good = 0;
    const bad = app.actor({ name: "bad", retry: { attempts: 2, backoff: "1h" } }, () => {
      throw new Error("again");
    });
    const fine = app.actor({ name: "fine" }, () => {
      good += 1;
    });
    await app.send(bad, {});
    for (let n = 0; n < 5; n += 1) await app.send(fine, {});
    const worker = await work({ concurrency: 1, prefetch: 0 });
    await clock.advance(1000);
    expect(good).toBe(5);
    await soon(worker.stop());
  });
});

describe("how often", () => {
  test("retry: 1 is one run, on a server that cannot delay, too", async () => {
    expect(await timesOf(stage(), { retry: 1 })).toEqual([0]);
    const meagre = stage({ memory: { features: { retryDelay: { level: "unsupported" } } } });
    expect(await timesOf(meagre, { retry: 1 })).toEqual([0]);
  });

  test("a run that succeeds is the last", async () => {
    const s = stage();
    const times = await timesOf(s, { retry: { attempts: 5, backoff: 10 } }, (run) => {
      if (run < 3) throw new Error("again");
    });
    expect(times.length).toBe(3);
    expect(await s.stats()).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("the nearest policy wins: actor, router, app", async () => {
    const { app, work, soon, clock } = stage({ app: { retry: { attempts: 2, backoff: 10 } } });
    const runs: Record<string, number> = {};
    const fail = (name: string) => () => {
      runs[name] = (runs[name] ?? 0) + 1;
      throw new Error("again");
    };
    const outer = createRouter({ retry: { attempts: 3, backoff: 10 } });
    const inner = createRouter();
    outer.include(inner);
    app.include(outer);
    await app.send(app.actor({ name: "app" }, fail("app")), {});
    await app.send(inner.actor({ name: "router" }, fail("router")), {});
    await app.send(inner.actor({ name: "actor", retry: { attempts: 4, backoff: 10 } }, fail("actor")), {});
    const worker = await work();
    await clock.advance(1000);
    await soon(worker.stop());
    expect(runs).toEqual({ app: 2, router: 3, actor: 4 });
  });

  test("timeouts are failed attempts", async () => {
    const s = stage();
    const times = await timesOf(
      s,
      { timeout: 100, retry: { attempts: 3, backoff: 1000 } },
      () => new Promise<void>((resolve) => void s.clock.setTimer(resolve, 150)),
    );
    expect(times).toEqual([0, 1150, 2300]);
    expect(await s.app.deadLetters("default").list()).toMatchObject([{ reason: { code: "timeout", attempts: 3 } }]);
  });

  test("invalid input is none, whatever the policy says", async () => {
    const { app, workFor } = stage();
    let asked = 0;
    app.actor({ name: "a", retry: { attempts: 5, backoff: 10, retryIf: () => ++asked > 0 } }, () => {});
    await app.publish("default", "{", { headers: { topic: "a" } });
    expect(await workFor(5000)).toMatchObject({ processed: 1, nacked: 1, retried: 0 });
    expect(asked).toBe(0);
  });
});

describe("which errors", () => {
  test("retryIf sees error and attempt; false dead-letters at once", async () => {
    const s = stage();
    const seen: unknown[] = [];
    const retryIf = (error: unknown, attempt: number): boolean => {
      seen.push([(error as Error).message, attempt]);
      return attempt < 2;
    };
    const times = await timesOf(s, { retry: { attempts: 10, backoff: 100, retryIf } }, (run) => {
      throw new Error(`run ${run}`);
    });
    expect(times).toEqual([0, 100]);
    expect(seen).toEqual([
      ["run 1", 1],
      ["run 2", 2],
    ]);
    const [entry] = await s.app.deadLetters("default").list();
    expect(entry?.reason).toMatchObject({ code: "error", attempts: 2, error: { message: "run 2" } });
  });

  test("NonRetryableError ends it at once, and its cause is kept", async () => {
    const s = stage();
    const times = await timesOf(s, { retry: { attempts: 10, backoff: 100 } }, () => {
      throw new NonRetryableError("no such order", { cause: new Error("404") });
    });
    expect(times).toEqual([0]);
    const [entry] = await s.app.deadLetters("default").list();
    expect(entry?.reason).toMatchObject({
      code: "error",
      attempts: 1,
      error: { name: "NonRetryableError", code: "NON_RETRYABLE", message: "no such order" },
    });
    expect(JSON.stringify(entry?.reason.error?.cause)).toContain("404");
  });

  test("RetryAfterError names the wait itself and uses up an attempt", async () => {
    const s = stage();
    const times = await timesOf(s, { retry: { attempts: 3, backoff: 100 } }, (run) => {
      throw run === 1 ? new RetryAfterError("42s") : new Error("again");
    });
    expect(times).toEqual([0, 42_000, 42_100]);
    expect(await s.stats()).toMatchObject({ dead: 1 });
  });

  test("without a policy RetryAfterError retries as well, until the delivery limit", async () => {
    const s = stage();
    const times = await timesOf(s, { deliveryLimit: 4 }, () => {
      throw new RetryAfterError("10s");
    });
    expect(times).toEqual([0, 10_000, 20_000, 30_000]);
    expect(await s.app.deadLetters("default").list()).toMatchObject([{ reason: { code: "poison" } }]);
  });

  test.each([[-1], ["soon"], [Number.NaN], [Number.POSITIVE_INFINITY]])("RetryAfterError refuses %s", (delay) => {
    expect(() => new RetryAfterError(delay as number)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  test("onError can choose per error: retry, a time of its own, or none", async () => {
    const s = stage();
    const onError = (error: unknown): "retry" | "nack" | { readonly retryAfter: "5s" } => {
      if (error instanceof RangeError) return "nack";
      return error instanceof TypeError ? { retryAfter: "5s" } : "retry";
    };
    const times = await timesOf(s, { retry: { attempts: 10, backoff: 100 }, onError }, (run) => {
      throw run === 1 ? new Error("plain") : run === 2 ? new TypeError("type") : new RangeError("range");
    });
    expect(times).toEqual([0, 100, 5100]);
    expect(await s.app.deadLetters("default").list()).toMatchObject([{ reason: { attempts: 3 } }]);
  });

  test.each([{ attempts: 0 }, { attempts: 1.5 }, { attempts: -1 }, { backoff: "soon" }, { backoff: -5 }])(
    "a policy of %j is refused where it is written",
    (retry) => {
      const { app } = stage();
      const refused = expect.objectContaining({ code: "INVALID_OPTION" });
      const options = { name: "a", retry } as unknown as { readonly name: string };
      expect(() => app.actor(options, () => {})).toThrow(refused);
      expect(() => createRouter({ retry: retry as unknown as number })).toThrow(refused);
    },
  );
});

describe("what the handler sees", () => {
  test("attempts and deliveries rise together while runs fail", async () => {
    const { app, work, soon, clock } = stage();
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 3, backoff: 10 } }, ({ attempt, deliveries, message }) => {
      seen.push([attempt, deliveries, message.attempt, message.deliveries]);
      throw new Error("again");
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(1000);
    await soon(worker.stop());
    expect(seen).toEqual([
      [1, 1, 1, 1],
      [2, 2, 2, 2],
      [3, 3, 3, 3],
    ]);
  });

  test("a shutdown in the middle of a run is a delivery and no attempt", async () => {
    const { app, work, soon, clock } = stage();
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", retry: 3 }, async ({ attempt, deliveries, signal }) => {
      seen.push([attempt, deliveries]);
      if (seen.length === 1)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await app.send(actor, {});
    await soon((await work({ shutdownTimeout: 0 })).stop());
    const worker = await work();
    await clock.advance(1000);
    await soon(worker.stop());
    expect(seen).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  test("a lost lease is a delivery and no attempt", async () => {
    const { app, work, soon, clock } = stage({
      memory: { leaseDuration: 3000 },
      wrap: changeDeliveries((delivery) =>
        delivery.deliveryCount === 1
          ? { lease: { duration: 3000, extend: () => Promise.reject(new LeaseLostError()) } }
          : {},
      ),
    });
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", retry: 3 }, async ({ attempt, deliveries, signal }) => {
      seen.push([attempt, deliveries]);
      if (deliveries === 1) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("10s");
    await soon(worker.stop());
    expect(seen).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  test("deliveries that nobody wanted are no attempts", async () => {
    const { app, other, work, soon, clock } = stage();
    app.actor({ name: "else" }, () => {});
    await app.publish("default", "{}", { headers: { topic: "a" } });
    await clock.advance(0);
    const stranger = await work();
    await clock.advance(1500);
    await soon(stranger.stop());
    const fitting = other();
    const seen: unknown[] = [];
    fitting.actor({ name: "a", retry: 3 }, ({ attempt, deliveries }) => void seen.push([attempt, deliveries > 1]));
    const worker = await work({}, fitting);
    await clock.advance("1m");
    await soon(worker.stop());
    expect(seen).toEqual([[1, true]]);
  });

  test("the dead letter knows how often, since when and by whom", async () => {
    const s = stage();
    const start = s.clock.now();
    await timesOf(s, { retry: { attempts: 3, backoff: "1m" } });
    const [entry] = await s.app.deadLetters("default").list();
    expect(entry?.reason).toMatchObject({
      code: "error",
      actor: "a",
      attempts: 3,
      deliveries: 3,
      firstFailureAt: start,
      lastFailureAt: start + 120_000,
    });
  });

  test("the id stays the same over all attempts", async () => {
    const { app, work, soon, clock } = stage();
    const ids: string[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 3, backoff: 10 } }, ({ message }) => {
      ids.push(message.id);
      throw new Error("again");
    });
    const { id } = await app.send(actor, {});
    const worker = await work();
    await clock.advance(1000);
    await soon(worker.stop());
    expect(ids).toEqual([id, id, id]);
  });

  test("a retry that is under way when the worker stops is not lost", async () => {
    const { app, work, soon, clock, stats } = stage();
    const go = gate();
    const actor = app.actor({ name: "a", retry: { attempts: 3, backoff: "1h" } }, async () => {
      await go.opened;
      throw new Error("again");
    });
    await app.send(actor, {});
    const worker = await work();
    const stopped = worker.stop();
    go.open();
    expect(await soon(stopped)).toMatchObject({ processed: 1, retried: 1 });
    expect(await stats()).toMatchObject({ delayed: 1, ready: 0, inFlight: 0 });
    await clock.advance(0);
  });
});
