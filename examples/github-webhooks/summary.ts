import { styleText } from "node:util";
import type { Stock } from "./stock.ts";
import { type Counts, type Row, total } from "./tally.ts";

const columns = [
  ["sent", "sent"],
  ["handled", "handled"],
  ["dead", "dead-lettered"],
  ["invalid", "by validation"],
  ["failed", "by error"],
] as const satisfies readonly (readonly [keyof Counts, string])[];

function line(name: string, counts: Counts): string {
  const cells = columns.map(([key, title]) => String(counts[key] || "-").padStart(title.length + 2));
  return `  ${name.padEnd(16)}${cells.join("")}`;
}

/** `a 1, b 2, c 3`, in lines that fit 80 columns. */
function wrap(pieces: readonly string[]): string {
  const lines: string[] = [];
  let last = "";
  for (const piece of pieces) {
    if (last !== "" && last.length + piece.length > 75) {
      lines.push(`${last},`);
      last = "";
    }
    last = last === "" ? `  ${piece}` : `${last}, ${piece}`;
  }
  return [...lines, last].join("\n");
}

/** A row for each event that has an actor of its own, and the many others in brief. */
export function formatSummary(rows: readonly Row[], own: readonly string[]): string {
  const others = rows.filter(({ event }) => !own.includes(event));
  const head = `  ${"event".padEnd(16)}${columns.map(([, title]) => `  ${title}`).join("")}`;
  const named = own.flatMap((name) => rows.filter(({ event }) => event === name));
  // The table comes last, so that it is still on a screen of 24 lines.
  return [
    `${others.length} kinds of event that only the catch-all takes:`,
    styleText("dim", wrap(others.map(({ event, handled }) => `${event} ${handled}`))),
    "",
    styleText("bold", head),
    ...named.map((row) => line(row.event, row)),
    line(`${others.length} others`, total(others)),
    styleText("bold", line("total", total(rows))),
  ].join("\n");
}

/** What retries and at-least-once delivery looked like this time. */
export function formatRemarks({ handled, dead, lost }: Stock): string {
  const outcomes = [...handled.values(), ...[...dead.values()].map(({ reason }) => ({ ...reason, times: 0 }))];
  const retried = outcomes.filter(({ attempts }) => attempts > 1).length;
  const twice = outcomes.filter(({ attempts, deliveries }) => deliveries > attempts).length;
  const double = outcomes.filter(({ times }) => times > 1).length;
  const counted = double > 0 ? ` (${double} handled twice, counted once)` : "";
  return `tried again: ${retried}, delivered twice: ${twice}${counted}, lost: ${lost}`;
}
