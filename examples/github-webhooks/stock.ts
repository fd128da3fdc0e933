import type { DeadLetter } from "millrace";
import { channel } from "./actors.ts";
import type { WebhookApp } from "./app.ts";
import type { Webhook } from "./payloads.ts";
import type { Result, Results } from "./results.ts";

/** Where every one of the deliveries is, by what is on disk and not by what some process remembers. */
export interface Stock {
  readonly handled: ReadonlyMap<string, Result>;
  readonly dead: ReadonlyMap<string, DeadLetter>;
  /** Neither handled nor dead-lettered. */
  readonly left: number;
  /** Left, and not in the queue either. Must be 0 at any time, whatever was killed. */
  readonly lost: number;
  /** In the hands of some worker right now, dead or alive. */
  readonly held: number;
}

/** All dead letters of the channel, newest first. They come in pages, because there may be any number of them. */
export async function listDeadLetters(app: WebhookApp): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  let cursor: string | undefined;
  do {
    const page = await app.deadLetters(channel).list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    letters.push(...page);
    cursor = page.next;
  } while (cursor !== undefined);
  return letters;
}

/** How many messages are in the queue, and how many of them some worker holds. */
export async function countQueue(app: WebhookApp): Promise<{ readonly queued: number; readonly held: number }> {
  const { ready, delayed, inFlight } = await app.inspect(channel);
  return { queued: ready + delayed + inFlight, held: inFlight };
}

export async function takeStock(app: WebhookApp, results: Results, webhooks: readonly Webhook[]): Promise<Stock> {
  // In this order: a message that moves on meanwhile is then seen twice rather than not at all.
  const { queued, held } = await countQueue(app);
  const letters = await listDeadLetters(app);
  const handled = new Map(results.all().map((result) => [result.delivery, result]));
  const dead = new Map(
    letters
      .map((letter) => [letter.headers["x-github-delivery"] ?? letter.id, letter] as const)
      .filter(([delivery]) => !handled.has(delivery)),
  );
  const left = webhooks.filter(({ delivery }) => !handled.has(delivery) && !dead.has(delivery)).length;
  // A message can be handled and still queued (its worker died before the ack), never the other way round.
  return { handled, dead, left, lost: Math.max(0, left - queued), held };
}
