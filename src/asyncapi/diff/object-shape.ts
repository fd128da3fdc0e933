import { type Conjunction, keyword, valuesOf } from "./conjunction.ts";
import { isObject } from "./json.ts";
import { child, children, type Place } from "./place.ts";

/** What names have that match patterns: one of the patterns' schemas, or what holds for all other names. */
function otherNames(place: Place): Place | undefined {
  const patterns = [...children(child(place, "patternProperties")).values()];
  const additional = child(place, "additionalProperties");
  if (patterns.length === 0) return additional.value === undefined ? undefined : additional;
  if (additional.value === undefined) return undefined;
  const anyOf = [...patterns.map(({ value }) => value), additional.value];
  return { ...place, value: { anyOf }, pointer: `${place.pointer}/patternProperties/~any` };
}

/** Schemas that the property of that name has to fit. More than the schemas say is never in it. */
export function propertyOf(conjunction: Conjunction, name: string): readonly Place[] {
  return conjunction.flatMap((place) => {
    const declared = child(place, "properties", name);
    if (declared.value !== undefined) return [declared];
    return otherNames(place) ?? [];
  });
}

/** Schemas for properties that no schema of the conjunction names. */
export function additionalOf(conjunction: Conjunction): readonly Place[] {
  return conjunction.flatMap((place) => otherNames(place) ?? []);
}

export function declaredNames(conjunction: Conjunction): readonly string[] {
  const names = conjunction.flatMap((place) => [...children(child(place, "properties")).keys()]);
  return [...new Set(names)];
}

/**
 * Whether the conjunction lists properties and says nothing of others: those who write such values have no others to
 * write, though a validator would let them.
 */
export function listsProperties(conjunction: Conjunction): boolean {
  const isListed = conjunction.some((place) => isObject(keyword(place, "properties")));
  const elsewhere = ["if", "dependencies", "dependentSchemas", "patternProperties"];
  const isElsewhere = (place: Place): boolean =>
    valuesOf(place) !== undefined || elsewhere.some((name) => keyword(place, name) !== undefined);
  return isListed && !conjunction.some(isElsewhere);
}

/** Schemas of the items by position, and that of all further ones; `undefined` = anything. */
export interface ArrayShape {
  readonly prefix: readonly Place[];
  readonly rest: Place | undefined;
}

export function arrayShape(place: Place): ArrayShape {
  const given = (one: Place): Place | undefined => (one.value === undefined ? undefined : one);
  const list = (one: Place): readonly Place[] => (one.value as readonly unknown[]).map((_, index) => child(one, index));
  const items = child(place, "items");
  if (Array.isArray(items.value)) return { prefix: list(items), rest: given(child(place, "additionalItems")) };
  const prefix = child(place, "prefixItems");
  return { prefix: Array.isArray(prefix.value) ? list(prefix) : [], rest: given(items) };
}

/** Schemas that the item at that position has to fit. */
export function itemOf(conjunction: Conjunction, index: number): readonly Place[] {
  return conjunction.flatMap((place) => {
    const { prefix, rest } = arrayShape(place);
    return prefix[index] ?? rest ?? [];
  });
}
