import { DatabaseSync, type StatementSync } from "node:sqlite";
import { payloadOf } from "../message.ts";

/** Values that the library keeps in these columns (`src/servers/sqlite/layout.ts`). */
const ready = 2;
const leased = 3;
const nobody = 2 ** 47 - 1;
const leaseDuration = 30_000;

type Row = [seq: number, id: string, payload: Uint8Array, ...rest: (string | number | null)[]];

/**
 * The least that a durable queue on the table of millrace/sqlite can do: insert rows; read the next ones, mark them as
 * ours and remove those that are done. Prepared statements, no promises, and the same guarantees on disk: rows are the
 * same, the write is flushed, and a message that was taken is only removed in a later transaction.
 */
export class BareTable {
  readonly #db: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #next: StatementSync;
  readonly #lease: StatementSync;
  readonly #remove: StatementSync;
  readonly #payload: Uint8Array = Buffer.from(JSON.stringify(payloadOf(0)));
  #sent = 0;
  #token = 1;
  #held: number[] = [];

  constructor(path: string) {
    const db = new DatabaseSync(path, { timeout: 0 });
    const mode = db.prepare("PRAGMA journal_mode").get()?.["journal_mode"];
    if (mode !== "wal") throw new Error(`Expected a write-ahead log, found ${String(mode)}.`);
    db.exec("PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF");
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#insert = db.prepare(`INSERT INTO millrace_message (state, token, lease_until, deliveries, lapses, priority,
      due, sent_at, expires, id, channel, content_type, reply_to, headers, payload)
      VALUES (${ready}, ${nobody}, ${nobody}, 0, 0, 10, ?, ?, NULL, ?, 'bench', 'application/json', NULL, ?, ?)`);
    this.#next = db.prepare(`SELECT seq, id, payload, headers, content_type, reply_to, deliveries, lapses, due, sent_at,
      expires FROM millrace_message INDEXED BY millrace_ready
      WHERE state = ${ready} AND channel = 'bench' ORDER BY priority DESC, due, seq LIMIT ?`);
    this.#next.setReturnArrays(true);
    this.#lease = db.prepare(`UPDATE millrace_message SET state = ${leased}, token = ?, lease_until = ?,
      deliveries = deliveries + 1 WHERE seq IN (SELECT value FROM json_each(?))`);
    this.#remove = db.prepare("DELETE FROM millrace_message WHERE seq = ? AND token = ?");
  }

  /** One transaction that sends so many messages. */
  insert(count: number, encode?: (index: number) => Uint8Array): void {
    const now = Date.now();
    this.#begin.run();
    for (let i = 0; i < count; i += 1) {
      this.#sent += 1;
      const payload = encode === undefined ? this.#payload : encode(this.#sent);
      this.#insert.run(now, now, this.#id(), '{"topic":"bench"}', payload);
    }
    this.#commit.run();
  }

  /** One transaction that removes what the last one took and takes the next; returns how many it took. */
  turn(count: number, handle?: (payload: Uint8Array) => void): number {
    const token = this.#token;
    this.#begin.run();
    for (const seq of this.#held) this.#remove.run(seq, token);
    const rows = this.#next.all(count) as unknown as Row[];
    this.#held = rows.map((row) => row[0]);
    this.#token += 1;
    if (rows.length > 0) this.#lease.run(this.#token, Date.now() + leaseDuration, JSON.stringify(this.#held));
    this.#commit.run();
    if (handle !== undefined) for (const row of rows) handle(row[2]);
    return rows.length;
  }

  /** One transaction that sends a message and takes it at once, and removes the one before. */
  pass(): void {
    const now = Date.now();
    this.#begin.run();
    for (const seq of this.#held) this.#remove.run(seq, this.#token);
    this.#sent += 1;
    this.#insert.run(now, now, this.#id(), '{"topic":"bench"}', this.#payload);
    const rows = this.#next.all(1) as unknown as Row[];
    this.#held = rows.map((row) => row[0]);
    this.#token += 1;
    this.#lease.run(this.#token, now + leaseDuration, JSON.stringify(this.#held));
    this.#commit.run();
  }

  close(): void {
    this.#db.close();
  }

  /** As long as a UUID and growing like a UUIDv7, but made by counting. */
  #id(): string {
    return `01a1fb97-8926-737f-8705-${String(this.#sent).padStart(12, "0")}`;
  }
}
