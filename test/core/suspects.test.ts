import { type BrokerServer, createApp, type Delivery, LeaseLostError } from "millrace";
import { inMemory } from "millrace/memory";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createVirtualClock } from "../../src/internal/virtual-clock.ts";
import { changeDeliveries, gate, type Stage, type StageOptions, stage } from "./stage.ts";

const numbered = z.object({ n: z.number() });

/** The broker says what the headers `lapses` and `count` of a message tell it to. */
function claimed(
  change: (delivery: Delivery) => Partial<Delivery> = () => ({}),
): (server: BrokerServer) => BrokerServer {
  return changeDeliveries((delivery) => {
    const { lapses, count } = delivery.headers;
    return {
      ...(lapses === undefined ? {} : { lapses: Number(lapses) }),
      ...(count === undefined ? {} : { deliveryCount: Number(count) }),
      ...change(delivery),
    };
  });
}

interface Probe extends Stage {
  /** Numbers of the messages in the order in which their handlers started. */
  readonly started: number[];
  readonly running: ReadonlySet<number>;
  /** Lets the handler of a message end. */
  finish(n: number): Promise<void>;
  sendSuspect(n: number, count?: number): Promise<void>;
  sendOrdinary(n: number): Promise<void>;
}

/** Suspects stay in their handlers until told; ordinary messages (from 100 on) end at once. */
function probe(options: StageOptions = {}): Probe {
  const made = stage({ wrap: claimed(), ...options });
  const started: number[] = [];
  const running = new Set<number>();
  const gates = new Map<number, ReturnType<typeof gate<void>>>();
  const actor = made.app.actor({ name: "a", payload: numbered }, async ({ payload: { n } }) => {
    started.push(n);
    if (n >= 100) return;
    running.add(n);
    const hold = gate();
    gates.set(n, hold);
    await hold.opened;
    running.delete(n);
  });
  const send = async (n: number, headers: Record<string, string>): Promise<void> => {
    await made.app.send(actor, { n }, { headers });
  };
  return {
    ...{ ...made, started, running },
    async finish(n) {
      gates.get(n)?.open();
      await made.clock.advance(100);
    },
    sendSuspect: (n, count = 3) => send(n, { lapses: "2", count: String(count) }),
    sendOrdinary: (n) => send(n, {}),
  };
}

