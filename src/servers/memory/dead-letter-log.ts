import type { DeadLetter, DeadLetterFilter } from "../../server/dead-letter-store.ts";
import type { SettleReason } from "../../server/settle-reason.ts";
import type { Entry } from "./entry.ts";

/** One dead letter and its number in the log. */
export interface DeadRecord {
  readonly sequence: number;
  readonly priority: number;
  /** `undefined` once it is removed. */
  letter: DeadLetter | undefined;
}

function fits(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  return (
    (filter.actor === undefined || letter.reason.actor === filter.actor) &&
    (filter.reason === undefined || letter.reason.code === filter.reason)
  );
}

/**
 * Dead letters of one channel in the order in which they came. Removed ones leave a small gap that is closed once the
 * gaps outnumber the letters, so that adding, dropping the oldest and paging are cheap at any size.
 */
export class DeadLetterLog {
  #records: DeadRecord[] = [];
  /** Nothing is left before this index. */
  #start = 0;
  #size = 0;
  #sequence = 0;
  #evicted = 0;
  readonly #limit: number;
  readonly #onEvict: (count: number) => void;

  constructor(limit: number, onEvict: (count: number) => void) {
    this.#limit = limit;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: Entry, reason: SettleReason, deadAt: number): void {
    this.#sequence += 1;
    const letter: DeadLetter = {
      id: entry.id,
      channel: entry.channel,
      payload: entry.payload,
      headers: entry.headers,
      contentType: entry.contentType,
      replyTo: entry.replyTo,
      reason,
      deadAt,
    };
    this.#records.push({ sequence: this.#sequence, priority: entry.priority, letter });
    this.#size += 1;
    if (this.#size > this.#limit) this.#evict();
  }

  /** Those that fit, newest first, starting below a sequence number; at most `limit`. */
  find(filter: DeadLetterFilter, limit: number, below: number = Number.POSITIVE_INFINITY): DeadRecord[] {
    const found: DeadRecord[] = [];
    for (let i = this.#indexOf(below) - 1; i >= this.#start && found.length < limit; i -= 1) {
      const record = this.#records[i] as DeadRecord;
      if (record.letter !== undefined && fits(record.letter, filter)) found.push(record);
    }
    return found;
  }

  /** All with this id (usually one), newest first. */
  withId(id: string): DeadRecord[] {
    const found: DeadRecord[] = [];
    for (let i = this.#records.length - 1; i >= this.#start; i -= 1) {
      const record = this.#records[i] as DeadRecord;
      if (record.letter?.id === id) found.push(record);
    }
    return found;
  }

  remove(record: DeadRecord): void {
    if (record.letter === undefined) return;
    record.letter = undefined;
    this.#size -= 1;
    if (this.#records.length > 32 && this.#size < this.#records.length / 2) {
      this.#records = this.#records.filter((kept) => kept.letter !== undefined);
      this.#start = 0;
    }
  }

  #evict(): void {
    while (this.#records[this.#start]?.letter === undefined) this.#start += 1;
    this.remove(this.#records[this.#start] as DeadRecord);
    this.#evicted += 1;
    this.#onEvict(this.#evicted);
  }

  /** Index of the first record that is not below the sequence number. */
  #indexOf(sequence: number): number {
    let low = this.#start;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#records[middle] as DeadRecord).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
