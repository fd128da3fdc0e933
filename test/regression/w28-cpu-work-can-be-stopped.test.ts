import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { inWorkerThread } from "millrace/threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import type { spin } from "../fixtures/threads/spin.ts";

const task = new URL("../fixtures/threads/spin.ts", import.meta.url);

describe("W28: CPU work in a thread", () => {
  const spinning = inWorkerThread<typeof spin>(task, { export: "spin", pool: { maxThreads: 1 } });
  afterEach(() => spinning.close());

  test("that outlasts the actor's timeout is terminated, and the next message has thread and slot", async () => {
    const app = createApp({ server: inMemory(), logger: false });
    const work = app.actor(
      { name: "work", payload: z.object({ for: z.number() }), timeout: 500, onTimeout: "nack" },
      spinning,
    );
    await app.send(work, { for: 60_000 });
    await app.send(work, { for: 1 });
    const worker = app.createWorker({ concurrency: 1, signals: [] });
    await worker.start();
    await vi.waitFor(() => expect(worker.counts).toMatchObject({ nacked: 1, acked: 1 }), 10_000);
    const [dead] = await app.deadLetters("default").list();
    expect(dead?.reason.code).toBe("timeout");
    expect(worker.health().zombies).toBe(0);
    await worker.stop();
    await app.close();
  });
});
