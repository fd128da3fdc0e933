import { LeaseLostError } from "millrace";
import { describe, expect, test } from "vitest";
import { changeDeliveries, never, stage } from "../core/stage.ts";

/** A server whose settle calls fail the first `times` times for each delivery. */
function failing(times: number, calls: unknown[] = [], error: unknown = new Error("connection reset")) {
  return changeDeliveries((delivery) => {
    let left = times;
    return {
      settle(outcome, note) {
        calls.push(outcome);
        left -= 1;
        return left >= 0 ? Promise.reject(error) : delivery.settle(outcome, note);
      },
    };
  });
}

describe("W11: a settle call that fails", () => {
  test.each([1, 3, 6])("is tried again until it succeeds, and counts once (%s failures)", async (times) => {
    const calls: unknown[] = [];
    const { app, workFor, stats, logs } = stage({ wrap: failing(times, calls) });
    let runs = 0;
    const actor = app.actor({ name: "a" }, () => {
      runs += 1;
    });
    await app.send(actor, {});
    expect(await workFor(20_000)).toMatchObject({ processed: 1, acked: 1 });
    expect([runs, calls.length]).toEqual([1, times + 1]);
    expect(logs.of("message.settle.retry").length).toBe(1);
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test("that throws instead of rejecting is the same", async () => {
    let left = 2;
    const { app, workFor } = stage({
      wrap: changeDeliveries((delivery) => ({
        settle(outcome, note) {
          left -= 1;
          if (left >= 0) throw new Error("sync");
          return delivery.settle(outcome, note);
        },
      })),
    });
    const actor = app.actor({ name: "a" }, () => {});
    await app.send(actor, {});
    expect(await workFor(5000)).toMatchObject({ processed: 1, acked: 1 });
  });

  test("keeps the first outcome, whatever is asked for meanwhile", async () => {
    const calls: unknown[] = [];
    const { app, workFor, stats } = stage({ wrap: failing(2, calls) });
    const actor = app.actor({ name: "a" }, ({ message }) => {
      void message.nack(new Error("first"));
      void message.ack();
      void message.reject();
      throw new Error("late");
    });
    await app.send(actor, {});
    expect(await workFor(5000)).toMatchObject({ processed: 1, nacked: 1, acked: 0, rejected: 0 });
    expect(calls).toEqual(["nack", "nack", "nack"]);
    expect(await stats()).toMatchObject({ dead: 1 });
  });

  test("is given up when the lease is over, logged as an error, and the message comes again", async () => {
    const { app, work, clock, soon, logs } = stage({ memory: { leaseDuration: 2000 }, wrap: failing(1000) });
    const deliveries: number[] = [];
    const actor = app.actor({ name: "a" }, (context) => void deliveries.push(context.deliveries));
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(4500);
    expect(logs.of("message.settle.failed")[0]).toMatchObject({ level: "error", outcome: "ack" });
    await clock.advance(4000);
    expect(deliveries.length).toBeGreaterThanOrEqual(2);
    expect(worker.counts.acked).toBe(0);
    await soon(worker.stop());
  });

  test("with a lost lease is not tried again", async () => {
    const calls: unknown[] = [];
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration: "1h" },
      wrap: failing(1000, calls, new LeaseLostError()),
    });
    const actor = app.actor({ name: "a" }, () => {});
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("5m");
    expect(calls.length).toBe(1);
    expect(await soon(worker.stop())).toMatchObject({ acked: 0 });
  });

  test("does not hold its slot: other messages go on meanwhile", async () => {
    let first = true;
    const { app, work, clock, soon } = stage({
      wrap: changeDeliveries((delivery) => {
        const hangs = first;
        first = false;
        return hangs ? { settle: () => never } : { settle: (outcome, note) => delivery.settle(outcome, note) };
      }),
    });
    let ran = 0;
    const actor = app.actor({ name: "a" }, () => {
      ran += 1;
    });
    for (let i = 0; i < 5; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 1, prefetch: 2 });
    await clock.advance(1000);
    expect(ran).toBe(5);
    await soon(worker.stop());
  });
});

