import type { MessageHeaders } from "../../../internal/headers.ts";
import { createHeaders } from "../../../internal/headers.ts";
import { bookkeepingHeader } from "../../../server/bookkeeping.ts";
import type { Delivery, Outcome, RetryAfter, SettleNote } from "../../../server/delivery.ts";
import type { ListItem } from "./frame.ts";
import type { ListSettings } from "./options.ts";

/** What a delivery asks of the subscription that handed it up. */
export interface ListDeliveryOwner {
  settle(delivery: ListDelivery, outcome: Outcome | RetryAfter, note: SettleNote): void | Promise<void>;
}

/** An item that was taken from its list: nobody else has it, and it is nowhere else. */
export class ListDelivery implements Delivery {
  readonly channel: string;
  readonly headers: MessageHeaders;
  /** As it was in the list. */
  readonly bytes: Buffer;
  readonly item: ListItem;
  /** Nothing more is done for it. */
  isOver = false;
  readonly #owner: ListDeliveryOwner;

  constructor(owner: ListDeliveryOwner, channel: string, bytes: Buffer, settings: ListSettings) {
    this.#owner = owner;
    this.channel = channel;
    this.bytes = bytes;
    this.item = settings.frame.decode(bytes);
    this.headers = withTopic(this.item, settings.topicHeader);
  }

  get payload(): Uint8Array {
    return this.item.payload;
  }

  get contentType(): string | undefined {
    return this.item.contentType;
  }

  get replyTo(): string | undefined {
    return this.item.replyTo;
  }

  get id(): string | undefined {
    return this.item.id;
  }

  get sentAt(): number | undefined {
    return this.item.sentAt;
  }

  get deliveryCount(): undefined {
    return undefined;
  }

  settle(outcome: Outcome | RetryAfter, note: SettleNote = {}): void | Promise<void> {
    return this.#owner.settle(this, outcome, note);
  }

  /** The item with what must be remembered until it comes again; `undefined`: as it was. */
  returned(bookkeeping: string | undefined): ListItem | undefined {
    if (this.headers[bookkeepingHeader] === bookkeeping) return undefined;
    const headers = createHeaders(this.item.headers);
    if (bookkeeping === undefined) delete headers[bookkeepingHeader];
    else headers[bookkeepingHeader] = bookkeeping;
    return { ...this.item, headers };
  }
}

function withTopic({ topic, headers }: ListItem, topicHeader: string | false): MessageHeaders {
  if (topic === undefined || topicHeader === false || headers[topicHeader] !== undefined) return headers;
  const all = createHeaders(headers);
  all[topicHeader] = topic;
  return all;
}
