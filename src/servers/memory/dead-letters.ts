import { createHeaders } from "../../internal/headers.ts";
import { bookkeepingHeader, formatBookkeeping, noBookkeeping } from "../../server/bookkeeping.ts";
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterList,
  DeadLetterStore,
  ListOptions,
  ReplayOptions,
} from "../../server/dead-letter-store.ts";
import { NotConnectedError, NotFoundError, OptionError } from "../../server/errors.ts";
import { integerOption } from "../../server/option.ts";
import type { Broker } from "./broker.ts";
import type { DeadRecord } from "./dead-letter-log.ts";

function below(cursor: string | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  const sequence = Number(cursor);
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw new OptionError(`Expected cursor to be the next of an earlier list, got ${JSON.stringify(cursor)}.`);
  }
  return sequence;
}

/** The dead letters of one channel. Looking needs no connection: they are in this process. Replaying does. */
export class MemoryDeadLetters implements DeadLetterStore {
  readonly #broker: Broker;
  readonly #channel: string;
  readonly #connected: () => boolean;

  constructor(broker: Broker, channel: string, connected: () => boolean) {
    this.#broker = broker;
    this.#channel = channel;
    this.#connected = connected;
  }

  async list(options: ListOptions = {}): Promise<DeadLetterList> {
    const limit = integerOption("limit", options.limit ?? 20, { min: 1, max: 1000 });
    const start = below(options.cursor);
    // One more than asked for tells whether there is a next page.
    const records = this.#broker.existing(this.#channel)?.dead.find(options, limit + 1, start) ?? [];
    const page = records.slice(0, limit);
    const list: DeadLetter[] & { next?: string } = page.map((record) => record.letter as DeadLetter);
    if (records.length > limit) list.next = String((page[limit - 1] as DeadRecord).sequence);
    return list;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    return this.#broker.existing(this.#channel)?.dead.withId(id)[0]?.letter;
  }

  async replay(which: string | DeadLetterFilter, options: ReplayOptions = {}): Promise<readonly string[]> {
    if (!this.#connected()) throw new NotConnectedError("in-memory");
    const attempts = integerOption("attempts", options.attempts ?? 0, { min: 0 });
    const from = this.#broker.existing(this.#channel);
    const records = typeof which === "string" ? from?.dead.withId(which) : from?.dead.find(which, Infinity);
    if (typeof which === "string" && (records === undefined || records.length === 0)) {
      throw new NotFoundError(`Channel ${this.#channel} has no dead letter ${JSON.stringify(which)}.`);
    }
    if (from === undefined || records === undefined) return [];
    const ids: string[] = [];
    // Oldest first, so that they run again in the order in which they failed.
    for (const record of records.reverse()) {
      ids.push(this.#send(record, options.channel ?? this.#channel, attempts));
      from.dead.remove(record);
    }
    this.#broker.tidy(from);
    return ids;
  }

  async purge(filter: DeadLetterFilter = {}): Promise<number> {
    const from = this.#broker.existing(this.#channel);
    if (from === undefined) return 0;
    const records = from.dead.find(filter, Infinity);
    for (const record of records) from.dead.remove(record);
    this.#broker.tidy(from);
    return records.length;
  }

  async count(): Promise<number> {
    return this.#broker.existing(this.#channel)?.dead.size ?? 0;
  }

  #send(record: DeadRecord, channel: string, attempts: number): string {
    const letter = record.letter as DeadLetter;
    const id = this.#broker.newId();
    const book = formatBookkeeping({ ...noBookkeeping, attempts, replayOf: letter.id });
    const headers = createHeaders({ ...letter.headers, [bookkeepingHeader]: book });
    const { payload, contentType, replyTo } = letter;
    const copy = { id, payload, headers, contentType, replyTo };
    const entry = this.#broker.channel(channel).send(copy, { priority: record.priority });
    entry.deliveryCount = attempts;
    return id;
  }
}
