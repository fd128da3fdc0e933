import { countOf, limitOf } from "./bounds.ts";
import {
  type Budget,
  type Conjunction,
  expand,
  expandAll,
  finiteValues,
  kindsOf,
  requiredNames,
} from "./conjunction.ts";
import { propertyOf } from "./object-shape.ts";
import type { Place } from "./place.ts";

/** Discriminators are rarely deeper. */
const depthLimit = 4;

/** Whether surely no value fits all schemas of the conjunction. */
export function isImpossible(conjunction: Conjunction, budget: Budget, depth = 0): boolean {
  if (finiteValues(conjunction)?.length === 0) return true;
  const kinds = kindsOf(conjunction);
  if (kinds.size === 0) return true;
  const only = (...wanted: readonly string[]): boolean => [...kinds].every((kind) => wanted.includes(kind));
  if (only("integer", "fraction")) {
    const [low, high] = [limitOf(conjunction, 1), limitOf(conjunction, -1)];
    return low.value > high.value || (low.value === high.value && (low.open || high.open));
  }
  if (only("string")) return crossed(conjunction, "minLength", "maxLength");
  if (only("array")) return crossed(conjunction, "minItems", "maxItems");
  if (!only("object") || depth >= depthLimit) return false;
  return [...requiredNames(conjunction)].some((name) => {
    const fits = expandAll(propertyOf(conjunction, name), budget);
    return fits.every((one) => isImpossible(one, budget, depth + 1));
  });
}

function crossed(conjunction: Conjunction, low: string, high: string): boolean {
  const [least, most] = [countOf(conjunction, low), countOf(conjunction, high)];
  return least !== undefined && most !== undefined && least > most;
}

/** Whether surely no value of the conjunction fits the schema. */
export function isDisjoint(conjunction: Conjunction, schema: Place, budget: Budget): boolean {
  return expand(schema, budget).every((one) => isImpossible([...conjunction, ...one], budget));
}
