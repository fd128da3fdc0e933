import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { expect, test } from "vitest";
import { gate, never } from "../core/stage.ts";

const wait = 5000;

test("the test client runs a message again whose first run ignored its signal", { timeout: wait }, async () => {
  const app = createApp({ server: inMemory(), logger: false });
  const started = gate();
  const actor = app.actor({ name: "a", timeout: "1s" }, ({ deliveries }) => {
    started.open();
    return deliveries === 1 ? never : undefined;
  });
  const client = createTestClient(app, { throwOnError: false });
  const sending = client.send(actor, {});
  await started.opened;
  await client.advance("5s");
  await sending;
  expect(await client.inspect("default")).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  expect(client.processed().map(({ outcome }) => outcome)).toContain("ack");
  await client.close();
});

test("a request of the test client that nobody answers times out", { timeout: wait }, async () => {
  const app = createApp({ server: inMemory(), logger: false });
  const actor = app.actor({ name: "a", onError: "ack" }, () => {
    throw new Error("no answer");
  });
  const client = createTestClient(app);
  const before = client.clock.now();
  await expect(client.request(actor, {}, { timeout: "5s" })).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
  expect(client.clock.now() - before).toBeGreaterThanOrEqual(5000);
  await client.close();
});