describe("messages whose deliveries have lapsed twice in a row", () => {
  test("run one at a time, however many slots there are", async () => {
    const { work, clock, soon, started, running, finish, sendSuspect } = probe();
    for (let n = 0; n < 4; n += 1) await sendSuspect(n);
    const worker = await work({ concurrency: 100 });
    await clock.advance("1m");
    for (let n = 0; n < 4; n += 1) {
      expect([started.length, running.size]).toEqual([n + 1, 1]);
      await finish(n);
    }
    expect(await soon(worker.stop())).toMatchObject({ processed: 4, acked: 4 });
  });

  test("do not stand in the way of ordinary ones", async () => {
    const { work, clock, soon, started, finish, sendSuspect, sendOrdinary } = probe();
    await sendSuspect(0);
    await sendSuspect(1);
    for (let n = 100; n < 120; n += 1) await sendOrdinary(n);
    const worker = await work({ concurrency: 2, prefetch: 10 });
    await clock.advance("1m");
    expect(started.filter((n) => n >= 100).length).toBe(20);
    expect(started.filter((n) => n < 100)).toEqual([0]);
    await finish(0);
    await finish(1);
    expect(await soon(worker.stop())).toMatchObject({ processed: 22 });
  });

  test("the least delivered first: a message that was merely near the killer gets through before it", async () => {
    const { work, clock, soon, started, finish, sendSuspect } = probe();
    const counts = [9, 3, 7, 5];
    for (const [n, count] of counts.entries()) await sendSuspect(n, count);
    const worker = await work({ concurrency: 10 });
    await clock.advance(1000);
    for (const n of [1, 3, 2, 0]) await finish(n);
    expect(started).toEqual([1, 3, 2, 0]);
    await soon(worker.stop());
  });

  test("are waited for a moment, so that there is a choice", async () => {
    const { work, clock, soon, started, finish, sendSuspect } = probe();
    const worker = await work({ concurrency: 10 });
    await sendSuspect(0, 9);
    await clock.advance(20);
    await sendSuspect(1, 3);
    await clock.advance(20);
    expect(started).toEqual([]);
    await clock.advance(20);
    expect(started).toEqual([1]);
    await finish(1);
    await finish(0);
    await soon(worker.stop());
  });

  test("take a slot like all others", async () => {
    const { app, work, clock, soon, started, finish, sendSuspect } = probe();
    const busy = gate();
    const other = app.actor({ name: "busy" }, () => busy.opened);
    await app.send(other, {});
    await sendSuspect(0);
    const worker = await work({ concurrency: 1, prefetch: 5 });
    await clock.advance("1m");
    expect(started).toEqual([]);
    busy.open();
    await clock.advance(100);
    expect(started).toEqual([0]);
    await finish(0);
    await soon(worker.stop());
  });

  test("are named in the log before they run", async () => {
    const { work, clock, soon, logs, finish, sendSuspect } = probe();
    await sendSuspect(0, 7);
    const worker = await work();
    await clock.advance(1000);
    expect(logs.of("message.suspect")).toMatchObject([
      { level: "warn", server: "default", channel: "default", deliveries: 7, lapses: 2 },
    ]);
    await finish(0);
    await soon(worker.stop());
  });

  test("one lapse makes no suspect", async () => {
    const { app, work, clock, soon } = stage({ wrap: changeDeliveries(() => ({ lapses: 1 })) });
    let running = 0;
    let most = 0;
    const actor = app.actor({ name: "a" }, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      running -= 1;
    });
    for (let n = 0; n < 5; n += 1) await app.send(actor, {});
    const worker = await work({ messagesLimit: 5 });
    await soon(worker.finished);
    expect(most).toBe(5);
  });

  test("a real message that two workers lost becomes one, and its next result ends that", async () => {
    const { app, work, clock, soon, logs } = stage({ memory: { leaseDuration: 2000 } });
    const seen: unknown[] = [];
    const actor = app.actor(
      { name: "a", confirmation: "explicit", retry: { attempts: 9, backoff: 10 }, onError: "retry" },
      ({ deliveries }) => {
        seen.push([deliveries, logs.of("message.suspect").length]);
        // Left unsettled, its lease ends without a result, as it does when the process dies.
        if (deliveries <= 2) return "none";
        if (deliveries === 3) throw new Error("a result");
        return "ack";
      },
    );
    await app.send(actor, {});
    const worker = await work();
    await clock.advance("1m");
    expect(seen).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
    ]);
    await soon(worker.stop());
  });
});

describe("where the server counts a suspect only when its handler starts", () => {
  test("it is told so before, and asked for ordinary messages never", async () => {
    const begun: string[] = [];
    const { work, clock, soon, started, finish, sendSuspect, sendOrdinary } = probe({
      wrap: claimed((delivery) => ({
        begin: () => {
          begun.push(`${delivery.headers["lapses"] ?? "ordinary"} after ${started.length}`);
        },
      })),
    });
    await sendOrdinary(100);
    await sendSuspect(0);
    const worker = await work();
    await clock.advance(1000);
    expect(begun).toEqual(["2 after 1"]);
    await finish(0);
    await soon(worker.stop());
  });

  test("the handler waits for its confirmation", async () => {
    const confirmed = gate();
    const { work, clock, soon, started, finish, sendSuspect } = probe({
      wrap: claimed(() => ({ begin: () => confirmed.opened })),
    });
    await sendSuspect(0);
    const worker = await work();
    await clock.advance("10s");
    expect(started).toEqual([]);
    confirmed.open();
    await clock.advance(10);
    expect(started).toEqual([0]);
    await finish(0);
    await soon(worker.stop());
  });

  test("when it cannot be told, the message goes back unrun, and the next suspect has its turn", async () => {
    const { work, clock, soon, started, logs, finish, sendSuspect } = probe({
      wrap: claimed((delivery) => ({
        begin: () => (delivery.headers["count"] === "3" ? Promise.reject(new Error("locked")) : undefined),
      })),
    });
    await sendSuspect(0, 3);
    await sendSuspect(1, 9);
    const worker = await work({ concurrency: 1, prefetch: 1, messagesLimit: 1 });
    await clock.advance(40);
    expect(started).toEqual([]);
    for (let step = 0; step < 50 && started.length === 0; step += 1) await clock.advance(10);
    expect(logs.of("message.begin.failed").length).toBeGreaterThanOrEqual(1);
    expect(logs.of("message.begin.failed")[0]).toMatchObject({ level: "error", err: { message: "locked" } });
    expect(started).toEqual([1]);
    await finish(1);
    expect(await soon(worker.finished)).toMatchObject({ processed: 1, acked: 1 });
  });

  // The error leaves through the timer (an uncaught exception), and the suspect holds its turn for ever.
  test("a begin that throws is the same", async () => {
    let failures = 1;
    const { work, clock, soon, started, logs, finish, sendSuspect } = probe({
      wrap: claimed(() => ({
        begin: () => {
          failures -= 1;
          if (failures >= 0) throw new Error("sync");
        },
      })),
    });
    await sendSuspect(0);
    const worker = await work();
    await clock.advance(1000);
    expect(logs.of("message.begin.failed").length).toBe(1);
    expect(started).toEqual([0]);
    await finish(0);
    await soon(worker.stop());
  });
});

