import { state } from "./layout.ts";
import type { Transaction } from "./work.ts";

/** Channels of replies; core names them so. */
const replies = { from: "millrace.reply.", to: "millrace.reply/" };
/** Milliseconds after which nobody waits for a reply any more. */
const replyLifetime = 3_600_000;

const columns = {
  ready: state.ready,
  delayed: state.delayed,
  leased: state.leased,
  dead: state.dead,
} as const;

/** Per state, so that each uses its own index. A reply that somebody holds is left alone until its lease runs out. */
export const sweepStatements: readonly string[] = Object.entries(columns).map(
  ([name, value]) => `DELETE FROM millrace_message WHERE seq IN (
    SELECT seq FROM millrace_message INDEXED BY millrace_${name}
    WHERE state = ${value} AND channel >= ? AND channel < ?
      AND ${name === "leased" ? "max(sent_at, lease_until)" : "sent_at"} < ? LIMIT ?)`,
);

/** Removes replies that nobody fetched within an hour: their requester is gone. */
export function sweepReplies({ store, now }: Transaction, limit: number): void {
  for (const text of sweepStatements) store.prepare(text).run(replies.from, replies.to, now - replyLifetime, limit);
}

/** Forgets dedupe keys whose window is over. */
export function sweepKeys({ statements, now }: Transaction, limit: number): void {
  statements.oldKeys.run(now, limit);
}
