import { defineDependency, defineOperation, type Message, WorkerFatalError } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gate, never, stage } from "./stage.ts";

const numbered = z.object({ n: z.number() });

describe("a handler that goes on after its timeout", () => {
  test("frees its slot and settles its message; the others go on", async () => {
    const { app, work, soon, clock, logs } = stage();
    const ran: number[] = [];
    const actor = app.actor({ name: "a", payload: numbered, timeout: 100, onTimeout: "nack" }, ({ payload: { n } }) => {
      ran.push(n);
      return n === 0 ? never : undefined;
    });
    for (let n = 0; n < 4; n += 1) await app.send(actor, { n });
    const worker = await work({ concurrency: 1, cancelTimeout: 500 });
    await clock.advance(599);
    expect([ran, worker.counts.nacked]).toEqual([[0], 0]);
    await clock.advance(100);
    expect([ran, worker.counts.nacked, worker.counts.acked]).toEqual([[0, 1, 2, 3], 1, 3]);
    expect(logs.of("attempt.zombie")).toMatchObject([{ level: "error", actor: "a", zombies: 1 }]);
    expect(worker.health().zombies).toBe(1);
    await soon(worker.stop());
  });

  test("is not run a second time on the same worker before it ends, and then it is", async () => {
    const { app, work, soon, clock } = stage();
    const first = gate();
    let running = 0;
    let most = 0;
    const starts: number[] = [];
    const actor = app.actor({ name: "a", timeout: 100 }, async ({ deliveries }) => {
      starts.push(deliveries);
      running += 1;
      most = Math.max(most, running);
      if (starts.length === 1) await first.opened;
      running -= 1;
    });
    await app.send(actor, {});
    const worker = await work({ cancelTimeout: 0 });
    await clock.advance("1m");
    expect(starts).toEqual([1]);
    first.open();
    await clock.advance("5s");
    expect([starts.length, most, worker.health().zombies]).toEqual([2, 1, 0]);
    expect(worker.counts).toMatchObject({ processed: 2, acked: 1, rejected: expect.any(Number) });
    await soon(worker.stop());
  });

  test("waiting for it uses up neither attempts nor the delivery limit", async () => {
    const { app, work, soon, clock, stats } = stage();
    const first = gate();
    const seen: unknown[] = [];
    const actor = app.actor(
      { name: "a", timeout: 100, retry: { attempts: 3, backoff: 10 } },
      async ({ attempt, deliveries }) => {
        seen.push([attempt, deliveries]);
        if (seen.length === 1) await first.opened;
      },
    );
    await app.send(actor, {});
    const worker = await work({ cancelTimeout: 0 });
    await clock.advance("10m");
    expect(await stats()).toMatchObject({ dead: 0 });
    first.open();
    await clock.advance("5s");
    expect(seen).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await soon(worker.stop())).toMatchObject({ acked: 1 });
  });

  test("another worker may take the message meanwhile", async () => {
    const { app, other, work, soon, clock } = stage();
    const stuck = app.actor({ name: "a", timeout: 100 }, () => never);
    const worker = await work({ cancelTimeout: 0, shutdownTimeout: 0 });
    await app.send(stuck, {});
    await clock.advance(200);
    const second = other();
    let ran = 0;
    second.actor({ name: "a" }, () => {
      ran += 1;
    });
    const helper = await work({}, second);
    await clock.advance("10s");
    expect(ran).toBe(1);
    expect(helper.counts).toMatchObject({ processed: 1, acked: 1 });
    await soon(Promise.all([worker.stop(), helper.stop()]));
  });
});

