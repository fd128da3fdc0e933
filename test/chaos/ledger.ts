import { readFileSync } from "node:fs";

/** What workers wrote down: how often each message was started and ended, and how many leases they lost. */
export interface Ledger {
  readonly starts: ReadonlyMap<string, number>;
  readonly ends: ReadonlyMap<string, number>;
  readonly leasesLost: number;
}

export function readLedger(path: string): Ledger {
  const starts = new Map<string, number>();
  const ends = new Map<string, number>();
  let leasesLost = 0;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line === "") continue;
    const entry = JSON.parse(line) as { start?: string; end?: string; log?: { event: string } };
    if (entry.start !== undefined) starts.set(entry.start, (starts.get(entry.start) ?? 0) + 1);
    if (entry.end !== undefined) ends.set(entry.end, (ends.get(entry.end) ?? 0) + 1);
    if (entry.log?.event === "message.lease.lost") leasesLost += 1;
  }
  return { starts, ends, leasesLost };
}