describe("suspects that wait", () => {
  test("are handed back when the worker stops, as if never delivered", async () => {
    const { work, clock, soon, started, finish, sendSuspect, stats } = probe();
    for (let n = 0; n < 3; n += 1) await sendSuspect(n);
    const worker = await work();
    await clock.advance(1000);
    const stopped = worker.stop();
    await clock.advance(0);
    await finish(0);
    expect(await soon(stopped)).toMatchObject({ processed: 1, acked: 1, abandoned: 0 });
    expect(started).toEqual([0]);
    expect(await stats()).toMatchObject({ ready: 2, inFlight: 0, dead: 0 });
  });

  test("do not start while the worker is paused", async () => {
    const { work, clock, soon, started, finish, sendSuspect } = probe();
    await sendSuspect(0);
    await sendSuspect(1);
    const worker = await work();
    await clock.advance(1000);
    await worker.pause();
    await finish(0);
    await clock.advance(1000);
    expect(started).toEqual([0]);
    await worker.resume();
    await clock.advance(1000);
    expect(started).toEqual([0, 1]);
    await finish(1);
    await soon(worker.stop());
  });

  // `Suspects.pump` gives the slot of the lost one back from inside `Slots.#pump`, which then looks at nobody else.
  test("and lose their lease meanwhile never start, and do not block those behind them", async () => {
    let lost = "none";
    const { work, clock, soon, started, finish, sendSuspect } = probe({
      memory: { leaseDuration: "30s" },
      wrap: claimed((delivery) => ({
        lease: {
          duration: 30_000,
          extend: () =>
            delivery.headers["count"] === lost ? Promise.reject(new LeaseLostError()) : delivery.lease?.extend(),
        },
      })),
    });
    await sendSuspect(0, 3);
    await sendSuspect(1, 4);
    await sendSuspect(2, 5);
    const worker = await work();
    await clock.advance(500);
    lost = "4";
    await clock.advance("10s");
    await finish(0);
    await clock.advance("5s");
    expect(started).toEqual([0, 2]);
    await finish(2);
    await soon(worker.stop());
  });

  test("one at a time over all servers of a worker: a killer takes no suspect of another server along", async () => {
    const clock = createVirtualClock();
    const servers = { one: claimed()(inMemory({ clock })), two: claimed()(inMemory({ clock })) };
    const app = createApp({ servers, logger: false, runtime: { clock } });
    let running = 0;
    let most = 0;
    const actor = app.actor({ name: "a" }, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1000));
      running -= 1;
    });
    const headers = { lapses: "2", count: "3" };
    for (let n = 0; n < 2; n += 1) {
      await app.send(actor, {}, { headers, server: "one" });
      await app.send(actor, {}, { headers, server: "two" });
    }
    const worker = app.createWorker({ servers: ["one", "two"], signals: [], messagesLimit: 4 });
    await worker.start();
    await clock.advance("10s");
    expect(worker.counts.processed).toBe(4);
    expect(most).toBe(1);
    await app.close();
  });
});
