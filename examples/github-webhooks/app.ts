import { setTimeout } from "node:timers/promises";
import { type ActorMiddleware, createApp } from "millrace";
import { webhookActors } from "./actors.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { type Results, recording } from "./results.ts";

export type WebhookApp = ReturnType<typeof createWebhookApp>;

/** Makes every message take its time, and gives up when the worker wants to stop. */
function slowly(milliseconds: number): ActorMiddleware {
  return async function slowly({ signal }, next) {
    await setTimeout(milliseconds, undefined, { signal });
    return next();
  };
}

export function createWebhookApp({ server }: Place, results: Results, { slow, fixed, log }: Options) {
  const app = createApp({
    title: "GitHub webhooks",
    server,
    // GitHub puts the event's name here. Nothing of ours has to be added for a message to find its actor.
    topicHeader: "x-github-event",
    middleware: { actor: [recording(results), ...(slow > 0 ? [slowly(slow)] : [])] },
    // The default logger writes to stderr. Off, because a failed message shows up in the summary, and a line in the
    // middle of a progress bar helps nobody.
    ...(log ? {} : { logger: false }),
  });
  return app.include(webhookActors({ fixed }));
}
