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
import { Message, timeOf } from "./decode.ts";
import type { Source } from "./source.ts";

/** What a delivery asks of the subscription that handed it up. */
export interface DeliveryOwner {
  readonly leaseDuration: number;
  readonly isAtomicReply: boolean;
  settle(delivery: RedisDelivery, outcome: Outcome | RetryAfter, note: SettleNote): Promise<void>;
  begin(delivery: RedisDelivery): Promise<void>;
  extend(delivery: RedisDelivery): Promise<void>;
  reply(
    delivery: RedisDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ): Promise<void>;
}

const noNote: SettleNote = {};

/** One entry of a stream, as long as it is ours. */
export class RedisDelivery extends Message implements Delivery {
  readonly source: Source;
  /** The entry's id. */
  readonly entry: string;
  readonly deliveryCount: number;
  readonly lapses: number;
  /** Redis's count of deliveries of this entry with this one in it. */
  readonly countWithThis: number;
  /** Whether Redis's count includes this delivery: at once for most, with `begin()` for suspects. */
  counted: boolean;
  /** Another worker may have it, or the subscription gave it back. */
  lost = false;
  settling = false;
  /** Its lease is long over, and it may be that nobody cares. */
  isOverdue = false;
  /** Its settling is written and not answered yet. */
  isFreeing = false;
  /** Place among those that are held. */
  heldIndex = -1;
  /** Monotonic milliseconds until which it is surely ours. */
  leaseEnd: number;
  readonly #owner: DeliveryOwner;
  #lease: Lease | undefined;

  /**
   * @param count Redis's count of deliveries of this entry
   * @param counted whether that includes this one
   */
  constructor(
    owner: DeliveryOwner,
    source: Source,
    entry: string,
    fields: readonly Buffer[],
    count: number,
    counted: boolean,
    leaseEnd: number,
  ) {
    super(fields);
    this.#owner = owner;
    this.source = source;
    this.entry = entry;
    // A new entry is counted by Redis as it is read. If it came back without having started, that is taken back.
    const isFreshSuspect = counted && count === 1 && this.earlierLapses >= suspectAfter;
    this.counted = counted && !isFreshSuspect;
    this.countWithThis = counted ? count : count + 1;
    this.deliveryCount = this.earlier + this.countWithThis;
    this.lapses = this.earlierLapses + this.countWithThis - 1;
    this.leaseEnd = leaseEnd;
  }

  get channel(): string {
    return this.source.channel.keys.channel;
  }

  get brokerId(): string {
    return this.entry;
  }

  get sentAt(): number {
    return this.sent ?? timeOf(this.entry);
  }

  get lease(): Lease {
    this.#lease ??= { duration: this.#owner.leaseDuration, extend: () => this.#owner.extend(this) };
    return this.#lease;
  }

  settle(outcome: Outcome | RetryAfter, note: SettleNote = noNote): Promise<void> {
    return this.#owner.settle(this, outcome, note);
  }

  begin(): void | Promise<void> {
    if (!this.counted) return this.#owner.begin(this);
  }

  get reply(): Delivery["reply"] {
    if (!this.#owner.isAtomicReply) return undefined;
    return (message, channel, options) => this.#owner.reply(this, message, channel, options);
  }
}
