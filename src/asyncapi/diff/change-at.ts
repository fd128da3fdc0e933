import { type Change, type ChangeCode, type Direction, type Severity, shown } from "./change.ts";
import type { Place } from "./place.ts";

/** A change at a place of the new document, or of the old one. */
export function changeAt(
  code: ChangeCode,
  severity: Severity,
  direction: Direction,
  place: Place,
  message: string,
  document: "old" | "new" = "new",
): Change {
  return { code, severity, direction, pointer: place.pointer, document, message };
}

/** What was and what is, for sentences. */
export function fromTo(before: unknown, after: unknown): string {
  const text = (value: unknown): string => (value === undefined ? "nothing" : shown(value));
  return `was ${text(before)}, is ${text(after)}`;
}
