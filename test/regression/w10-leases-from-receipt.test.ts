import { LeaseLostError } from "millrace";
import { describe, expect, test } from "vitest";
import { changeDeliveries, never, stage } from "../core/stage.ts";

const leaseDuration = 3000;

describe("W10: leases are renewed from receipt on", () => {
  test("a message that waits for a slot for many lease lengths is delivered once", async () => {
    const { app, work, clock, soon } = stage({ memory: { leaseDuration } });
    const deliveries: number[] = [];
    const actor = app.actor({ name: "a" }, async (context) => {
      deliveries.push(context.deliveries);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 20_000));
    });
    for (let i = 0; i < 4; i += 1) await app.send(actor, {});
    const worker = await work({ concurrency: 1, prefetch: 10, messagesLimit: 4 });
    await clock.advance(1000);
    expect(worker.health().consumers[0]).toMatchObject({ running: 1, waiting: 3, held: 4 });
    expect(await soon(worker.finished)).toMatchObject({ processed: 4, acked: 4 });
    expect(deliveries).toEqual([1, 1, 1, 1]);
  });

  test("renewal happens at a third of the lease, with one timer for all messages", async () => {
    const extended: number[] = [];
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration },
      wrap: changeDeliveries((delivery) => ({
        lease: {
          duration: leaseDuration,
          extend() {
            extended.push(clock.monotonic());
            return delivery.lease?.extend();
          },
        },
      })),
    });
    const actor = app.actor({ name: "a" }, () => never);
    for (let i = 0; i < 50; i += 1) await app.send(actor, {});
    const before = clock.pending;
    const worker = await work({ shutdownTimeout: 0, cancelTimeout: 0 });
    await clock.advance(3100);
    expect(clock.pending - before).toBeLessThan(8);
    expect(new Set(extended).size).toBe(3);
    expect(extended.length).toBe(150);
    await soon(worker.stop());
  });

  test("a lost lease aborts the signal with a typed reason, and nothing settles the message afterwards", async () => {
    const settled: unknown[] = [];
    let lost = false;
    const { app, work, clock, soon, logs } = stage({
      memory: { leaseDuration },
      wrap: changeDeliveries((delivery) => ({
        settle(outcome, note) {
          settled.push(outcome);
          return delivery.settle(outcome, note);
        },
        lease: {
          duration: leaseDuration,
          extend: () => (lost ? Promise.reject(new LeaseLostError()) : delivery.lease?.extend()),
        },
      })),
    });
    let reason: unknown;
    let outcome: unknown = "unknown";
    const actor = app.actor({ name: "a" }, async ({ signal, message }) => {
      message.afterSettle((settledAs) => {
        outcome = settledAs;
      });
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      reason = signal.reason;
      await expect(message.ack()).rejects.toThrow(LeaseLostError);
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(1500);
    lost = true;
    await clock.advance(600);
    expect(reason).toBeInstanceOf(LeaseLostError);
    expect(outcome).toBeUndefined();
    expect(settled).toEqual([]);
    expect(logs.of("message.lease.lost").length).toBe(1);
    lost = false;
    expect(await soon(worker.stop())).toMatchObject({ acked: 0, nacked: 0, rejected: 0 });
  });

  test("a message whose lease is lost while it waits never starts", async () => {
    let lost = false;
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration: "1h" },
      wrap: changeDeliveries((delivery) => ({
        lease: {
          duration: leaseDuration,
          extend: () => (lost && delivery.id === "2" ? Promise.reject(new LeaseLostError()) : undefined),
        },
      })),
    });
    const ran: string[] = [];
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      ran.push(message.id);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 5000));
    });
    for (const id of ["1", "2", "3"]) await app.send(actor, {}, { id });
    const worker = await work({ concurrency: 1, prefetch: 5 });
    lost = true;
    await clock.advance(20_000);
    expect(ran).toEqual(["1", "3"]);
    await soon(worker.stop());
  });

  test("a renewal that fails for other reasons is tried again, and gives up when the lease is over", async () => {
    let failing = true;
    const { app, work, clock, soon, logs } = stage({
      memory: { leaseDuration: "1h" },
      wrap: changeDeliveries(() => ({
        lease: {
          duration: leaseDuration,
          extend: () => (failing ? Promise.reject(new Error("network")) : undefined),
        },
      })),
    });
    let reason: unknown;
    const actor = app.actor({ name: "a" }, async ({ signal }) => {
      signal.addEventListener("abort", () => {
        reason = signal.reason;
      });
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 60_000));
    });
    await app.send(actor, {});
    const first = await work();
    await clock.advance(1500);
    failing = false;
    await clock.advance(10_000);
    expect(reason).toBeUndefined();
    failing = true;
    await clock.advance(3100);
    expect(reason).toBeInstanceOf(LeaseLostError);
    expect(logs.of("message.lease.extend_failed").length).toBeGreaterThanOrEqual(3);
    await soon(first.stop());
  });

  test("a renewal that is never answered is a lost lease once the lease is over", async () => {
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration: "1h" },
      wrap: changeDeliveries(() => ({ lease: { duration: leaseDuration, extend: () => never } })),
    });
    let reason: unknown;
    const actor = app.actor({ name: "a" }, async ({ signal }) => {
      signal.addEventListener("abort", () => {
        reason = signal.reason;
      });
      await never;
    });
    await app.send(actor, {});
    const worker = await work({ shutdownTimeout: 0, cancelTimeout: 0 });
    await clock.advance(3 * leaseDuration);
    expect(reason).toBeInstanceOf(LeaseLostError);
    await soon(worker.stop());
  });

  test("a message that comes again after a lost lease does not run beside its old run on the same worker", async () => {
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration },
      // Nothing is renewed any more: as after a pause of the whole process.
      wrap: changeDeliveries(() => ({
        lease: { duration: leaseDuration, extend: () => Promise.reject(new LeaseLostError()) },
      })),
    });
    let running = 0;
    let most = 0;
    const actor = app.actor({ name: "a" }, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10_000));
      running -= 1;
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(9000);
    expect(most).toBe(1);
    await soon(worker.stop());
  });

  test("keepAlive: false lets the lease end: the signal aborts and the message is not run twice at once here", async () => {
    const { app, work, clock, soon } = stage({ memory: { leaseDuration } });
    let running = 0;
    let most = 0;
    const reasons: unknown[] = [];
    const actor = app.actor({ name: "a", keepAlive: false }, async ({ signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 5000));
      running -= 1;
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(4500);
    expect(reasons[0]).toBeInstanceOf(LeaseLostError);
    expect(most).toBe(1);
    await soon(worker.stop());
  });

  test("keepAlive: false renews nothing, and the late settle is refused", async () => {
    let extended = 0;
    const { app, work, clock, soon, logs } = stage({
      memory: { leaseDuration },
      wrap: changeDeliveries((delivery) => ({
        lease: {
          duration: leaseDuration,
          extend: () => {
            extended += 1;
            return delivery.lease?.extend();
          },
        },
      })),
    });
    const deliveries: number[] = [];
    const actor = app.actor({ name: "a", keepAlive: false }, async (context) => {
      deliveries.push(context.deliveries);
      if (context.deliveries === 1) await new Promise<void>((resolve) => void clock.setTimer(resolve, 3500));
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(20_000);
    expect(extended).toBe(0);
    expect(deliveries).toEqual([1, 2]);
    expect(logs.of("message.lease.lost").length).toBe(1);
    expect(await soon(worker.stop())).toMatchObject({ acked: 1 });
  });

  test("two consumers of one channel: a lease that is renewed is never stolen by the other", async () => {
    const { app, other, work, clock, soon } = stage({ memory: { leaseDuration } });
    const ran: string[] = [];
    const hold = () => new Promise<void>((resolve) => void clock.setTimer(resolve, 30_000));
    const actor = app.actor({ name: "a" }, async ({ message }) => {
      ran.push(`one ${message.id}`);
      return hold();
    });
    const second = other();
    second.actor({ name: "a" }, async ({ message }) => {
      ran.push(`two ${message.id}`);
      return hold();
    });
    const workers = [await work({ concurrency: 1, prefetch: 3 }), await work({ concurrency: 1, prefetch: 3 }, second)];
    for (const id of ["1", "2", "3", "4"]) await app.send(actor, {}, { id });
    await clock.advance(100_000);
    expect(ran.map((entry) => entry.split(" ")[1]).toSorted()).toEqual(["1", "2", "3", "4"]);
    for (const worker of workers) await soon(worker.stop());
  });
});
