import { setImmediate as immediate } from "node:timers/promises";
import type { App } from "millrace";
import { type Counter, inFlight, type Measurement, timed } from "../case.ts";

/** An app with one actor, and how to send to it. */
export interface Subject {
  readonly app: Pick<App, "connect" | "createWorker" | "close">;
  /** Hit by the handler, once per message. */
  readonly handled: Counter;
  send(index: number): Promise<unknown>;
}

export const concurrency = 1000;

/** A worker that runs until it is released. */
export async function withWorker<T>(
  { app, handled }: Subject,
  use: (settled: (count: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const connection = await app.connect();
  const worker = app.createWorker({ concurrency, signals: [] });
  await worker.start();
  try {
    return await use(async (count) => {
      const goal = worker.counts.acked + count;
      await handled.after(count);
      while (worker.counts.acked < goal) await immediate();
    });
  } finally {
    await worker.stop();
    await connection.close();
  }
}

/** Sends and processes at once: so many sends in flight, and as many handlers at most. Warms up first. */
export function flow(subject: Subject, warmUp: number, messages: number): Promise<Measurement> {
  return withWorker(subject, async (settled) => {
    async function round(count: number): Promise<void> {
      const done = settled(count);
      await inFlight(concurrency, count, subject.send);
      await done;
    }
    await round(warmUp);
    return await timed(messages, () => round(messages));
  });
}
