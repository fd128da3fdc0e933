import { expect, test } from "vitest";
import { stage } from "../core/stage.ts";

test("a message that a manual actor never settles is bounded across graceful restarts of its workers, too", async () => {
  const { app, workFor, stats } = stage();
  let runs = 0;
  const actor = app.actor({ name: "a", confirmation: "manual" }, () => {
    runs += 1;
  });
  await app.send(actor, {});
  for (let restart = 0; restart < 30; restart += 1) await workFor(100);
  expect(runs).toBe(20);
  expect(await stats()).toMatchObject({ ready: 0, dead: 1 });
});
