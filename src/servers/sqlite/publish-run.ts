import { encodeHeaders, type PublishWork, storedValues } from "./publish-work.ts";
import { runStatements } from "./statements.ts";
import type { Transaction } from "./work.ts";

/** How many messages go to one statement at most; what is more makes a statement of its own. */
export const longestRun: number = runStatements[0]?.rows as number;

/**
 * How many of `count` messages of one kind the next statement inserts, 1 = there is none for so few. Calling a statement
 * costs about as much as inserting the row.
 */
export function nextRun(count: number): number {
  for (const { rows } of runStatements) if (rows <= count) return rows;
  return 1;
}

/**
 * Inserts `count` messages of one kind (see `PublishWork.joins`) by one statement. When it throws, SQLite has taken back
 * all of its rows: an error ends a statement as a whole.
 * @param count what `nextRun` answered, more than 1
 */
export function insertRun({ store, now }: Transaction, works: readonly unknown[], from: number, count: number): void {
  const first = works[from] as PublishWork;
  const { channel, message, options } = first;
  const values = [...storedValues(now, options), channel, message.contentType ?? null, message.replyTo ?? null];
  for (let i = from; i < from + count; i += 1) {
    const { message } = works[i] as PublishWork;
    values.push(message.id, encodeHeaders(message.headers), message.payload);
  }
  const text = runStatements.find(({ rows }) => rows === count)?.text as string;
  // A new row gets the largest number plus one, and nobody else writes meanwhile: the numbers follow one another.
  const last = Number(store.prepare(text).run(...values).lastInsertRowid);
  for (let i = 0; i < count; i += 1) (works[from + i] as PublishWork).stored(last - count + 1 + i);
}
