import type { DatabaseSync, StatementSync } from "node:sqlite";
import { suspectAfter } from "../../server/delivery.ts";
import { nobody, state } from "./layout.ts";

const ready = `millrace_message INDEXED BY millrace_ready WHERE state = ${state.ready} AND channel = ?`;
const leased = `millrace_message INDEXED BY millrace_leased WHERE state = ${state.leased} AND channel = ?`;
const delayed = `millrace_message INDEXED BY millrace_delayed WHERE state = ${state.delayed} AND channel = ?`;
const dead = `millrace_message INDEXED BY millrace_dead WHERE state = ${state.dead} AND channel = ?`;
const free = `token = ${nobody}, lease_until = ${nobody}`;

type StatementName =
  | "now"
  | "dataVersion"
  | "begin"
  | "commit"
  | "rollback"
  | "savepoint"
  | "release"
  | "undo"
  | "insert"
  | "findKey"
  | "putKey"
  | "lapse"
  | "promote"
  | "nextDue"
  | "next"
  | "lease"
  | "probe"
  | "start"
  | "extend"
  | "remove"
  | "bury"
  | "requeue"
  | "trimDead"
  | "expired"
  | "oldKeys";

/**
 * Every statement of the hot path, prepared once per connection. `INDEXED BY` turns a slow plan into an error at the
 * start: a queue that scans its backlog would only be noticed in production. Times are milliseconds since the epoch.
 *
 * Parameters are plain `?`, a value that is needed twice is given twice: Node before 22.20 cannot bind `?1` by position.
 */
export const sql: Readonly<Record<StatementName, string>> = {
  now: "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now",
  dataVersion: "PRAGMA data_version",
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: "SAVEPOINT one",
  release: "RELEASE one",
  undo: "ROLLBACK TO one",

  insert: `INSERT INTO millrace_message (state, token, lease_until, deliveries, lapses, priority, due, sent_at, expires,
    id, channel, content_type, reply_to, headers, payload)
    VALUES (?, ${nobody}, ${nobody}, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  findKey: "SELECT id FROM millrace_dedupe WHERE channel = ? AND key = ? AND until > ?",
  putKey: "INSERT OR REPLACE INTO millrace_dedupe (channel, key, until, id) VALUES (?, ?, ?, ?)",

  /** A message whose lease ran out lapsed, unless it is a suspect: those are counted by `start`, when it starts. */
  lapse: `UPDATE millrace_message SET state = ${state.ready}, ${free}, lapses = lapses + (lapses < ${suspectAfter})
    WHERE seq IN (SELECT seq FROM ${leased} AND lease_until <= ? LIMIT ?)`,
  promote: `UPDATE millrace_message SET state = ${state.ready}
    WHERE seq IN (SELECT seq FROM ${delayed} AND due <= ? ORDER BY due LIMIT ?)`,
  nextDue: `SELECT due FROM ${delayed} ORDER BY due LIMIT 1`,
  next: `SELECT seq, id, payload, headers, content_type, reply_to, deliveries, lapses, due, sent_at, expires
    FROM ${ready} ORDER BY priority DESC, due, seq LIMIT ?`,
  lease: `UPDATE millrace_message
    SET state = ${state.leased}, token = ?, lease_until = ?, deliveries = deliveries + (lapses < ${suspectAfter})
    WHERE seq IN (SELECT value FROM json_each(?))`,
  /** Reads only: is there anything for us now, and when will there be? Takes channel, channel, now, channel. */
  probe: `SELECT EXISTS (SELECT 1 FROM ${ready}) OR EXISTS (SELECT 1 FROM ${leased} AND lease_until <= ?) AS some,
    (SELECT due FROM ${delayed} ORDER BY due LIMIT 1) AS due`,

  start: "UPDATE millrace_message SET deliveries = deliveries + 1, lapses = lapses + 1 WHERE seq = ? AND token = ?",
  extend: "UPDATE millrace_message SET lease_until = ? WHERE seq = ? AND token = ?",
  remove: "DELETE FROM millrace_message WHERE seq = ? AND token = ?",
  bury: `UPDATE millrace_message SET state = ${state.dead}, ${free}, expires = NULL, dead_at = ?, reason = ?
    WHERE seq = ? AND token = ?`,
  requeue: `UPDATE millrace_message SET state = ?, ${free}, due = ?, headers = ?, deliveries = deliveries + ?, lapses = ?
    WHERE seq = ? AND token = ?`,
  trimDead: `DELETE FROM millrace_message
    WHERE seq IN (SELECT seq FROM ${dead} ORDER BY dead_at DESC, seq DESC LIMIT -1 OFFSET ?)`,

  expired: `SELECT seq, id, deliveries, headers FROM millrace_message INDEXED BY millrace_expires
    WHERE channel = ? AND expires IS NOT NULL AND expires <= ? AND state IN (${state.ready}, ${state.delayed}) LIMIT ?`,
  oldKeys: `DELETE FROM millrace_dedupe WHERE (channel, key) IN
    (SELECT channel, key FROM millrace_dedupe INDEXED BY millrace_dedupe_until WHERE until <= ? LIMIT ?)`,
};

/**
 * `insert` for 64, 16 or 4 messages that differ in id, headers and payload only. What they have in common is given once:
 * each value costs something. `CROSS JOIN` keeps the one row outside, so that rows are numbered in the given order.
 */
export const runStatements: readonly { readonly rows: number; readonly text: string }[] = [64, 16, 4].map((rows) => ({
  rows,
  text: `INSERT INTO millrace_message (state, token, lease_until, deliveries, lapses, priority, due, sent_at, expires,
    id, channel, content_type, reply_to, headers, payload)
    SELECT one.state, ${nobody}, ${nobody}, 0, 0, one.priority, one.due, one.sent_at, one.expires,
      each.column1, one.channel, one.content_type, one.reply_to, each.column2, each.column3
    FROM (SELECT ? AS state, ? AS priority, ? AS due, ? AS sent_at, ? AS expires, ? AS channel, ? AS content_type,
      ? AS reply_to) AS one CROSS JOIN (VALUES ${Array(rows).fill("(?,?,?)").join()}) AS each`,
}));

/** Statements that give their rows as arrays: about a third cheaper than objects, and read in one place only. */
const asArrays: ReadonlySet<string> = new Set(["next"]);

export type Statements = Readonly<Record<StatementName, StatementSync>>;

export function prepareStatements(db: DatabaseSync): Statements {
  const statements: Partial<Record<StatementName, StatementSync>> = {};
  for (const [name, text] of Object.entries(sql)) {
    const statement = db.prepare(text);
    if (asArrays.has(name)) statement.setReturnArrays(true);
    statements[name as StatementName] = statement;
  }
  return statements as Statements;
}
