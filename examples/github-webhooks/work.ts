import { setTimeout } from "node:timers/promises";
import { channel } from "./actors.ts";
import type { WebhookApp } from "./app.ts";
import type { Options } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { Results } from "./results.ts";
import { countQueue } from "./stock.ts";

/**
 * Runs a worker until the queue is empty: not until some number of messages is done, since another worker may take a
 * part of them, and a message may come twice. Returns whether it got there; Ctrl-C makes the worker stop earlier, after
 * the messages in hand are done.
 */
export async function workUntilEmpty(
  app: WebhookApp,
  results: Results,
  progress: Progress,
  { concurrency }: Options,
): Promise<boolean> {
  const worker = app.createWorker({ concurrency });
  await worker.start();
  const stopped = worker.finished.then(() => "stopped" as const);
  while ((await countQueue(app)).queued > 0 && (await Promise.race([stopped, setTimeout(50)])) !== "stopped") {
    progress.update(results.count() + (await app.deadLetters(channel).count()));
  }
  await worker.stop();
  return (await countQueue(app)).queued === 0;
}
