import { expect, test } from "vitest";
import { stage } from "../core/stage.ts";

test("a middleware that does not wait for next() neither acks a running actor nor hides its failure", async () => {
  const { app, workFor, clock, logs } = stage();
  let ended = 0;
  const actor = app.actor(
    {
      name: "a",
      retry: { attempts: 2, backoff: 100 },
      middleware: [
        (_, next) => {
          next();
        },
      ],
    },
    async () => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 50));
      ended += 1;
      throw new Error("late");
    },
  );
  await app.send(actor, {});
  expect(await workFor(5000)).toMatchObject({ processed: 2, acked: 0, retried: 1, nacked: 1 });
  expect(ended).toBe(2);
  expect(logs.of("handler.error")).toHaveLength(2);
});

test("a middleware that waited may still hide a failure", async () => {
  const { app, workFor } = stage();
  const actor = app.actor({ name: "a", middleware: [async (_, next) => next().catch(() => "hidden")] }, async () => {
    throw new Error("no");
  });
  await app.send(actor, {});
  expect(await workFor(100)).toMatchObject({ processed: 1, acked: 1, nacked: 0 });
});
