import { DatabaseSync } from "node:sqlite";
import type { ActorMiddleware } from "millrace";

/** What was done for one delivery. */
export interface Result {
  readonly delivery: string;
  readonly event: string;
  /** What the actor returned. */
  readonly note: string;
  readonly attempts: number;
  /** How often the queue handed the message out. More than `attempts`: somebody died with it in hand. */
  readonly deliveries: number;
  /** How often the work was done. Everything above 1 is the price of at-least-once delivery. */
  readonly times: number;
}

export interface Results {
  save(result: Omit<Result, "times">): void;
  count(): number;
  all(): readonly Result[];
  close(): void;
}

/**
 * The example's own table. One row per delivery, whatever happens: a worker that dies after its row is written and
 * before the queue knows gets the message again, and then the row is there already. That is how at-least-once delivery
 * becomes an exact count: with a key that stays the same.
 */
export function openResults(path: string): Results {
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec(`PRAGMA journal_mode = wal; PRAGMA synchronous = full;
    CREATE TABLE IF NOT EXISTS result (delivery TEXT PRIMARY KEY, event TEXT NOT NULL, note TEXT NOT NULL,
      attempts INTEGER NOT NULL, deliveries INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1) STRICT`);
  const insert = db.prepare(`INSERT INTO result (delivery, event, note, attempts, deliveries) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (delivery) DO UPDATE SET times = times + 1, deliveries = excluded.deliveries`);
  const count = db.prepare("SELECT count(*) AS n FROM result");
  const all = db.prepare("SELECT * FROM result");
  return {
    save: ({ delivery, event, note, attempts, deliveries }) => {
      insert.run(delivery, event, note, attempts, deliveries);
    },
    count: () => Number(count.get()?.["n"]),
    all: () => all.all() as unknown as readonly Result[],
    close: () => db.close(),
  };
}

/** Writes down what each actor returned. It runs before the message is acked, so an acked message surely has its row. */
export function recording(results: Results): ActorMiddleware {
  return async function recording({ message }, next) {
    const note = String(await next());
    const { attempt: attempts, deliveries } = message;
    const delivery = message.header("x-github-delivery") ?? message.id;
    results.save({ delivery, event: message.header("x-github-event") ?? "", note, attempts, deliveries });
    return note;
  };
}
