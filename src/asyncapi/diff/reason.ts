import { type ChangeCode, shown } from "./change.ts";
import type { Place } from "./place.ts";

/** Why some value of one schema (the inner) may not fit another one (the outer). */
export interface Reason {
  readonly code: ChangeCode;
  /** Where the values are, for people: `payload.items[].price`. */
  readonly path: string;
  /** The place in the outer schema that refuses them, and that in the inner one which lets them be. */
  readonly outer: Place;
  readonly inner: Place | undefined;
  /** The sentence if the outer schema is the new one, and if it is the old one. */
  readonly narrows: string;
  readonly widens: string;
  /** Only values that nobody writes who keeps to what the inner schema lists. */
  readonly unlikely?: true;
}

/** Where a comparison is: how deep in the value, for circles that end because values do. */
export interface Position {
  readonly path: string;
  readonly depth: number;
}

export function below(at: Position, part: string): Position {
  return { path: `${at.path}${part}`, depth: at.depth + 1 };
}

export function propertyPart(name: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(name) ? `.${name}` : `[${shown(name)}]`;
}

export type Told = Pick<Reason, "code" | "narrows" | "widens" | "unlikely">;

export const unknown = (what: string): Told => ({
  code: "schema-unknown",
  narrows: `${what}, so the schemas cannot be compared`,
  widens: `${what}, so the schemas cannot be compared`,
});
