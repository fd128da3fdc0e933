import { createHeaders, type MessageHeaders } from "../../internal/headers.ts";
import {
  type Delivery,
  type Lease,
  type Outcome,
  type OutgoingMessage,
  type RetryAfter,
  type SettleNote,
  suspectAfter,
} from "../../server/delivery.ts";

import type { PublishOptions } from "../../server/publish-options.ts";

/** A row as the claim reads it (see `sql.next`). */
export type ClaimedRow = [
  seq: number,
  id: string,
  payload: Uint8Array,
  headers: string | null,
  contentType: string | null,
  replyTo: string | null,
  deliveries: number,
  lapses: number,
  due: number,
  sentAt: number,
  expires: number | null,
];

/** What a delivery asks of the subscription that handed it up. */
export interface DeliveryOwner {
  readonly leaseDuration: number;
  settle(delivery: SqliteDelivery, outcome: Outcome | RetryAfter, note: SettleNote): Promise<void>;
  start(delivery: SqliteDelivery): Promise<void>;
  extend(delivery: SqliteDelivery): Promise<void>;
  reply(
    delivery: SqliteDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ): Promise<void>;
}

const noNote: SettleNote = {};

/** The headers that were decoded last: most messages have those of the one before. */
let lastText = "";
let lastHeaders: MessageHeaders = createHeaders();

/** Text that is no JSON (somebody wrote to the file by hand) counts as none: one bad row must not stop its channel. */
export function decodeHeaders(text: string | null): MessageHeaders {
  if (text === null) return createHeaders();
  if (text !== lastText) {
    lastHeaders = parseHeaders(text);
    lastText = text;
  }
  // A copy, whatever its owner does with it.
  return createHeaders(lastHeaders);
}

function parseHeaders(text: string): MessageHeaders {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return createHeaders();
    return createHeaders(Object.fromEntries(Object.entries(parsed).filter(([, value]) => typeof value === "string")));
  } catch {
    return createHeaders();
  }
}

/** One claimed row. */
export class SqliteDelivery implements Delivery {
  readonly channel: string;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  readonly id: string;
  readonly deliveryCount: number;
  readonly lapses: number;
  readonly sentAt: number;
  readonly seq: number;
  /** Proves that the row is ours: a new random number with every claim. */
  readonly token: number;
  /** Place in the channel: when the message became ready. */
  readonly due: number;
  /** Whether this delivery is part of the row's count: at once for most, with `begin()` for suspects. */
  counted: boolean;
  /** Another worker may have it, or the subscription gave it back. */
  lost = false;
  settling = false;
  /** Monotonic milliseconds; what we know of it without asking the file. */
  leaseEnd: number;
  readonly #owner: DeliveryOwner;
  #lease: Lease | undefined;

  constructor(owner: DeliveryOwner, channel: string, row: ClaimedRow, token: number, leaseEnd: number) {
    this.#owner = owner;
    this.channel = channel;
    this.seq = row[0];
    this.id = row[1];
    this.payload = row[2];
    this.headers = decodeHeaders(row[3]);
    this.contentType = row[4] ?? undefined;
    this.replyTo = row[5] ?? undefined;
    this.deliveryCount = row[6] + 1;
    this.lapses = row[7];
    this.due = row[8];
    this.sentAt = row[9];
    this.token = token;
    this.counted = row[7] < suspectAfter;
    this.leaseEnd = leaseEnd;
  }

  get brokerId(): string {
    return String(this.seq);
  }

  get lease(): Lease {
    this.#lease ??= { duration: this.#owner.leaseDuration, extend: () => this.#owner.extend(this) };
    return this.#lease;
  }

  settle(outcome: Outcome | RetryAfter, note: SettleNote = noNote): Promise<void> {
    return this.#owner.settle(this, outcome, note);
  }

  begin(): void | Promise<void> {
    if (!this.counted) return this.#owner.start(this);
  }

  reply(message: OutgoingMessage, channel: string, options?: PublishOptions): Promise<void> {
    return this.#owner.reply(this, message, channel, options);
  }
}
