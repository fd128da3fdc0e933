import type { MessageHeaders } from "../../internal/headers.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import { DuplicateMessageError, type MillraceError } from "../../server/errors.ts";
import { priority } from "../../server/priority.ts";
import type { PublishOptions, Receipt } from "../../server/server.ts";
import { state } from "./layout.ts";
import { publishError } from "./trouble.ts";
import { atomically, type Transaction, Work } from "./work.ts";

const none: PublishOptions = {};

type StoredValue = number | string | null | Uint8Array;

/** Names and values of the headers that were encoded last, and their text: most messages have those of the one before. */
const lastNames: string[] = [];
const lastValues: string[] = [];
let lastText: string | null = null;

/** JSON text of headers, `null` without any. */
export function encodeHeaders(headers: MessageHeaders): string | null {
  let count = 0;
  let same = true;
  for (const name in headers) {
    const value = headers[name] as string;
    if (lastNames[count] !== name || lastValues[count] !== value || typeof value !== "string") {
      same = false;
      lastNames[count] = name;
      lastValues[count] = value;
    }
    count += 1;
  }
  if (same && count === lastNames.length) return lastText;
  lastNames.length = count;
  lastValues.length = count;
  lastText = count === 0 ? null : JSON.stringify(headers);
  return lastText;
}

/** What is stored of options: state, priority, due, sent_at and expires. */
export function storedValues(now: number, { delay = 0, priority: given, expiresIn }: PublishOptions): StoredValue[] {
  return [
    delay > 0 ? state.delayed : state.ready,
    given ?? (priority["normal"] as number),
    now + Math.ceil(delay),
    now,
    expiresIn === undefined ? null : now + Math.ceil(expiresIn),
  ];
}

/** Inserts a row; returns its number. */
export function insertMessage(
  { statements, now }: Transaction,
  channel: string,
  message: OutgoingMessage,
  options: PublishOptions = none,
): number | bigint {
  const { contentType = null, replyTo = null, payload, id } = message;
  const values = storedValues(now, options);
  return statements.insert.run(...values, id, channel, contentType, replyTo, encodeHeaders(message.headers), payload)
    .lastInsertRowid;
}

/** Larger payloads are inserted alone: the call is little of what they cost, and they must not pile up in a statement. */
const largestInRun = 4096;

function sameOptions(one: PublishOptions, other: PublishOptions): boolean {
  if (one === other) return true;
  return one.delay === other.delay && one.priority === other.priority && one.expiresIn === other.expiresIn;
}

/** Stores one message. */
export class PublishWork extends Work<Receipt> {
  readonly channel: string;
  readonly message: OutgoingMessage;
  readonly options: PublishOptions;

  constructor(channel: string, message: OutgoingMessage, options: PublishOptions = none) {
    super();
    this.channel = channel;
    this.message = message;
    this.options = options;
  }

  /** Whether it can be inserted by a statement that inserts others, too. */
  get isPlain(): boolean {
    const { payload } = this.message;
    // What is no payload at all fails alone, when it is inserted.
    return payload instanceof Uint8Array && payload.byteLength <= largestInRun && this.options.dedupe === undefined;
  }

  /** Whether it may be inserted by the same statement as another plain one, right after it. */
  joins(other: PublishWork): boolean {
    const { channel, message, options } = other;
    return (
      this.channel === channel &&
      this.message.contentType === message.contentType &&
      this.message.replyTo === message.replyTo &&
      sameOptions(this.options, options) &&
      this.isPlain
    );
  }

  /** It has this number. */
  stored(seq: number | bigint): void {
    this.result = { id: this.message.id, brokerId: String(seq) };
  }

  override get wakes(): string {
    return this.channel;
  }

  override fail(error: MillraceError, unknown: boolean): void {
    const kept = error instanceof DuplicateMessageError || error.code === "NOT_CONNECTED";
    super.fail(kept ? error : publishError(error, unknown ? "unknown" : "failed"), unknown);
  }

  protected run(transaction: Transaction): Receipt {
    const { dedupe } = this.options;
    if (dedupe === undefined) return this.#insert(transaction);
    const { statements, now } = transaction;
    const earlier = statements.findKey.get(this.channel, dedupe.key, now)?.["id"] as string | undefined;
    if (earlier !== undefined) {
      if (dedupe.onDuplicate === "throw") throw new DuplicateMessageError(dedupe.key);
      return { id: earlier, duplicate: true };
    }
    return atomically(transaction, () => {
      statements.putKey.run(this.channel, dedupe.key, now + Math.ceil(dedupe.window), this.message.id);
      return this.#insert(transaction);
    });
  }

  #insert(transaction: Transaction): Receipt {
    const seq = insertMessage(transaction, this.channel, this.message, this.options);
    return { id: this.message.id, brokerId: String(seq) };
  }
}
