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
import { compactId } from "./compact-id.ts";
import type { RedisConnection } from "./connection.ts";
import { Message, type RawEntry, timeOf } from "./decode.ts";
import { pushHeaders } from "./encode.ts";
import { type ChannelKeys, streamOf } from "./keys.ts";
import { levelOf } from "./levels.ts";
import { removeDeadScript, replayScript } from "./lua/dead.ts";
import type { Argument } from "./transport.ts";
import { field, jsonType } from "./wire.ts";

/** A dead letter and where it is. */
interface Found {
  readonly entry: string;
  /** Its priority, if that was not the ordinary one. */
  readonly level: number | undefined;
  readonly letter: DeadLetter;
}

const page = 100;
const entryId = /^\d+-\d+$/;

function foundIn(channel: string, [id, fields]: RawEntry): Found {
  const entry = String(id);
  const message = new Message(fields ?? []);
  const deadAt = timeOf(entry);
  const { payload, headers, contentType, replyTo, reason } = message;
  return {
    entry,
    level: message.level,
    letter: {
      ...{ id: message.id ?? entry, channel, payload, headers, contentType, replyTo, deadAt },
      reason: decodeReason(reason ?? null, deadAt),
    },
  };
}

function fits({ letter }: Found, { actor, reason }: DeadLetterFilter): boolean {
  return (
    (actor === undefined || letter.reason.actor === actor) && (reason === undefined || letter.reason.code === reason)
  );
}

/** Dead letters of one channel: a stream, and a hash that finds them by message id. */
export class RedisDeadLetters implements DeadLetterStore {
  readonly #connection: RedisConnection;
  readonly #keys: ChannelKeys;
  readonly #newId: () => string;

  constructor(connection: RedisConnection, channel: string) {
    this.#connection = connection;
    this.#keys = connection.keysOf(channel);
    this.#newId = createUuidSource(() => connection.settings.clock.now());
  }

  async list(options: ListOptions = {}): Promise<DeadLetterList> {
    const limit = integerOption("limit", options.limit ?? 20, { min: 1, max: 1000 });
    const { cursor } = options;
    if (cursor !== undefined && !entryId.test(cursor)) {
      throw new OptionError("Expected cursor to be the `next` of an earlier list of dead letters.");
    }
    const found: Found[] = [];
    for (let end = cursor === undefined ? "+" : `(${cursor}`; ; ) {
      const size = Math.max(page, limit + 1);
      const entries = await this.#range("XREVRANGE", end, "-", Math.min(size, 1001));
      for (const one of entries) if (fits(one, options)) found.push(one);
      const last = entries.at(-1);
      if (last === undefined || found.length > limit) break;
      end = `(${last.entry}`;
    }
    const letters: DeadLetter[] & { next?: string } = found.slice(0, limit).map(({ letter }) => letter);
    const last = found[limit - 1];
    if (found.length > limit && last !== undefined) letters.next = last.entry;
    return letters;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    return (await this.#find(id))?.letter;
  }

  async count(): Promise<number> {
    return Number(await this.#connection.send(this.#keys.dead, ["XLEN", this.#keys.dead]));
  }

  async replay(which: string | DeadLetterFilter, options: ReplayOptions = {}): Promise<readonly string[]> {
    const attempts = integerOption("attempts", options.attempts ?? 0, { min: 0 });
    const target = this.#connection.keysOf(options.channel ?? this.#keys.channel);
    if (typeof which !== "string") {
      const ids: string[] = [];
      await this.#each(which, async (found) => {
        const id = await this.#move(found, attempts, target);
        if (id !== undefined) ids.push(id);
      });
      return ids;
    }
    const found = await this.#find(which);
    if (found === undefined) {
      throw new NotFoundError(
        `Channel ${JSON.stringify(this.#keys.channel)} has no dead letter ${JSON.stringify(which)}.`,
      );
    }
    const id = await this.#move(found, attempts, target);
    return id === undefined ? [] : [id];
  }

  async purge(filter: DeadLetterFilter = {}): Promise<number> {
    let total = 0;
    await this.#each(filter, async (found) => {
      total += Number(await this.#connection.run(removeDeadScript, this.#places, this.#named(found)));
    });
    return total;
  }

  get #places(): string[] {
    return [this.#keys.dead, this.#keys.deadIds];
  }

  /** Entry and key in the hash. */
  #named({ entry, letter }: Found): string[] {
    return [entry, compactId(letter.id) ?? letter.id];
  }

  /** All that fit and were there at the start, the oldest first, several at a time. */
  async #each(filter: DeadLetterFilter, handle: (found: Found) => Promise<void>): Promise<void> {
    const [newest] = await this.#range("XREVRANGE", "+", "-", 1);
    if (newest === undefined) return;
    for (let start = "-"; ; ) {
      const entries = await this.#range("XRANGE", start, newest.entry, page);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const one of entries) if (fits(one, filter)) await handle(one);
      start = `(${last.entry}`;
    }
  }

  async #range(command: "XRANGE" | "XREVRANGE", from: string, to: string, count: number): Promise<Found[]> {
    const { dead, channel } = this.#keys;
    const reply = await this.#connection.send(dead, [command, dead, from, to, "COUNT", String(count)]);
    return (reply as unknown as readonly RawEntry[]).map((entry) => foundIn(channel, entry));
  }

  async #find(id: string): Promise<Found | undefined> {
    const { dead, deadIds } = this.#keys;
    const place = await this.#connection.send(dead, ["HGET", deadIds, compactId(id) ?? id]);
    // A message without an id goes by that of its dead letter.
    const entry = place === null ? id : String(place);
    if (!entryId.test(entry)) return undefined;
    const [found] = await this.#range("XRANGE", entry, entry, 1);
    return found;
  }

  /** Sends the copy and removes the dead letter. @returns the new id, `undefined` when somebody else was faster */
  async #move(found: Found, attempts: number, target: ChannelKeys): Promise<string | undefined> {
    const { letter } = found;
    const id = this.#newId();
    const headers = createHeaders(letter.headers);
    headers[bookkeepingHeader] = formatBookkeeping({ ...noBookkeeping, attempts, replayOf: letter.id }) ?? "";
    const fields: Argument[] = [field.uuid, compactId(id) as string];
    pushHeaders(fields, headers);
    if (letter.contentType !== jsonType) fields.push(field.contentType, letter.contentType ?? "");
    if (letter.replyTo !== undefined) fields.push(field.replyTo, letter.replyTo);
    if (attempts > 0) fields.push(field.deliveries, String(attempts));
    fields.push(field.payload, Buffer.from(letter.payload));
    const { level } = found;
    const stream =
      level === undefined ? target.stream : streamOf(target, levelOf(level, this.#connection.settings.levels));
    if (this.#connection.dial.isCluster && target.channel !== this.#keys.channel) {
      return this.#moveAcross(found, stream, fields, id);
    }
    const moved = await this.#connection.run(
      replayScript,
      [...this.#places, stream],
      [...this.#named(found), ...fields],
    );
    return Number(moved) === 1 ? id : undefined;
  }

  /** To another node: the copy is confirmed before the dead letter goes. Twice at the same moment may send it twice. */
  async #moveAcross(
    found: Found,
    stream: string,
    fields: readonly Argument[],
    id: string,
  ): Promise<string | undefined> {
    const [there] = await this.#range("XRANGE", found.entry, found.entry, 1);
    if (there === undefined) return undefined;
    await this.#connection.send(stream, ["XADD", stream, "*", ...fields]);
    await this.#connection.run(removeDeadScript, this.#places, this.#named(found));
    return id;
  }
}