describe("what a handler does after it was given up", () => {
  test.each([
    ["returns", (message: Message) => void message],
    [
      "throws",
      () => {
        throw new Error("late");
      },
    ],
    ["acks", (message: Message) => message.ack()],
    ["rejects", (message: Message) => message.reject()],
    ["asks for a retry", (message: Message) => message.retry("1s")],
    ["replies", (message: Message) => message.reply("{}", { channel: "answers" })],
  ])("it %s: nothing but a line in the log", async (_, late) => {
    const { app, work, soon, clock, logs, stats } = stage();
    const go = gate();
    const actor = app.actor({ name: "a", timeout: 100, onTimeout: "nack" }, async ({ message }) => {
      await go.opened;
      await late(message);
    });
    await app.send(actor, {});
    const worker = await work({ cancelTimeout: 0 });
    await clock.advance(1000);
    const before = { ...worker.counts };
    expect(before).toMatchObject({ processed: 1, nacked: 1 });
    go.open();
    await clock.advance(1000);
    expect(worker.counts).toEqual(before);
    expect(logs.of("message.late")).toMatchObject([{ level: "warn", actor: "a" }]);
    expect(await stats()).toMatchObject({ dead: 1, ready: 0, inFlight: 0, delayed: 0 });
    expect(await stats("answers")).toMatchObject({ ready: 0 });
    await soon(worker.stop());
  });

  test("the value that it returns is not sent as a reply", async () => {
    const { app, work, soon, clock, stats } = stage();
    const operation = defineOperation({ name: "a", reply: z.object({ ok: z.boolean() }) });
    const go = gate();
    app.actor({ operation, timeout: 100, onTimeout: "nack" }, async () => {
      await go.opened;
      return { ok: true };
    });
    await app.send(operation, {}, { replyTo: "answers" });
    const worker = await work({ cancelTimeout: 0 });
    await clock.advance(1000);
    go.open();
    await clock.advance(1000);
    expect(await stats("answers")).toMatchObject({ ready: 0 });
    await soon(worker.stop());
  });

  test("its error is in the log line, and its dependencies are disposed of only now", async () => {
    const { app, work, soon, clock, logs } = stage();
    const events: string[] = [];
    const go = gate();
    const handle = defineDependency({ resolve: () => "open", dispose: () => void events.push("disposed") });
    const actor = app.actor({ name: "a", timeout: 100, onTimeout: "nack", deps: { handle } }, async () => {
      await go.opened;
      events.push("ended");
      throw new Error("late");
    });
    await app.send(actor, {});
    const worker = await work({ cancelTimeout: 0 });
    await clock.advance(5000);
    expect(events).toEqual([]);
    go.open();
    await clock.advance(100);
    expect(events).toEqual(["ended", "disposed"]);
    expect(logs.of("message.late")).toMatchObject([{ err: { message: "late" } }]);
    await soon(worker.stop());
  });
});

describe("more of them than there are slots", () => {
  test("end the worker with an error that says what to do", async () => {
    const { app, work, soon, logs } = stage();
    const actor = app.actor({ name: "a", timeout: 100, onTimeout: "nack" }, () => never);
    for (let n = 0; n < 10; n += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 2, prefetch: 5, cancelTimeout: 0, shutdownTimeout: 100 });
    await expect(soon(worker.finished)).rejects.toThrow(WorkerFatalError);
    await expect(worker.finished).rejects.toThrow(/restart the process/);
    expect(worker.health()).toMatchObject({ phase: "failed", live: false, ready: false });
    expect(logs.of("worker.fatal")).toMatchObject([{ level: "error" }]);
    expect(worker.counts.processed).toBeLessThan(8);
  });

  test("exactly as many do not", async () => {
    const { app, work, soon, clock } = stage();
    const actor = app.actor({ name: "a", payload: numbered, timeout: 100, onTimeout: "nack" }, ({ payload: { n } }) =>
      n < 2 ? never : undefined,
    );
    for (let n = 0; n < 5; n += 1) await app.send(actor, { n });
    const worker = await work({ concurrency: 2, cancelTimeout: 0, shutdownTimeout: 100 });
    await clock.advance("10s");
    expect(worker.counts).toMatchObject({ processed: 5, acked: 3, nacked: 2 });
    expect(worker.health()).toMatchObject({ zombies: 2, live: true, ready: true });
    await soon(worker.stop());
  });

  test("those that ended do not count any more", async () => {
    const { app, work, soon, clock } = stage();
    const actor = app.actor({ name: "a", timeout: 100, onTimeout: "nack" }, async () => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1000));
    });
    const worker = await work({ concurrency: 1, cancelTimeout: 0 });
    for (let n = 0; n < 10; n += 1) {
      await app.send(actor, {});
      await clock.advance(2000);
    }
    expect(worker.counts).toMatchObject({ processed: 10, nacked: 10 });
    expect(worker.health()).toMatchObject({ zombies: 0, live: true });
    await soon(worker.stop());
  });
});
