import { countOf, isMultiple, isWithin, limitOf } from "./bounds.ts";
import { shown } from "./change.ts";
import {
  type Conjunction,
  finiteValues,
  type Kind,
  keyword,
  kindsOf,
  kindsOfType,
  requiredNames,
  valuesOf,
} from "./conjunction.ts";
import { sameJson } from "./json.ts";
import { stringKeywords } from "./keywords.ts";
import { declaredNames } from "./object-shape.ts";
import { child, type Place } from "./place.ts";
import { type Told, unknown } from "./reason.ts";

/** Takes down a reason, with the keys that lead to it in the outer schema. */
export type Tell = (told: Told, ...keys: readonly string[]) => void;

function kindName(kind: Kind): string {
  return kind === "fraction" ? "number" : kind;
}

/** `type`, `enum` and `const`. Returns the kinds of values that are left to look at. */
export function fitsKinds(inner: Conjunction, outer: Place, tell: Tell): ReadonlySet<Kind> {
  const kinds = kindsOf(inner);
  const allowed = kindsOfType(keyword(outer, "type"));
  if (allowed === undefined) tell(unknown(`${shown(keyword(outer, "type"))} is no type`), "type");
  const left = [...kinds].filter((kind) => allowed?.has(kind) ?? true);
  const lost = [...kinds].filter((kind) => !left.includes(kind)).map(kindName);
  for (const name of new Set(lost)) {
    const which = name === "number" && left.includes("integer") ? "a number that is no integer" : `type ${name}`;
    tell(
      { code: "schema-type", narrows: `${which} is not allowed any more`, widens: `${which} is now allowed` },
      "type",
    );
  }
  fitsValues(inner, outer, lost, tell);
  return new Set(left);
}

function fitsValues(inner: Conjunction, outer: Place, lost: readonly string[], tell: Tell): void {
  const listed = valuesOf(outer);
  if (listed === undefined) return;
  const name = keyword(outer, "enum") === undefined ? "const" : "enum";
  const values = finiteValues(inner);
  if (values === undefined) {
    const list = listed.map(shown).join(", ");
    const narrows = `only ${list} is allowed now`;
    return tell({ code: "schema-value", narrows, widens: `not only ${list} is allowed now` }, name);
  }
  for (const value of values) {
    if (listed.some((one) => sameJson(one, value))) continue;
    if (lost.length > 0 && lost.length === kindsOf(inner).size) continue; // told as a type
    const text = `value ${shown(value)}`;
    tell({ code: "schema-value", narrows: `${text} is not allowed any more`, widens: `${text} is now allowed` }, name);
  }
}

export function fitsNumber(inner: Conjunction, outer: Place, tell: Tell): void {
  for (const [sign, closed, open] of [
    [1, "minimum", "exclusiveMinimum"],
    [-1, "maximum", "exclusiveMaximum"],
  ] as const) {
    for (const name of [closed, open]) {
      const value = keyword(outer, name);
      if (value === undefined) continue;
      if (typeof value !== "number") {
        tell(unknown(`${name} is no number`), name);
        continue;
      }
      const limit = { value, open: name === open };
      if (isWithin(limitOf(inner, sign), limit, sign)) continue;
      const known = finiteValues(inner)?.every((one) => typeof one !== "number" || within(one, limit, sign));
      if (known !== true) tell(bound(name, value), name);
    }
  }
  const divisor = keyword(outer, "multipleOf");
  if (divisor === undefined) return;
  if (typeof divisor !== "number" || !isMultiple(inner, divisor)) tell(bound("multipleOf", divisor), "multipleOf");
}

function within(value: number, limit: { readonly value: number; readonly open: boolean }, sign: 1 | -1): boolean {
  return (value - limit.value) * sign > 0 || (value === limit.value && !limit.open);
}

function bound(name: string, value: unknown): Told {
  return {
    code: "schema-bound",
    narrows: `${name} ${shown(value)} applies now`,
    widens: `${name} ${shown(value)} does not apply any more`,
  };
}

/** Lengths and counts: `value` says how large a listed value is. */
export function fitsCounts(
  inner: Conjunction,
  outer: Place,
  what: "Length" | "Items" | "Properties",
  value: (one: unknown) => number | undefined,
  tell: Tell,
): void {
  for (const name of [`min${what}`, `max${what}`]) {
    const limit = keyword(outer, name);
    if (limit === undefined) continue;
    if (typeof limit !== "number") {
      tell(unknown(`${name} is no number`), name);
      continue;
    }
    const least = name.startsWith("min");
    const stated = impliedCount(inner, what, least);
    const fits = (count: number): boolean => (least ? count >= limit : count <= limit);
    if ((least && limit <= 0) || (stated !== undefined && fits(stated))) continue;
    const listed = finiteValues(inner)?.map(value);
    if (listed?.every((count) => count === undefined || fits(count))) continue;
    tell(bound(name, limit), name);
  }
}

/** What the conjunction says of the count, in so many words or by what it requires and forbids. */
function impliedCount(inner: Conjunction, what: string, least: boolean): number | undefined {
  const stated = countOf(inner, `${least ? "min" : "max"}${what}`);
  if (what !== "Properties") return stated;
  if (least) return Math.max(stated ?? 0, requiredNames(inner).size);
  const closed = inner.filter(
    (place) =>
      child(place, "additionalProperties").value === false && child(place, "patternProperties").value === undefined,
  );
  const counts = closed.map((place) => declaredNames([place]).length);
  return stated === undefined && counts.length === 0 ? undefined : Math.min(stated ?? Infinity, ...counts);
}

export function fitsString(inner: Conjunction, outer: Place, tell: Tell): void {
  // As validators count: characters, not UTF-16 units.
  fitsCounts(inner, outer, "Length", (one) => (typeof one === "string" ? [...one].length : undefined), tell);
  for (const name of stringKeywords) fitsEqual(inner, outer, name, tell);
}

/** A rule that can only be compared by its text. Formats are those of numbers, too. */
export function fitsEqual(inner: Conjunction, outer: Place, name: string, tell: Tell): void {
  const wanted = keyword(outer, name);
  if (wanted === undefined || inner.some((place) => sameJson(keyword(place, name), wanted))) return;
  const text = `${name} ${shown(wanted)}`;
  tell({ code: "schema-format", narrows: `${text} applies now`, widens: `${text} does not apply any more` }, name);
}
