import { type Conjunction, keyword, kindsOf } from "./conjunction.ts";

/** A limit of numbers; `open` = the limit itself is outside. */
export interface Limit {
  readonly value: number;
  readonly open: boolean;
}

function numbers(conjunction: Conjunction, name: string): number[] {
  return conjunction.map((place) => keyword(place, name)).filter((value): value is number => typeof value === "number");
}

function onlyIntegers(conjunction: Conjunction): boolean {
  return !kindsOf(conjunction).has("fraction");
}

/** Lowest (`sign` 1) or highest (-1) value that numbers of the conjunction can have. Unlimited: infinite. */
export function limitOf(conjunction: Conjunction, sign: 1 | -1): Limit {
  const [closed, open] = sign === 1 ? ["minimum", "exclusiveMinimum"] : ["maximum", "exclusiveMaximum"];
  const all: readonly Limit[] = [
    ...numbers(conjunction, closed as string).map((value) => ({ value, open: false })),
    ...numbers(conjunction, open as string).map((value) => ({ value, open: true })),
  ];
  const unlimited = { value: -sign * Number.POSITIVE_INFINITY, open: false };
  const tightest = all.reduce<Limit>((best, one) => (isWithin(best, one, sign) ? best : one), unlimited);
  if (!onlyIntegers(conjunction) || !Number.isFinite(tightest.value)) return tightest;
  const { value } = tightest;
  const rounded = sign === 1 ? Math.ceil(value) : Math.floor(value);
  // Beyond the exact integers the next one cannot be told.
  const next = tightest.open && rounded === value && Number.isSafeInteger(value) ? value + sign : rounded;
  return { value: next, open: tightest.open && next === value };
}

/** Whether all that keeps to the first limit keeps to the second. */
export function isWithin(first: Limit, second: Limit, sign: 1 | -1): boolean {
  const difference = (first.value - second.value) * sign;
  if (first.value === second.value) return first.open || !second.open;
  return difference > 0;
}

/** The largest lower or smallest upper count that the conjunction states. */
export function countOf(conjunction: Conjunction, name: string): number | undefined {
  const found = numbers(conjunction, name);
  if (found.length === 0) return undefined;
  return name.startsWith("min") ? Math.max(...found) : Math.min(...found);
}

/** Whether every number of the conjunction is a multiple. Exact for integers only. */
export function isMultiple(conjunction: Conjunction, divisor: number): boolean {
  const known = numbers(conjunction, "multipleOf");
  if (known.includes(divisor)) return true;
  if (!Number.isSafeInteger(divisor) || divisor < 1) return false;
  if (divisor === 1 && onlyIntegers(conjunction)) return true;
  return known.some((value) => Number.isSafeInteger(value) && value % divisor === 0);
}
