import type { MessageHeaders } from "../../internal/headers.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import { DuplicateMessageError, type MillraceError } from "../../server/errors.ts";
import { priority } from "../../server/priority.ts";
import type { PublishOptions, Receipt } from "../../server/server.ts";
import { state } from "./layout.ts";
import { publishError } from "./trouble.ts";
import { atomically, type Transaction, Work } from "./work.ts";

const none: PublishOptions = {};

/** JSON text of headers, `null` without any. */
export function encodeHeaders(headers: MessageHeaders): string | null {
  for (const _ in headers) return JSON.stringify(headers);
  return null;
}

/** Inserts a row; returns its number as text. */
export function insertMessage(
  { statements, now }: Transaction,
  channel: string,
  message: OutgoingMessage,
  options: PublishOptions = none,
): string {
  const delay = options.delay ?? 0;
  const { lastInsertRowid } = statements.insert.run(
    delay > 0 ? state.delayed : state.ready,
    options.priority ?? (priority["normal"] as number),
    now + Math.ceil(delay),
    now,
    options.expiresIn === undefined ? null : now + Math.ceil(options.expiresIn),
    message.id,
    channel,
    message.contentType ?? null,
    message.replyTo ?? null,
    encodeHeaders(message.headers),
    message.payload,
  );
  return String(lastInsertRowid);
}

/** Stores one message. */
export class PublishWork extends Work<Receipt> {
  readonly #channel: string;
  readonly #message: OutgoingMessage;
  readonly #options: PublishOptions;

  constructor(channel: string, message: OutgoingMessage, options: PublishOptions = none) {
    super();
    this.#channel = channel;
    this.#message = message;
    this.#options = options;
  }

  override get wakes(): string {
    return this.#channel;
  }

  override fail(error: MillraceError, unknown: boolean): void {
    const kept = error instanceof DuplicateMessageError || error.code === "NOT_CONNECTED";
    super.fail(kept ? error : publishError(error, unknown ? "unknown" : "failed"), unknown);
  }

  protected run(transaction: Transaction): Receipt {
    const { dedupe } = this.#options;
    if (dedupe === undefined) return this.#insert(transaction);
    const { statements, now } = transaction;
    const earlier = statements.findKey.get(this.#channel, dedupe.key, now)?.["id"] as string | undefined;
    if (earlier !== undefined) {
      if (dedupe.onDuplicate === "throw") throw new DuplicateMessageError(dedupe.key);
      return { id: earlier, duplicate: true };
    }
    return atomically(transaction, () => {
      statements.putKey.run(this.#channel, dedupe.key, now + Math.ceil(dedupe.window), this.#message.id);
      return this.#insert(transaction);
    });
  }

  #insert(transaction: Transaction): Receipt {
    return { id: this.#message.id, brokerId: insertMessage(transaction, this.#channel, this.#message, this.#options) };
  }
}
