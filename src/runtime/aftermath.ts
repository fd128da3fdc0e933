import { type Bookkeeping, formatBookkeeping } from "../server/bookkeeping.ts";
import type { SettleNote } from "../server/delivery.ts";
import { ValidationError } from "../server/errors.ts";
import { recordError, type SettleCode, type SettleReason } from "../server/settle-reason.ts";

/** What is known of a message when it is settled. */
export interface Known {
  readonly book: Bookkeeping;
  /** Deliveries including this one. */
  readonly deliveries: number;
  /** Whether the broker counts deliveries, and lapses, itself. */
  readonly countsDeliveries: boolean;
  readonly countsLapses: boolean;
}

/** Note for a message that comes again. `unrouted` is the new count, for those that no actor wanted. */
export function noteForReturn(known: Known, now: number, attempted: boolean, unrouted = 0): SettleNote {
  const { book } = known;
  const failed = attempted || unrouted > 0;
  const bookkeeping = formatBookkeeping({
    attempts: book.attempts + (attempted ? 1 : 0),
    deliveries: known.countsDeliveries ? 0 : known.deliveries,
    results: known.countsLapses ? 0 : book.results + 1,
    unrouted,
    firstFailureAt: book.firstFailureAt === 0 && failed ? now : book.firstFailureAt,
    replayOf: book.replayOf,
  });
  return bookkeeping === undefined ? {} : { bookkeeping };
}

/** Note for a message that no handler has seen: it goes back as it came. */
export function noteForUntouched(known: Known): SettleNote {
  const bookkeeping = formatBookkeeping(known.book);
  return bookkeeping === undefined ? { started: false } : { started: false, bookkeeping };
}

export function reasonFor(
  known: Known,
  now: number,
  code: SettleCode,
  details: { readonly error?: unknown; readonly actor?: string; readonly attempted: boolean },
): SettleReason {
  const { error, actor, attempted } = details;
  return {
    code,
    ...(error === undefined ? {} : { error: recordError(error) }),
    ...(actor === undefined ? {} : { actor }),
    attempts: known.book.attempts + (attempted ? 1 : 0),
    deliveries: known.deliveries,
    firstFailureAt: known.book.firstFailureAt === 0 ? now : known.book.firstFailureAt,
    lastFailureAt: now,
    ...(error instanceof ValidationError ? { issues: error.issues } : {}),
  };
}
