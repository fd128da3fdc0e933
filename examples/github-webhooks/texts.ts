import { styleText } from "node:util";
import type { Options } from "./options.ts";
import type { Webhook } from "./payloads.ts";
import type { Stock } from "./stock.ts";

export function describe(webhooks: readonly Webhook[]): string {
  const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000).toLocaleString("en")} kB`;
  const sizes = webhooks.map(({ body }) => body.byteLength);
  const events = new Set(webhooks.map(({ event }) => event)).size;
  const bytes = kilobytes(sizes.reduce((sum, size) => sum + size, 0));
  return `${webhooks.length} webhooks, ${events} kinds of event, ${bytes}, the largest ${kilobytes(Math.max(...sizes))}`;
}

/** The first thing to know after a crash: is everything still there? */
export function opening({ left, lost, held }: Stock, all: number, earlier: number): string {
  if (earlier === 0) return `sent: ${all}`;
  if (left === 0) return "nothing to do: an earlier run has done it all (--fresh starts over)";
  const sentNow = earlier < all ? `, ${all - earlier} of them sent only now` : "";
  const wait = held > 0 ? `\n${held} of them are leased to another run; if it is dead, they come back within 4 s` : "";
  return styleText("bold", `resuming: ${all - left} done, ${left} left, ${lost} lost${sentNow}`) + wait;
}

/** What a person may want to try now. */
export function nextSteps({ dead }: Stock, { server, fixed }: Options): string {
  const command = `npm run demo --${server === undefined ? "" : ` --server ${server}`}`;
  const steps = [
    { when: dead.size > 0, text: `${command} --list`, what: "what was dead-lettered, and why" },
    {
      when: dead.size > 0 && !fixed,
      text: `${command} --replay --fixed`,
      what: "with both bugs fixed, send those again",
    },
    { when: true, text: `${command} --fresh --slow 200`, what: "from the start, to kill -9 it midway" },
  ].filter(({ when }) => when);
  const width = Math.max(...steps.map(({ text }) => text.length));
  return steps.map(({ text, what }) => `  ${text.padEnd(width)}   ${what}`).join("\n");
}
