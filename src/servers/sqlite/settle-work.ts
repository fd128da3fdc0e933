import { createHeaders } from "../../internal/headers.ts";
import { bookkeepingHeader } from "../../server/bookkeeping.ts";
import type { Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { LeaseLostError, type MillraceError } from "../../server/errors.ts";
import { ownReason } from "../../server/own-reason.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import type { SettleCode, SettleReason } from "../../server/settle-reason.ts";
import type { SqliteDelivery } from "./delivery.ts";
import { state } from "./layout.ts";
import { encodeHeaders, insertMessage } from "./publish-work.ts";
import { atomically, type Transaction, Work } from "./work.ts";

/** Who keeps the account of unsettled deliveries. */
export interface Holder {
  readonly keepsDead: boolean;
  /** The delivery's row is settled, but not yet on disk: its room may be used in the same transaction. */
  freeing(): void;
  /** A failed message was removed, since dead letters are turned off. */
  dropped(delivery: SqliteDelivery, reason: SettleCode | undefined): void;
  /** The delivery is settled or lost for good. */
  released(delivery: SqliteDelivery): void;
}

/** Work on a row that is ours. Finding it no longer ours ends the delivery. */
abstract class OwnedWork extends Work {
  protected readonly delivery: SqliteDelivery;
  protected readonly holder: Holder;
  constructor(holder: Holder, delivery: SqliteDelivery) {
    super();
    this.holder = holder;
    this.delivery = delivery;
  }
  override fail(error: MillraceError, unknown: boolean): void {
    this.delivery.settling = false;
    if (error instanceof LeaseLostError) {
      this.delivery.lost = true;
      this.holder.released(this.delivery);
    }
    super.fail(error, unknown);
  }
}

function requireOurs(result: { readonly changes: number | bigint }): void {
  if (Number(result.changes) === 0) throw new LeaseLostError();
}

/** Applies an outcome to the row. */
export class SettleWork extends OwnedWork {
  readonly #outcome: Outcome | RetryAfter | "giveBack";
  readonly #note: SettleNote;

  constructor(
    holder: Holder,
    delivery: SqliteDelivery,
    outcome: Outcome | RetryAfter | "giveBack",
    note: SettleNote = {},
  ) {
    super(holder, delivery);
    this.#outcome = outcome;
    this.#note = note;
    delivery.settling = true;
  }

  override get wakes(): string | undefined {
    return this.#outcome === "ack" || this.#outcome === "nack" ? undefined : this.delivery.channel;
  }

  override done(): void {
    this.holder.released(this.delivery);
    if (this.#outcome === "nack" && !this.holder.keepsDead) {
      this.holder.dropped(this.delivery, this.#note.reason?.code);
    }
    super.done();
  }

  protected run(transaction: Transaction): void {
    const { statements, now, buried } = transaction;
    const { seq, token, channel } = this.delivery;
    if (this.#outcome === "ack" || (this.#outcome === "nack" && !this.holder.keepsDead)) {
      requireOurs(statements.remove.run(seq, token));
    } else if (this.#outcome === "nack") {
      const reason = JSON.stringify(this.#note.reason ?? this.#ownReason(now));
      requireOurs(statements.bury.run(now, reason, seq, token));
      buried.add(channel);
    } else this.#requeue(transaction, this.#outcome);
    this.holder.freeing();
  }

  #requeue({ statements, now }: Transaction, outcome: "reject" | RetryAfter | "giveBack"): void {
    const { seq, token, counted, lapses, due } = this.delivery;
    const delay = typeof outcome === "object" ? Math.ceil(outcome.retryAfter) : 0;
    const back = outcome === "giveBack";
    const started = this.#note.started !== false && !back;
    // A result ends the row of lapses; a message without one keeps its account as it was, and its place.
    const delta = started ? (counted ? 0 : 1) : counted ? -1 : 0;
    requireOurs(
      statements.requeue.run(
        delay > 0 ? state.delayed : state.ready,
        delay > 0 ? now + delay : started ? now : due,
        back ? encodeHeaders(this.delivery.headers) : this.#headers(),
        delta,
        started ? 0 : lapses,
        seq,
        token,
      ),
    );
  }

  /** Nobody said why. */
  #ownReason(now: number): SettleReason {
    return ownReason("rejected", this.delivery.headers, this.delivery.deliveryCount, now);
  }

  #headers(): string | null {
    const { headers } = this.delivery;
    const { bookkeeping } = this.#note;
    if (headers[bookkeepingHeader] === bookkeeping) return encodeHeaders(headers);
    const changed = createHeaders(headers);
    if (bookkeeping === undefined) delete changed[bookkeepingHeader];
    else changed[bookkeepingHeader] = bookkeeping;
    return encodeHeaders(changed);
  }
}

/** Renews the lease. */
export class ExtendWork extends OwnedWork {
  readonly #duration: number;
  readonly #leaseEnd: number;
  constructor(holder: Holder, delivery: SqliteDelivery, duration: number, leaseEnd: number) {
    super(holder, delivery);
    this.#duration = duration;
    this.#leaseEnd = leaseEnd;
  }
  override done(): void {
    this.delivery.leaseEnd = this.#leaseEnd;
    super.done();
  }
  override fail(error: MillraceError, unknown: boolean): void {
    const { settling } = this.delivery;
    super.fail(error, unknown);
    if (!(error instanceof LeaseLostError)) this.delivery.settling = settling;
  }
  protected run({ statements, now }: Transaction): void {
    requireOurs(statements.extend.run(now + this.#duration, this.delivery.seq, this.delivery.token));
  }
}

/** Counts a suspect's delivery and, in advance, the lapse that a settle will take back. */
export class StartWork extends OwnedWork {
  override fail(error: MillraceError, unknown: boolean): void {
    this.delivery.counted = false;
    super.fail(error, unknown);
  }
  protected run({ statements }: Transaction): void {
    requireOurs(statements.start.run(this.delivery.seq, this.delivery.token));
    // At once, for what settles it in the same transaction.
    this.delivery.counted = true;
  }
}

/** Sends the reply and removes the request: both or neither. */
export class ReplyWork extends OwnedWork {
  readonly #message: OutgoingMessage;
  readonly #channel: string;
  readonly #options: PublishOptions | undefined;
  constructor(
    holder: Holder,
    delivery: SqliteDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ) {
    super(holder, delivery);
    this.#message = message;
    this.#channel = channel;
    this.#options = options;
    delivery.settling = true;
  }
  override get wakes(): string {
    return this.#channel;
  }
  override done(): void {
    this.holder.released(this.delivery);
    super.done();
  }
  protected run(transaction: Transaction): void {
    atomically(transaction, () => {
      requireOurs(transaction.statements.remove.run(this.delivery.seq, this.delivery.token));
      insertMessage(transaction, this.#channel, this.#message, this.#options);
    });
    this.holder.freeing();
  }
}
