import { isObject, listOf, own, sameJson } from "./json.ts";
import { isAnnotation } from "./keywords.ts";
import { child, items, type Place, target } from "./place.ts";

/** Schemas that a value has to fit at once; only their own keywords count, not `$ref`, `allOf`, `anyOf` and `oneOf`. */
export type Conjunction = readonly Place[];

/** Kinds of JSON values. A number is an integer or a fraction. */
export type Kind = "null" | "boolean" | "integer" | "fraction" | "string" | "array" | "object";

const kinds: readonly Kind[] = ["null", "boolean", "integer", "fraction", "string", "array", "object"];

/** Beyond it a union is taken as a whole, as if anything could be in it. */
const unionLimit = 256;

/** What a comparison may still cost; schemas that refer to each other cleverly would otherwise take for ever. */
export interface Budget {
  left: number;
}

export function keyword(place: Place, name: string): unknown {
  return isObject(place.value) ? own(place.value, name) : undefined;
}

/** Stands for what is not followed: no rule, but properties may be listed there. */
function unfollowed(place: Place): Place {
  return { ...place, value: { patternProperties: {} } };
}

function product(left: readonly Conjunction[], right: readonly Conjunction[], place: Place): readonly Conjunction[] {
  // Leaving out what is too much only makes the set of values larger.
  if (left.length * right.length > unionLimit) return left.map((one) => [...one, unfollowed(place)]);
  return left.flatMap((one) => right.map((other) => [...one, ...other]));
}

/**
 * A schema as a union of conjunctions that has at least the values of the schema: what cannot be followed (`not`, `if`,
 * foreign references, circles) is left out. No conjunction = no value fits.
 */
export function expand(place: Place, budget: Budget, seen: ReadonlySet<string> = new Set()): readonly Conjunction[] {
  if (place.value === false) return [];
  budget.left -= 1;
  if (budget.left < 0) return [[unfollowed(place)]];
  if (!isObject(place.value)) return [[]];
  if (keyword(place, "$ref") !== undefined) {
    const resolved = target(place);
    if (resolved === undefined || seen.has(resolved.pointer)) return [[unfollowed(place)]];
    const union = expand(resolved, budget, new Set([...seen, resolved.pointer]));
    // Whether keywords beside a reference count differs by draft, so they do not count where they would help.
    const isAlone = Object.keys(place.value).every((name) => name === "$ref" || isAnnotation(name));
    return isAlone ? union : product(union, [[unfollowed(place)]], place);
  }
  let union: readonly Conjunction[] = [[place]];
  for (const part of items(child(place, "allOf"))) union = product(union, expand(part, budget, seen), place);
  for (const name of ["anyOf", "oneOf"]) {
    const branches = items(child(place, name));
    if (branches.length === 0) continue;
    const either = branches.flatMap((branch) => expand(branch, budget, seen));
    union = product(union, either, place);
  }
  return union;
}

/** The union of conjunctions of values that fit all of these schemas. */
export function expandAll(places: readonly Place[], budget: Budget): readonly Conjunction[] {
  return places.reduce<readonly Conjunction[]>((union, place) => product(union, expand(place, budget), place), [[]]);
}

function kindOf(value: unknown): Kind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "fraction";
  return typeof value === "boolean" || typeof value === "string" ? (typeof value as "boolean" | "string") : "object";
}

/** The kinds that a `type` allows; `undefined` where it is no type that there is. */
export function kindsOfType(type: unknown): ReadonlySet<Kind> | undefined {
  if (type === undefined) return new Set(kinds);
  const names = Array.isArray(type) ? (type as readonly unknown[]) : [type];
  const allowed = new Set<Kind>();
  for (const name of names) {
    if (name === "number") allowed.add("integer").add("fraction");
    else if (name !== "fraction" && kinds.includes(name as Kind)) allowed.add(name as Kind);
    else return undefined;
  }
  return allowed;
}

/** `enum` and `const` of a schema as a list. */
export function valuesOf(place: Place): readonly unknown[] | undefined {
  if (!isObject(place.value)) return undefined;
  const list = own(place.value, "enum");
  const listed = Array.isArray(list) ? (list as readonly unknown[]) : undefined;
  if (!Object.hasOwn(place.value, "const")) return listed;
  const value = place.value["const"];
  return listed === undefined || listed.some((one) => sameJson(one, value)) ? [value] : [];
}

/** All values of a conjunction where they are few and listed; more than fit perhaps, never fewer. */
export function finiteValues(conjunction: Conjunction): readonly unknown[] | undefined {
  let values: readonly unknown[] | undefined;
  for (const place of conjunction) {
    const listed = valuesOf(place);
    if (listed === undefined) continue;
    values = values === undefined ? listed : values.filter((one) => listed.some((other) => sameJson(one, other)));
  }
  const allowed = typeKinds(conjunction);
  if (values !== undefined) return values.filter((value) => allowed.has(kindOf(value)));
  if ([...allowed].some((kind) => kind !== "null" && kind !== "boolean")) return undefined;
  return [...allowed].flatMap((kind) => (kind === "null" ? [null] : [true, false]));
}

function typeKinds(conjunction: Conjunction): ReadonlySet<Kind> {
  let allowed: readonly Kind[] = kinds;
  for (const place of conjunction) {
    const named = kindsOfType(keyword(place, "type"));
    // A word of OpenAPI that ajv heeds.
    const isNullable = keyword(place, "nullable") === true;
    if (named !== undefined) allowed = allowed.filter((kind) => named.has(kind) || (isNullable && kind === "null"));
  }
  return new Set(allowed);
}

/** Kinds that values of the conjunction can be of. */
export function kindsOf(conjunction: Conjunction): ReadonlySet<Kind> {
  const values = finiteValues(conjunction);
  return values === undefined ? typeKinds(conjunction) : new Set(values.map(kindOf));
}

/** The conjunction in parts that together have all of its values: value by value, or kind by kind. */
export function split(conjunction: Conjunction): readonly Conjunction[] {
  const [first] = conjunction;
  if (first === undefined) return [conjunction];
  const part = (value: object): Conjunction => [...conjunction, { ...first, value }];
  const values = finiteValues(conjunction);
  if (values !== undefined && values.length <= unionLimit) return values.map((value) => part({ const: value }));
  const typed = conjunction.some((place) => keyword(place, "type") !== undefined);
  if (!typed) return [conjunction];
  const allowed = kindsOf(conjunction);
  const whole = allowed.has("fraction") ? "number" : "integer";
  return [...allowed]
    .filter((kind) => kind !== "fraction" || !allowed.has("integer"))
    .map((kind) => part({ type: kind === "integer" || kind === "fraction" ? whole : kind }));
}

/** Names that some schema of the conjunction requires. */
export function requiredNames(conjunction: Conjunction): ReadonlySet<string> {
  return new Set(
    conjunction
      .flatMap((place) => listOf(keyword(place, "required")))
      .filter((name): name is string => typeof name === "string"),
  );
}
