import { createHeaders } from "../../internal/headers.ts";
import { createUuidSource } from "../../internal/uuid.ts";
import { bookkeepingHeader, formatBookkeeping, noBookkeeping } from "../../server/bookkeeping.ts";
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterList,
  DeadLetterStore,
  ListOptions,
  ReplayOptions,
} from "../../server/dead-letter-store.ts";
import { NotFoundError, OptionError } from "../../server/errors.ts";
import { integerOption } from "../../server/option.ts";
import { decodeReason } from "../../server/own-reason.ts";
import type { Connection } from "./connection.ts";
import { decodeHeaders } from "./delivery.ts";
import { state } from "./layout.ts";
import { encodeHeaders } from "./publish-work.ts";
import { Task, type Transaction } from "./work.ts";

interface DeadRow {
  readonly seq: number;
  readonly id: string;
  readonly channel: string;
  readonly payload: Uint8Array;
  readonly headers: string | null;
  readonly content_type: string | null;
  readonly reply_to: string | null;
  readonly reason: string | null;
  readonly dead_at: number;
}

type ReplayRow = Pick<DeadRow, "seq" | "id" | "headers" | "dead_at">;

/** Place in the order of dying. */
interface Place {
  readonly deadAt: number;
  readonly seq: number;
}

const end: Place = { seq: Number.MAX_SAFE_INTEGER, deadAt: Number.MAX_SAFE_INTEGER };
const start: Place = { seq: -1, deadAt: -1 };

const from = `FROM millrace_message INDEXED BY millrace_dead WHERE state = ${state.dead} AND channel = ?`;

/** A text in the reason, NULL where there is none. */
function text(name: "actor" | "code"): string {
  return `CASE WHEN json_valid(reason) THEN
    CASE json_type(reason, '$.${name}') WHEN 'text' THEN reason ->> '$.${name}' END END`;
}

/** Takes actor, actor, code, code; `null` = any. Reads a damaged reason as `decodeReason` does. */
const fits = `(? IS NULL OR ${text("actor")} = ?) AND (? IS NULL OR ifnull(${text("code")}, 'error') = ?)`;
const last = "(SELECT max(seq) FROM millrace_message)";
const columns = "seq, id, channel, payload, headers, content_type, reply_to, reason, dead_at";

type StatementName = "list" | "oldest" | "get" | "count" | "replay" | "purge";

export const deadLetterStatements: Readonly<Record<StatementName, string>> = {
  list: `SELECT ${columns} ${from} AND (dead_at, seq) < (?, ?) AND ${fits} ORDER BY dead_at DESC, seq DESC LIMIT ?`,
  oldest: `SELECT seq, id, headers, dead_at ${from} AND (dead_at, seq) > (?, ?) AND (dead_at, seq) <= (?, ?)
    AND ${fits} ORDER BY dead_at, seq LIMIT ?`,
  get: `SELECT ${columns} FROM millrace_message INDEXED BY millrace_dead_id
    WHERE state = ${state.dead} AND channel = ? AND id = ? ORDER BY seq DESC`,
  count: `SELECT count(*) AS n ${from}`,
  /** Gets the last number, as it is sent anew: those replayed together are due together and come in this order. */
  replay: `UPDATE millrace_message SET seq = ${last} + (seq < ${last}), state = ${state.ready}, id = ?,
    channel = ?, headers = ?, deliveries = ?, lapses = 0, due = ?, sent_at = ?, dead_at = NULL, reason = NULL
    WHERE seq = ? AND state = ${state.dead}`,
  purge: `DELETE FROM millrace_message WHERE seq IN (SELECT seq ${from}
    AND (dead_at, seq) <= (?, ?) AND ${fits} ORDER BY dead_at DESC, seq DESC LIMIT ?)`,
};

function filterValues(filter: DeadLetterFilter): (string | null)[] {
  const actor = filter.actor ?? null;
  const code = filter.reason ?? null;
  return [actor, actor, code, code];
}

function letterOf(row: DeadRow): DeadLetter {
  return {
    id: row.id,
    channel: row.channel,
    payload: row.payload,
    headers: decodeHeaders(row.headers),
    contentType: row.content_type ?? undefined,
    replyTo: row.reply_to ?? undefined,
    reason: decodeReason(row.reason, row.dead_at),
    deadAt: row.dead_at,
  };
}

function readCursor(cursor: string | undefined): Place {
  if (cursor === undefined) return end;
  const match = /^(\d{1,16})\.(\d{1,16})$/.exec(cursor);
  if (match === null) throw new OptionError("Expected cursor to be the `next` of an earlier list of dead letters.");
  return { deadAt: Number(match[1]), seq: Number(match[2]) };
}

/** Dead letters of one channel: rows of the same table in another state. */
export class SqliteDeadLetters implements DeadLetterStore {
  readonly #connection: Connection;
  readonly #channel: string;
  readonly #newId: () => string;