describe("W11: whatever an actor does, its message ends settled", () => {
  const cancelled = new DOMException("This operation was aborted", "AbortError");
  const throwing = Object.defineProperty({}, "message", {
    get() {
      throw new Error("getter");
    },
  });
  const circular = new Error("circular");
  circular.cause = circular;
  const thrown: Record<string, unknown> = {
    undefined: undefined,
    null: null,
    "a string": "text",
    "a number": 42,
    "an object": {},
    "a frozen object": Object.freeze({ code: "X" }),
    "an object with throwing getters": throwing,
    "an error that is its own cause": circular,
    "an AbortError": cancelled,
    "a proxy that refuses everything": new Proxy(
      {},
      {
        get() {
          throw new Error("no");
        },
        getPrototypeOf() {
          throw new Error("no");
        },
      },
    ),
  };
  for (const [what, value] of Object.entries(thrown)) {
    test(`it throws ${what}`, async () => {
      for (const sync of [true, false]) {
        const { app, workFor, stats } = stage();
        const actor = app.actor({ name: "a" }, () => {
          if (sync) throw value;
          return Promise.reject(value);
        });
        await app.send(actor, {});
        expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
        expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
        const [entry] = await app.deadLetters("default").list();
        expect(() => JSON.stringify(entry?.reason)).not.toThrow();
        await app.close();
      }
    });
  }

  test("a thenable that calls back twice and both ways counts once", async () => {
    const { app, workFor, stats } = stage();
    const odd = {
      // biome-ignore lint/suspicious/noThenProperty: the point of the test
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        resolve(1);
        reject(new Error("both"));
        resolve(2);
      },
    };
    const actor = app.actor({ name: "a" }, () => odd);
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ processed: 1, acked: 1, nacked: 0 });
    expect(await stats()).toMatchObject({ dead: 0 });
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("typo");
      },
    ],
    ["is async", async () => "ack"],
    ["returns nothing", () => undefined],
  ])("an onError that %s dead-letters, with an error in the log", async (_, onError) => {
    const { app, workFor, logs, stats } = stage();
    const actor = app.actor({ name: "a", onError: onError as unknown as () => "ack" }, () => {
      throw new Error("handler");
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    expect(logs.of("handler.outcome.invalid").length).toBe(1);
    expect(await stats()).toMatchObject({ dead: 1, inFlight: 0 });
  });

  test("an explicit actor that returns no outcome is asked about by onError", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a", confirmation: "explicit", onError: "nack" }, () => "done" as "ack");
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
  });
});

describe("every redelivery path ends", () => {
  const rejecting = {
    "onError: reject": { onError: "reject" },
    "onError: reject with a retry policy": { onError: "reject", retry: 3 },
  } as const;
  for (const [what, options] of Object.entries(rejecting)) {
    test(`an actor with ${what} is dead-lettered as poison after 20 deliveries`, async () => {
      const { app, work, clock, soon, stats } = stage();
      let runs = 0;
      const actor = app.actor({ name: "a", ...options }, () => {
        runs += 1;
        if (runs > 200) return;
        throw new Error("again");
      });
      await app.send(actor, {});
      const worker = await work();
      await clock.advance("1m");
      expect(runs).toBe(20);
      expect(await stats()).toMatchObject({ dead: 1 });
      expect((await app.deadLetters("default").list())[0]?.reason.code).toBe("poison");
      await soon(worker.stop());
    });
  }

  test("an explicit actor with a retry policy that always returns reject is bounded, too", async () => {
    const { app, work, clock, soon, stats } = stage({ app: { retry: 5 } });
    let runs = 0;
    const actor = app.actor({ name: "a", confirmation: "explicit" }, () => {
      runs += 1;
      return runs > 200 ? "ack" : "reject";
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("1m");
    expect(await stats()).toMatchObject({ dead: 1 });
    expect(runs).toBeLessThanOrEqual(25);
    await soon(worker.stop());
  });

  test("message.retry() by hand is bounded with and without a retry policy", async () => {
    for (const retry of [undefined, 5]) {
      const { app, work, clock, soon, stats } = stage();
      let runs = 0;
      const actor = app.actor({ name: "a", ...(retry === undefined ? {} : { retry }) }, async ({ message }) => {
        runs += 1;
        if (runs <= 200) await message.retry("1s");
      });
      await app.send(actor, {});
      const worker = await work();
      await clock.advance("5m");
      expect([retry, (await stats()).dead]).toEqual([retry, 1]);
      expect(runs).toBeLessThanOrEqual(25);
      await soon(worker.stop());
    }
  });

  test("timeouts, too", async () => {
    const { app, work, clock, soon, stats } = stage();
    let runs = 0;
    const actor = app.actor({ name: "a", timeout: 100 }, ({ signal }) => {
      runs += 1;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("1m");
    expect(runs).toBe(20);
    expect(await stats()).toMatchObject({ dead: 1 });
    await soon(worker.stop());
  });

  test("a long retry policy is not cut short by the delivery limit", async () => {
    const { app, work, clock, soon, stats } = stage();
    let runs = 0;
    const actor = app.actor({ name: "a", retry: { attempts: 40, backoff: 10 } }, () => {
      runs += 1;
      throw new Error("again");
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("1m");
    expect(runs).toBe(40);
    expect((await app.deadLetters("default").list())[0]?.reason).toMatchObject({ code: "error", attempts: 40 });
    expect(await stats()).toMatchObject({ dead: 1 });
    await soon(worker.stop());
  });
});
