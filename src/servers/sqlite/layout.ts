import type { DatabaseSync } from "node:sqlite";
import { ServerCorruptError } from "../../server/errors.ts";
import { Trouble } from "./trouble.ts";

/**
 * States of a message row. All of them take one byte on disk, and so do `token` and `leaseUntil` always take six: the
 * row keeps its size when it is claimed, and SQLite can change it in place however large the payload is.
 */
export const state = { ready: 2, leased: 3, delayed: 4, dead: 5 } as const;

/** Stands in `token` and `lease_until` of a row that nobody holds. Six bytes long, and no token is that large. */
export const nobody: number = 2 ** 47 - 1;

/** `PRAGMA application_id` of our files ("mlrc"), so that nobody else's database is written to by mistake. */
const applicationId = 0x6d6c7263;

/** One entry per version, applied in order. Never edit an entry that was released: append one. */
const migrations: readonly string[] = [
  `CREATE TABLE millrace_message (
     seq INTEGER PRIMARY KEY,
     state INTEGER NOT NULL,
     token INTEGER NOT NULL,
     lease_until INTEGER NOT NULL,
     deliveries INTEGER NOT NULL,
     lapses INTEGER NOT NULL,
     priority INTEGER NOT NULL,
     due INTEGER NOT NULL,
     sent_at INTEGER NOT NULL,
     expires INTEGER,
     dead_at INTEGER,
     id TEXT NOT NULL,
     channel TEXT NOT NULL,
     content_type TEXT,
     reply_to TEXT,
     headers TEXT,
     reason TEXT,
     payload BLOB NOT NULL
   ) STRICT;
   CREATE INDEX millrace_ready ON millrace_message (channel, priority DESC, due) WHERE state = ${state.ready};
   CREATE INDEX millrace_leased ON millrace_message (channel, lease_until) WHERE state = ${state.leased};
   CREATE INDEX millrace_delayed ON millrace_message (channel, due) WHERE state = ${state.delayed};
   CREATE INDEX millrace_dead ON millrace_message (channel, dead_at) WHERE state = ${state.dead};
   CREATE INDEX millrace_dead_id ON millrace_message (channel, id) WHERE state = ${state.dead};
   CREATE INDEX millrace_expires ON millrace_message (channel, expires) WHERE expires IS NOT NULL;
   CREATE TABLE millrace_dedupe (
     channel TEXT NOT NULL,
     key TEXT NOT NULL,
     until INTEGER NOT NULL,
     id TEXT NOT NULL,
     PRIMARY KEY (channel, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX millrace_dedupe_until ON millrace_dedupe (until);
   CREATE TABLE millrace_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO millrace_meta VALUES ('created_at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));`,
];

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

function refuse(path: string, why: string): never {
  throw new Trouble("broken", new ServerCorruptError(`SQLite file ${JSON.stringify(path)} ${why}`));
}

/** Version of our tables in the file, 0 when it is empty. Refuses files of others and of newer versions of millrace. */
function version(db: DatabaseSync, path: string): number {
  const owner = pragma(db, "application_id");
  const found = pragma(db, "user_version");
  if (owner === applicationId) {
    if (found <= migrations.length) return found;
    refuse(
      path,
      `was written by a newer millrace (layout ${found}, this one knows ${migrations.length}). Update the millrace package.`,
    );
  }
  const tables = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]);
  if (owner === 0 && found === 0 && tables === 0) return 0;
  refuse(path, "holds a database of another program. Give millrace a file of its own.");
}

/**
 * Creates or updates the tables. Safe with any number of processes at once: one does it under the write lock, the others
 * look again once they have it. Throws `SQLITE_BUSY` as is: the caller tries again.
 */
export function migrate(db: DatabaseSync, path: string): void {
  if (version(db, path) === migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (let next = version(db, path); next < migrations.length; next += 1) db.exec(migrations[next] as string);
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
