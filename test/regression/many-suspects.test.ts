import { describe, expect, test } from "vitest";
import { changeDeliveries, stage } from "../core/stage.ts";

describe("many suspects of an actor with a synchronous handler", () => {
  test("all run, one after the other, without a further delivery", async () => {
    const { app, work, clock, soon } = stage({ wrap: changeDeliveries(() => ({ lapses: 2 })) });
    let runs = 0;
    const actor = app.actor({ name: "a" }, () => {
      runs += 1;
    });
    await app.sendMany(actor, [{}, {}, {}, {}, {}, {}]);
    const worker = await work();
    await clock.advance("1s");
    expect(runs).toBe(6);
    expect(worker.counts).toMatchObject({ processed: 6, acked: 6 });
    expect(worker.health()).toMatchObject({ ready: true, consumers: [{ running: 0, waiting: 0, held: 0 }] });
    await soon(worker.stop());
  });

  test("all run when it was really their leases that ran out", async () => {
    const { app, server, work, clock, soon } = stage({ memory: { leaseDuration: 1000 } });
    let runs = 0;
    const actor = app.actor({ name: "a" }, () => {
      runs += 1;
    });
    const connection = await app.connect();
    await app.sendMany(actor, [{}, {}, {}, {}, {}, {}]);
    const lapses: unknown[] = [];
    const holder = await server.subscribe({
      channels: [{ name: "default" }],
      maxUnsettled: 100,
      onDelivery: (delivery) => lapses.push(delivery.lapses),
      onStateChange: () => {},
    });
    await clock.advance(1500);
    await holder.drain();
    await clock.advance(1000);
    await holder.close();
    expect(lapses).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    const worker = await work();
    await clock.advance(500);
    expect(runs).toBe(6);
    expect(worker.counts).toMatchObject({ processed: 6, acked: 6 });
    expect(worker.health()).toMatchObject({ ready: true, consumers: [{ running: 0, held: 0 }] });
    await soon(worker.stop());
    await connection.close();
  });
});
