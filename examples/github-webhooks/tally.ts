import type { DeadLetter } from "millrace";
import type { Webhook } from "./payloads.ts";
import type { Sent } from "./send.ts";
import type { Stock } from "./stock.ts";

export interface Counts {
  readonly sent: number;
  readonly handled: number;
  readonly dead: number;
  /** Of the dead ones: the payload does not fit the schema, or cannot be read at all. */
  readonly invalid: number;
  /** Of the dead ones: the actor failed. */
  readonly failed: number;
}

export interface Row extends Counts {
  readonly event: string;
}

function isInvalid({ reason }: DeadLetter): boolean {
  return reason.code === "invalid" || reason.code === "decode";
}

/** What became of the messages of each event. */
export function tally(webhooks: readonly Webhook[], sent: Sent, { handled, dead }: Stock): readonly Row[] {
  return [...Map.groupBy(webhooks, ({ event }) => event)].map(([event, own]) => {
    const letters = own.flatMap(({ delivery }) => dead.get(delivery) ?? []);
    const invalid = letters.filter(isInvalid).length;
    return {
      event,
      sent: sent.byEvent.get(event) ?? 0,
      handled: own.filter(({ delivery }) => handled.has(delivery)).length,
      dead: letters.length,
      invalid,
      failed: letters.length - invalid,
    };
  });
}

export function total(rows: readonly Row[]): Counts {
  const sum = (key: keyof Counts): number => rows.reduce((all, row) => all + row[key], 0);
  return {
    sent: sum("sent"),
    handled: sum("handled"),
    dead: sum("dead"),
    invalid: sum("invalid"),
    failed: sum("failed"),
  };
}

/** Everything that does not add up, in words; empty when all is well. */
export function findFaults(expected: number, rows: readonly Row[], { handled, dead, lost }: Stock): readonly string[] {
  const faults = rows
    .filter((row) => row.sent !== row.handled + row.dead)
    .map((row) => `${row.event}: ${row.sent} sent, ${row.handled} handled, ${row.dead} dead-lettered`);
  const all = total(rows);
  if (all.sent !== expected) faults.push(`${all.sent} sent instead of ${expected}`);
  if (lost > 0) faults.push(`${lost} lost`);
  const unknown = handled.size + dead.size - all.handled - all.dead;
  if (unknown > 0) faults.push(`${unknown} results of deliveries that were never sent`);
  return faults;
}
