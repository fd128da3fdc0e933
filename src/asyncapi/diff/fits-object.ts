import { shown } from "./change.ts";
import { type Conjunction, keyword, requiredNames } from "./conjunction.ts";
import type { Descend } from "./fits-array.ts";
import { fitsCounts, type Tell } from "./fits-scalar.ts";
import { isObject, listOf, sameJson } from "./json.ts";
import { isAnnotation } from "./keywords.ts";
import { additionalOf, declaredNames, listsProperties, propertyOf } from "./object-shape.ts";
import { child, children, type Place } from "./place.ts";
import { propertyPart, type Told, unknown } from "./reason.ts";
import { sameSchema } from "./same-schema.ts";

export interface ObjectRules {
  /** Values may have properties that the schema neither lists nor mentions. */
  readonly strict: boolean;
}

function fitsRequired(inner: Conjunction, outer: Place, tell: Tell): void {
  const given = requiredNames(inner);
  for (const name of listOf(keyword(outer, "required"))) {
    if (typeof name !== "string" || given.has(name)) continue;
    const text = `property ${shown(name)}`;
    tell(
      { code: "schema-required", narrows: `${text} is required now`, widens: `${text} is not required any more` },
      "required",
    );
  }
}

/** A property that the inner schema neither lists nor forbids, and that the outer one now speaks of. */
function declared(name: string, unlikely: boolean): Told {
  const text = `property ${shown(name)}`;
  return {
    code: "schema-property-declared",
    narrows: unlikely ? `optional ${text} was added` : `${text} could have any value and is restricted now`,
    widens: unlikely ? `optional ${text} was removed` : `${text} can have any value now`,
    ...(unlikely ? { unlikely } : {}),
  };
}

function isAnything(place: Place): boolean {
  return place.value === true || (isObject(place.value) && Object.keys(place.value).every(isAnnotation));
}

function fitsProperties(inner: Conjunction, outer: Place, rules: ObjectRules, tell: Tell, descend: Descend): void {
  for (const [name, wanted] of children(child(outer, "properties"))) {
    const own = propertyOf(inner, name);
    if (own.length > 0) descend(own, wanted, propertyPart(name));
    else if (!isAnything(wanted)) {
      // A name that the inner schema requires without listing it is written by all, with any value.
      const unlikely = !rules.strict && listsProperties(inner) && !requiredNames(inner).has(name);
      tell(declared(name, unlikely), "properties", name);
    }
  }
}

function fitsAdditional(inner: Conjunction, outer: Place, tell: Tell, descend: Descend): void {
  const wanted = child(outer, "additionalProperties");
  if (wanted.value === undefined || isAnything(wanted)) return;
  const listed = new Set(children(child(outer, "properties")).keys());
  for (const name of declaredNames(inner)) {
    if (listed.has(name)) continue;
    const own = propertyOf(inner, name);
    if (own.some(({ value }) => value === false)) continue;
    if (wanted.value !== false) descend(own, wanted, propertyPart(name));
    else {
      const text = `property ${shown(name)}`;
      const widens = `${text} is now allowed`;
      tell({ code: "schema-closed", narrows: `${text} is not allowed any more`, widens }, "additionalProperties");
    }
  }
  const others = additionalOf(inner);
  if (others.some(({ value }) => value === false)) return;
  if (wanted.value !== false) return descend(others, wanted, ".*");
  const narrows = "properties that are not listed are not allowed any more";
  tell(
    { code: "schema-closed", narrows, widens: "properties that are not listed are now allowed" },
    "additionalProperties",
  );
}

/** Rules about names and about what depends on them: the same, or nobody can tell. */
function fitsRest(inner: Conjunction, outer: Place, tell: Tell, descend: Descend): void {
  for (const [pattern, wanted] of children(child(outer, "patternProperties"))) {
    const own = inner.flatMap((place) => {
      const one = child(place, "patternProperties", pattern);
      return one.value === undefined ? [] : [one];
    });
    if (own.length > 0) descend(own, wanted, `[/${pattern.slice(0, 40)}/]`);
    else if (!isAnything(wanted)) tell(unknown("patternProperties is different"), "patternProperties");
  }
  for (const name of ["propertyNames", "dependencies", "dependentSchemas", "dependentRequired"]) {
    const wanted = child(outer, name);
    if (wanted.value === undefined) continue;
    const same = inner.some((place) => {
      const own = child(place, name);
      if (name === "propertyNames") return own.value !== undefined && sameSchema(own, wanted);
      if (name === "dependentRequired") return sameJson(own.value, wanted.value);
      return sameSchema({ ...own, value: { [name]: own.value } }, { ...wanted, value: { [name]: wanted.value } });
    });
    if (!same) tell(unknown(`${name} is different`), name);
  }
}

export function fitsObject(inner: Conjunction, outer: Place, rules: ObjectRules, tell: Tell, descend: Descend): void {
  const count = (one: unknown): number | undefined => (isObject(one) ? Object.keys(one).length : undefined);
  fitsCounts(inner, outer, "Properties", count, tell);
  fitsRequired(inner, outer, tell);
  fitsProperties(inner, outer, rules, tell, descend);
  fitsAdditional(inner, outer, tell, descend);
  fitsRest(inner, outer, tell, descend);
}