  constructor(connection: Connection, channel: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#newId = createUuidSource(() => connection.settings.clock.now());
  }

  async list(options: ListOptions = {}): Promise<DeadLetterList> {
    const limit = integerOption("limit", options.limit ?? 20, { min: 1, max: 1000 });
    const after = readCursor(options.cursor);
    const rows = await this.#find(options, after, limit + 1);
    const more = rows.length > limit;
    const letters: DeadLetter[] & { next?: string } = rows.slice(0, limit).map(letterOf);
    const last = rows[limit - 1];
    if (more && last !== undefined) letters.next = `${last.dead_at}.${last.seq}`;
    return letters;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const row = await this.#connection.read(
      (store) => store.prepare(deadLetterStatements.get).get(this.#channel, id) as DeadRow | undefined,
    );
    return row === undefined ? undefined : letterOf(row);
  }

  async count(): Promise<number> {
    const row = await this.#connection.read((store) => store.prepare(deadLetterStatements.count).get(this.#channel));
    return Number(row?.["n"]);
  }

  async replay(which: string | DeadLetterFilter, options: ReplayOptions = {}): Promise<readonly string[]> {
    const attempts = integerOption("attempts", options.attempts ?? 0, { min: 0 });
    const channel = options.channel ?? this.#channel;
    if (typeof which === "string") return this.#replayOne(which, attempts, channel);
    const newest = await this.#newest();
    if (newest === undefined) return [];
    const ids: string[] = [];
    // Page by page, each a transaction, and never what is dead-lettered again meanwhile: that is newer than the newest.
    for (let after = start; ; ) {
      const rows = await this.#oldest(which, after, newest, 100);
      const last = rows.at(-1);
      if (last === undefined) return ids;
      const moved = await this.#inTransaction(channel, (transaction) =>
        this.#move(transaction, rows, attempts, channel),
      );
      ids.push(...moved);
      after = { deadAt: last.dead_at, seq: last.seq };
    }
  }

  async purge(filter: DeadLetterFilter = {}): Promise<number> {
    const newest = await this.#newest();
    if (newest === undefined) return 0;
    const { batchSize } = this.#connection.settings;
    for (let total = 0; ; ) {
      const removed = await this.#inTransaction(undefined, ({ store }) =>
        store
          .prepare(deadLetterStatements.purge)
          .run(this.#channel, newest.deadAt, newest.seq, ...filterValues(filter), batchSize),
      );
      total += Number(removed.changes);
      if (Number(removed.changes) < batchSize) return total;
    }
  }

  async #replayOne(id: string, attempts: number, channel: string): Promise<readonly string[]> {
    return this.#inTransaction(channel, (transaction) => {
      const row = transaction.store.prepare(deadLetterStatements.get).get(this.#channel, id) as DeadRow | undefined;
      if (row === undefined) {
        throw new NotFoundError(`Channel ${JSON.stringify(this.#channel)} has no dead letter ${JSON.stringify(id)}.`);
      }
      return this.#move(transaction, [row], attempts, channel);
    });
  }

  /** New message and removal of the dead letter are the same row, hence one step. */
  #move({ store, now }: Transaction, rows: readonly ReplayRow[], attempts: number, channel: string): string[] {
    const statement = store.prepare(deadLetterStatements.replay);
    const ids: string[] = [];
    for (const row of rows) {
      const headers = createHeaders(decodeHeaders(row.headers));
      headers[bookkeepingHeader] = formatBookkeeping({ ...noBookkeeping, attempts, replayOf: row.id }) ?? "";
      const id = this.#newId();
      const { changes } = statement.run(id, channel, encodeHeaders(headers), attempts, now, now, row.seq);
      if (Number(changes) > 0) ids.push(id);
    }
    return ids;
  }

  #find(filter: DeadLetterFilter, after: Place, limit: number): Promise<DeadRow[]> {
    const values = [this.#channel, after.deadAt, after.seq, ...filterValues(filter), limit];
    return this.#connection.read(
      (store) => store.prepare(deadLetterStatements.list).all(...values) as unknown as DeadRow[],
    );
  }

  #oldest(filter: DeadLetterFilter, after: Place, last: Place, limit: number): Promise<ReplayRow[]> {
    const places = [after.deadAt, after.seq, last.deadAt, last.seq];
    const values = [this.#channel, ...places, ...filterValues(filter), limit];
    return this.#connection.read(
      (store) => store.prepare(deadLetterStatements.oldest).all(...values) as unknown as ReplayRow[],
    );
  }

  async #newest(): Promise<Place | undefined> {
    const [row] = await this.#find({}, end, 1);
    return row === undefined ? undefined : { deadAt: row.dead_at, seq: row.seq };
  }

  async #inTransaction<T>(wakes: string | undefined, run: (transaction: Transaction) => T): Promise<T> {
    this.#connection.requireOpen();
    return this.#connection.committer.add(new Task(run, wakes));
  }
}
