import type { ChannelStats } from "../../server/server.ts";
import { state } from "./layout.ts";
import type { Store } from "./store.ts";
import type { Transaction } from "./work.ts";

const from = (name: keyof typeof state): string =>
  `(SELECT count(*) FROM millrace_message INDEXED BY millrace_${name}
    WHERE state = ${state[name]} AND channel = ?)`;

/** Counts over indexes only; expired messages that the sweep has not removed yet are subtracted by their own index. */
export const statsStatement: string = `SELECT ${from("ready")} AS ready, ${from("delayed")} AS delayed,
  ${from("leased")} AS inFlight, ${from("dead")} AS dead,
  (SELECT count(*) FROM millrace_message INDEXED BY millrace_expires
    WHERE channel = ? AND expires IS NOT NULL AND expires <= ? AND state = ${state.ready}) AS expired,
  (SELECT count(*) FROM millrace_message INDEXED BY millrace_delayed
    WHERE state = ${state.delayed} AND channel = ? AND due <= ?) AS overdue,
  (SELECT min(due) FROM millrace_message INDEXED BY millrace_ready WHERE state = ${state.ready} AND channel = ?) AS oldest`;

/** Values of its parameters, in their order. */
function statsValues(channel: string, now: number): (string | number)[] {
  return [channel, channel, channel, channel, channel, now, channel, now, channel];
}

export const purgeStatements: readonly string[] = (["ready", "delayed"] as const).map(
  (name) => `DELETE FROM millrace_message WHERE seq IN (SELECT seq FROM millrace_message INDEXED BY millrace_${name}
    WHERE state = ${state[name]} AND channel = ? AND seq <= ? LIMIT ?)`,
);

type StatsRow = Readonly<Record<"ready" | "delayed" | "inFlight" | "dead" | "expired" | "overdue", number>> & {
  readonly oldest: number | null;
};

export function readStats(store: Store, channel: string): ChannelStats {
  const now = store.now();
  const row = store.prepare(statsStatement).get(...statsValues(channel, now)) as StatsRow;
  return {
    ready: row.ready - row.expired + row.overdue,
    inFlight: row.inFlight,
    delayed: row.delayed - row.overdue,
    dead: row.dead,
    oldestAge: row.oldest === null ? undefined : Math.max(0, now - row.oldest),
  };
}

/** Removes up to `limit` messages that nobody holds and that were there when the purge began. */
export function purgeSome({ store }: Transaction, channel: string, newest: number, limit: number): number {
  let removed = 0;
  for (const text of purgeStatements)
    removed += Number(store.prepare(text).run(channel, newest, limit - removed).changes);
  return removed;
}

export function newestSeq(store: Store): number {
  return Number(store.prepare("SELECT max(seq) AS seq FROM millrace_message").get()?.["seq"] ?? 0);
}
