import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";

/** What GitHub would post to a webhook: the event's name, an id of the delivery, and a body that nobody has parsed yet. */
export interface Webhook {
  /** Stable from run to run, as the `X-GitHub-Delivery` of a real delivery is from attempt to attempt: `push/3`. */
  readonly delivery: string;
  readonly event: string;
  readonly body: Uint8Array;
}

/** How many payloads `@octokit/webhooks-examples` 7.6.1 has for api.github.com. The demo must account for every one. */
export const expectedWebhooks = 329;

const definitions = z.array(z.object({ name: z.string(), examples: z.array(z.looseObject({})) }));

/** Reads the payloads that GitHub's users contributed, in the order of the events' names. */
export function loadWebhooks(): readonly Webhook[] {
  const file = fileURLToPath(import.meta.resolve("@octokit/webhooks-examples"));
  const events = definitions.parse(JSON.parse(readFileSync(file, "utf8")));
  return events.flatMap(({ name, examples }) =>
    examples.map((example, index) => ({
      delivery: `${name}/${index + 1}`,
      event: name,
      body: Buffer.from(JSON.stringify(example)),
    })),
  );
}
