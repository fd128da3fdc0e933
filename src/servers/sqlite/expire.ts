import { ownReason } from "../../server/own-reason.ts";
import { decodeHeaders } from "./delivery.ts";
import { state } from "./layout.ts";
import type { Transaction } from "./work.ts";

/** A message that was removed because it had expired. */
export interface ExpiredMessage {
  readonly channel: string;
  readonly id: string;
}

/** Removes or buries an expired row that nobody holds. */
export function expireRow(
  { store, now, buried }: Transaction,
  row: {
    readonly seq: number;
    readonly channel: string;
    readonly deliveries: number;
    readonly headers: string | null;
  },
  keep: boolean,
): void {
  if (!keep) {
    store.prepare("DELETE FROM millrace_message WHERE seq = ?").run(row.seq);
    return;
  }
  const reason = ownReason("expired", decodeHeaders(row.headers), row.deliveries, now);
  store
    .prepare(`UPDATE millrace_message SET state = ${state.dead}, expires = NULL, dead_at = ?, reason = ? WHERE seq = ?`)
    .run(now, JSON.stringify(reason), row.seq);
  buried.add(row.channel);
}

/** Expires up to `limit` ready and delayed messages of a channel. */
export function expireOverdue(
  transaction: Transaction,
  channel: string,
  limit: number,
  keep: boolean,
): ExpiredMessage[] {
  const rows = transaction.statements.expired.all(channel, transaction.now, limit) as unknown as {
    readonly seq: number;
    readonly id: string;
    readonly deliveries: number;
    readonly headers: string | null;
  }[];
  for (const { seq, deliveries, headers } of rows) expireRow(transaction, { seq, channel, deliveries, headers }, keep);
  return rows.map(({ id }) => ({ channel, id }));
}
