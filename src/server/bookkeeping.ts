/**
 * All that core must remember about a message between deliveries, packed into one reserved header
 * (`a=2;r=1;u=3;first=1730000000000`). Absent on a fresh message.
 */
export interface Bookkeeping {
  /** Failed attempts so far. */
  readonly attempts: number;
  /** Deliveries so far, kept here only for brokers that do not count. */
  readonly deliveries: number;
  /** Deliveries that ended with a reported result. */
  readonly results: number;
  /** Deliveries for which no actor was found. */
  readonly unrouted: number;
  readonly firstFailureAt: number;
  /** Id of the dead letter that this message is a replay of. */
  readonly replayOf: string | undefined;
}

export const bookkeepingHeader = "millrace";

export const noBookkeeping: Bookkeeping = {
  attempts: 0,
  deliveries: 0,
  results: 0,
  unrouted: 0,
  firstFailureAt: 0,
  replayOf: undefined,
};

/** A foreign or hostile value is clamped: it can neither skip the limits nor overflow them. */
const countLimit = 100_000;
const longest = 8192;

function count(value: string | undefined): number {
  const number = value === undefined ? 0 : Number(value);
  return Number.isInteger(number) && number > 0 ? Math.min(number, countLimit) : 0;
}

/** Ids are whatever a sender chose; percent-encoded they cannot pass for other fields. */
function decodeId(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export function parseBookkeeping(value: string | undefined): Bookkeeping {
  // A foreign program may have written anything into a row or a field of the broker.
  if (typeof value !== "string" || value === "" || value.length > longest) return noBookkeeping;
  const fields = new Map<string, string>();
  for (const part of value.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) fields.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const first = Number(fields.get("first") ?? 0);
  return {
    attempts: count(fields.get("a")),
    deliveries: count(fields.get("d")),
    results: count(fields.get("r")),
    unrouted: count(fields.get("u")),
    firstFailureAt: Number.isSafeInteger(first) && first > 0 ? first : 0,
    replayOf: decodeId(fields.get("of")),
  };
}

/** The header's value, or `undefined` when there is nothing to remember. */
export function formatBookkeeping(book: Bookkeeping): string | undefined {
  let packed = "";
  if (book.attempts > 0) packed += `;a=${book.attempts}`;
  if (book.deliveries > 0) packed += `;d=${book.deliveries}`;
  if (book.results > 0) packed += `;r=${book.results}`;
  if (book.unrouted > 0) packed += `;u=${book.unrouted}`;
  if (book.firstFailureAt > 0) packed += `;first=${book.firstFailureAt}`;
  if (book.replayOf !== undefined) packed += `;of=${encodeURIComponent(book.replayOf)}`;
  return packed === "" ? undefined : packed.slice(1);
}
