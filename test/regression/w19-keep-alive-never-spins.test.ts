import { OptionError } from "millrace";
import { describe, expect, test } from "vitest";
import { changeDeliveries, stage } from "../core/stage.ts";

describe("W19: renewing a lease is no busy loop", () => {
  test.each([[1], [3], [10], [59], [100], [2999]])("with a lease of %s ms", async (duration) => {
    let extended = 0;
    const { app, work, clock, soon } = stage({
      memory: { leaseDuration: "1h" },
      wrap: changeDeliveries(() => ({
        lease: {
          duration,
          extend() {
            extended += 1;
          },
        },
      })),
    });
    const actor = app.actor({ name: "a" }, () => new Promise<void>((resolve) => void clock.setTimer(resolve, 1000)));
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(1000);
    if (duration >= 60) expect(extended).toBeGreaterThanOrEqual(Math.floor(3000 / duration) - 1);
    expect(extended).toBeLessThanOrEqual(Math.max(50, Math.ceil(3000 / duration) + 1));
    await soon(worker.stop());
  });

  test.each([["500ms"], [50], ["1s"]] as const)("an interval of %s is kept to", async (keepAlive) => {
    const extended: number[] = [];
    const { app, work, clock, soon } = stage({
      wrap: changeDeliveries((delivery) => ({
        lease: {
          duration: 30_000,
          extend() {
            extended.push(clock.monotonic());
            return delivery.lease?.extend();
          },
        },
      })),
    });
    const actor = app.actor(
      { name: "a", keepAlive },
      () => new Promise<void>((resolve) => void clock.setTimer(resolve, 10_000)),
    );
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(10_000);
    const interval = keepAlive === "500ms" ? 500 : keepAlive === "1s" ? 1000 : 50;
    const expected = 10_000 / interval;
    expect(extended.length).toBeGreaterThanOrEqual(expected - 2);
    expect(extended.length).toBeLessThanOrEqual(expected + 1);
    await soon(worker.stop());
  });

  test("one actor with a short interval does not have the leases of others renewed as often", async () => {
    const extended: Record<string, number> = {};
    const { app, work, clock, soon } = stage({
      wrap: changeDeliveries((delivery) => ({
        lease: {
          duration: 30_000,
          extend() {
            const topic = delivery.headers["topic"] ?? "";
            extended[topic] = (extended[topic] ?? 0) + 1;
            return delivery.lease?.extend();
          },
        },
      })),
    });
    const hold = () => new Promise<void>((resolve) => void clock.setTimer(resolve, 60_000));
    const often = app.actor({ name: "often", keepAlive: "1s" }, hold);
    const usual = app.actor({ name: "usual" }, hold);
    await app.send(often, {});
    await app.send(usual, {});
    const worker = await work();
    await clock.advance("1m");
    expect(extended["often"]).toBeGreaterThanOrEqual(55);
    expect(extended["usual"]).toBeLessThanOrEqual(10);
    expect(extended["usual"]).toBeGreaterThanOrEqual(5);
    await soon(worker.stop());
  });

  test.each([[0], ["0s"], [-1], ["soon"], [Number.NaN]])("an interval of %s is refused", (keepAlive) => {
    const { app } = stage();
    expect(() => app.actor({ name: "a", keepAlive: keepAlive as number }, () => {})).toThrow(OptionError);
  });
});
