import { channel } from "./actors.ts";
import type { WebhookApp } from "./app.ts";
import type { Webhook } from "./payloads.ts";

export interface Sent {
  /** How many the queue took, by event: those of this run and, as duplicates, those of earlier ones. */
  readonly byEvent: ReadonlyMap<string, number>;
  /** How many an earlier run had sent. */
  readonly earlier: number;
}

/**
 * Sends what a web server would: the body as it came, with GitHub's headers. All at once, since the sends of one tick
 * share a transaction. The dedupe key makes it safe to run again after a kill in the middle: what is in the queue, or
 * was and is done, is not sent a second time.
 */
export async function sendWebhooks(app: WebhookApp, webhooks: readonly Webhook[]): Promise<Sent> {
  const byEvent = new Map<string, number>();
  let earlier = 0;
  await Promise.all(
    webhooks.map(async ({ delivery, event, body }) => {
      const { duplicate } = await app.publish(channel, body, {
        contentType: "application/json",
        headers: { "x-github-event": event, "x-github-delivery": delivery },
        dedupe: { key: delivery, window: "30d" },
      });
      byEvent.set(event, (byEvent.get(event) ?? 0) + 1);
      if (duplicate) earlier += 1;
    }),
  );
  return { byEvent, earlier };
}
