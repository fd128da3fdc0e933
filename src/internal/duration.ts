type Unit = "ms" | "s" | "m" | "h" | "d";

/** A length of time: a number is milliseconds, a string carries its unit (`"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`). */
export type Duration = number | `${number}${Unit}`;

const factors: Readonly<Record<Unit, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const pattern = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration, or `undefined` when it is none (negative, NaN, unknown unit). `Infinity` is allowed. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return value >= 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = pattern.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * factors[match[2] as Unit];
}
