import { countOf } from "./bounds.ts";
import { type Conjunction, finiteValues, keyword } from "./conjunction.ts";
import { fitsCounts, type Tell } from "./fits-scalar.ts";
import { arrayShape, itemOf } from "./object-shape.ts";
import { child, type Place } from "./place.ts";
import { type Told, unknown } from "./reason.ts";
import { sameSchema } from "./same-schema.ts";

export type Descend = (inner: readonly Place[], outer: Place, part: string) => void;

const unique: Told = {
  code: "schema-array",
  narrows: "items must be unique now",
  widens: "items need not be unique any more",
};

/** Items by position, then all others. */
function fitsItems(inner: Conjunction, outer: Place, descend: Descend): void {
  const shape = arrayShape(outer);
  const prefixes = inner.map((place) => arrayShape(place).prefix.length);
  const named = Math.max(shape.prefix.length, ...prefixes);
  const most = countOf(inner, "maxItems") ?? Number.POSITIVE_INFINITY;
  for (let index = 0; index < Math.min(named, most); index += 1) {
    const wanted = shape.prefix[index] ?? shape.rest;
    if (wanted !== undefined) descend(itemOf(inner, index), wanted, `[${index}]`);
  }
  if (shape.rest !== undefined && named < most) descend(itemOf(inner, named), shape.rest, "[]");
}

export function fitsArray(inner: Conjunction, outer: Place, tell: Tell, descend: Descend): void {
  fitsCounts(inner, outer, "Items", (one) => (Array.isArray(one) ? one.length : undefined), tell);
  fitsItems(inner, outer, descend);
  const isUnique = inner.some((place) => keyword(place, "uniqueItems") === true);
  const single = (countOf(inner, "maxItems") ?? 2) < 2 || finiteValues(inner)?.length === 0;
  if (keyword(outer, "uniqueItems") === true && !isUnique && !single) tell(unique, "uniqueItems");
  const contains = child(outer, "contains");
  if (contains.value === undefined) return;
  const counts = (place: Place): unknown[] => [keyword(place, "minContains"), keyword(place, "maxContains")];
  const same = inner.some((place) => {
    const own = child(place, "contains");
    if (own.value === undefined || !sameSchema(own, contains)) return false;
    return counts(place).every((count, index) => count === counts(outer)[index]);
  });
  if (!same) tell(unknown("contains is different"), "contains");
}
