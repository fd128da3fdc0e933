import { LeaseLostError, type Message } from "millrace";
import { expect, test } from "vitest";
import { sleep } from "../../src/internal/clock.ts";
import { changeDeliveries, type Stage, stage } from "../core/stage.ts";

/** An actor leaves its message; settling it later takes 300 ms, and the broker may say that it is lost. */
async function leave(lost: boolean) {
  let confirmed = false;
  const made: Stage = stage({
    wrap: changeDeliveries((delivery) => ({
      settle: async (...given) => {
        await sleep(made.clock, 300);
        if (lost) throw new LeaseLostError();
        await delivery.settle(...given);
        confirmed = true;
      },
    })),
  });
  const left: Message[] = [];
  const answers: unknown[] = [];
  const actor = made.app.actor({ name: "a", confirmation: "manual" }, ({ message }) => {
    message.settled.then((outcome) => answers.push(outcome));
    left.push(message);
  });
  const worker = await made.work();
  await made.app.send(actor, {});
  await made.clock.advance(100);
  expect(answers).toEqual([undefined]);
  return { ...made, worker, message: left[0] as Message, isConfirmed: () => confirmed };
}

test("ack() of a message that was left resolves when the broker has confirmed it, not before", async () => {
  const { message, clock, worker, soon, isConfirmed } = await leave(false);
  const seen: boolean[] = [];
  const acking = message.ack().then(() => seen.push(isConfirmed()));
  await clock.advance(200);
  expect(seen).toEqual([]);
  await clock.advance(200);
  expect(seen).toEqual([true]);
  await acking;
  expect(worker.counts).toMatchObject({ acked: 1 });
  await soon(worker.stop());
});

test("ack() of a message that was left rejects when the broker says that it is lost", async () => {
  const { message, clock, worker, soon } = await leave(true);
  const acking = message.ack().catch((error: unknown) => error);
  await clock.advance(400);
  expect(await soon(acking)).toMatchObject({ code: "LEASE_LOST" });
  await soon(worker.stop());
});
