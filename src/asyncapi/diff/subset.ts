import { type Budget, type Conjunction, expandAll, keyword, kindsOf, split } from "./conjunction.ts";
import { isDisjoint, isImpossible } from "./disjoint.ts";
import { fitsArray } from "./fits-array.ts";
import { fitsObject } from "./fits-object.ts";
import { fitsEqual, fitsKinds, fitsNumber, fitsString, type Tell } from "./fits-scalar.ts";
import { isObject, sameJson } from "./json.ts";
import { isAnnotation, isWellFormed, understood } from "./keywords.ts";
import { child, items, type Place, target } from "./place.ts";
import { below, type Position, type Reason, type Told, unknown } from "./reason.ts";
import { sameSchema } from "./same-schema.ts";

/** Enough for documents of thousands of schemas; what needs more is unknown. */
const budgetOfOne = 200_000;

export interface SubsetOptions {
  /** Take into account that open objects can have properties that they do not list. */
  readonly strict: boolean;
}

interface Comparison extends SubsetOptions {
  readonly budget: Budget;
  /** Pairs that are being compared, with the depth in the value: met again deeper, a pair may be taken for granted. */
  readonly open: Map<string, number>;
}

/**
 * Why a value of the inner schema may not fit the outer one. An empty list is a proof that all do (in the sense of
 * `SubsetOptions.strict`); a reason is none that some does not: what cannot be told is a reason, too.
 */
export function subset(inner: Place, outer: Place, path: string, options: SubsetOptions): readonly Reason[] {
  const comparison: Comparison = { ...options, budget: { left: budgetOfOne }, open: new Map() };
  const reasons = contained([inner], outer, { path, depth: 0 }, comparison);
  // A definition that is used in several places is told about once.
  const told = new Map<string, Reason>();
  for (const reason of reasons.toSorted((one, other) => one.path.length - other.path.length)) {
    const key = `${reason.inner?.pointer} ${reason.outer.pointer} ${reason.narrows}`;
    if (!told.has(key)) told.set(key, reason);
  }
  return [...told.values()];
}

function reasonOf(told: Told, inner: readonly Place[], outer: Place, at: Position): Reason {
  return { ...told, path: at.path, inner: inner[0], outer };
}

function contained(inner: readonly Place[], outer: Place, at: Position, comparison: Comparison): readonly Reason[] {
  const { budget, open } = comparison;
  if (outer.value === true) return [];
  if (inner.length === 1 && sameSchema(inner[0]!, outer)) return [];
  const pair = `${inner.map(({ pointer }) => pointer).join(" ")} > ${outer.pointer}`;
  const before = open.get(pair);
  if (before !== undefined && before < at.depth) return [];
  budget.left -= 1;
  if (budget.left < 0 || before !== undefined) return [reasonOf(unknown("this is too involved"), inner, outer, at)];
  open.set(pair, at.depth);
  const reasons = expandAll(inner, budget)
    .filter((one) => !isImpossible(one, budget))
    .flatMap((one) => fits(one, outer, at, comparison, []));
  open.delete(pair);
  // A failed allowance of the budget shows as a larger set of values, so it never hides a reason.
  return distinct(reasons);
}

function distinct(reasons: readonly Reason[]): readonly Reason[] {
  const found = new Map<string, Reason>();
  for (const reason of reasons) found.set(`${reason.outer.pointer} ${reason.path} ${reason.narrows}`, reason);
  return [...found.values()];
}

/** Reasons why values of the conjunction do not fit; `seen` are references followed at this place of the value. */
function fits(
  inner: Conjunction,
  outer: Place,
  at: Position,
  comparison: Comparison,
  seen: readonly string[],
): readonly Reason[] {
  const reasons: Reason[] = [];
  const tell: Tell = (told, ...keys) => {
    const place = child(outer, ...keys);
    reasons.push(reasonOf(told, inner, place.value === undefined ? outer : place, at));
  };
  comparison.budget.left -= 1;
  if (comparison.budget.left < 0) tell(unknown("this is too involved"));
  else if (outer.value === false) {
    tell({ code: "schema-closed", narrows: "nothing is allowed here any more", widens: "this is now allowed" });
  } else if (isObject(outer.value)) {
    reasons.push(...fitsCombined(inner, outer, at, comparison, seen));
    fitsOwn(inner, outer, at, comparison, tell, reasons);
  } else if (outer.value !== true) tell(unknown("this is no schema"));
  return reasons;
}

/** The keywords of the schema itself. */
function fitsOwn(
  inner: Conjunction,
  outer: Place,
  at: Position,
  comparison: Comparison,
  tell: Tell,
  reasons: Reason[],
): void {
  const kinds = fitsKinds(inner, outer, tell);
  const descend = (from: readonly Place[], to: Place, part: string): void => {
    reasons.push(...contained(from, to, below(at, part), comparison));
  };
  const isNumber = kinds.has("integer") || kinds.has("fraction");
  if (isNumber) fitsNumber(inner, outer, tell);
  if (kinds.has("string")) fitsString(inner, outer, tell);
  if (isNumber || kinds.has("string")) fitsEqual(inner, outer, "format", tell);
  if (kinds.has("array")) fitsArray(inner, outer, tell, descend);
  if (kinds.has("object")) fitsObject(inner, outer, comparison, tell, descend);
  for (const name of Object.keys(outer.value as object)) {
    if (isAnnotation(name)) continue;
    if (!isWellFormed(name, keyword(outer, name))) tell(unknown(`${name} has a form that it cannot have`), name);
    const dependent = name.startsWith("unevaluated") || name.startsWith("$dynamic") || name.startsWith("$recursive");
    const same = !dependent && inner.some((place) => sameJson(keyword(place, name), keyword(outer, name)));
    if ((!understood.has(name) && !same) || (dependent && keyword(outer, name) !== true)) {
      tell(unknown(`${name} is different or not understood`), name);
    }
  }
}

/** References, unions and the like. */
function fitsCombined(
  inner: Conjunction,
  outer: Place,
  at: Position,
  comparison: Comparison,
  seen: readonly string[],
): readonly Reason[] {
  const reasons: Reason[] = [];
  const tell = (told: Told): void => void reasons.push(reasonOf(told, inner, outer, at));
  if (keyword(outer, "$ref") !== undefined) {
    const resolved = target(outer);
    if (resolved === undefined) tell(unknown(`${String(keyword(outer, "$ref"))} leads out of the document`));
    else if (seen.includes(resolved.pointer)) tell(unknown("the schema refers to itself"));
    else reasons.push(...fits(inner, resolved, at, comparison, [...seen, resolved.pointer]));
  }
  for (const part of items(child(outer, "allOf"))) reasons.push(...fits(inner, part, at, comparison, seen));
  for (const name of ["anyOf", "oneOf"] as const) {
    const branches = items(child(outer, name));
    if (branches.length > 0) reasons.push(...fitsUnion(inner, outer, branches, name === "oneOf", at, comparison, seen));
  }
  const not = child(outer, "not");
  if (not.value !== undefined && !isDisjoint(inner, not, comparison.budget) && !hasSame(inner, outer, "not")) {
    tell(unknown("not is different"));
  }
  if (keyword(outer, "if") !== undefined && !hasSame(inner, outer, "if", "then", "else")) {
    tell(unknown("if, then or else is different"));
  }
  return reasons;
}

/** Whether one schema of the conjunction has all these keywords exactly as the outer one has them. */
function hasSame(inner: Conjunction, outer: Place, ...names: readonly string[]): boolean {
  return inner.some((place) =>
    names.every((name) => {
      const [one, other] = [child(place, name), child(outer, name)];
      if (one.value === undefined || other.value === undefined) return one.value === other.value;
      return sameSchema(one, other);
    }),
  );
}

/** Each part of the conjunction has to fit one branch; with `exclusive` it must fit no other. */
function fitsUnion(
  inner: Conjunction,
  outer: Place,
  branches: readonly Place[],
  exclusive: boolean,
  at: Position,
  comparison: Comparison,
  seen: readonly string[],
): readonly Reason[] {
  const { budget } = comparison;
  const whole = branchFor(inner);
  if (whole.length === 0) return whole;
  const parts = split(inner).filter((part) => !isImpossible(part, budget));
  return parts.length > 1 ? parts.flatMap(branchFor) : whole;

  function branchFor(part: Conjunction): readonly Reason[] {
    const near = branches.filter((branch) => !isDisjoint(part, branch, budget));
    if (near.length === 0) {
      const kinds = [...kindsOf(part)].map((kind) => (kind === "fraction" ? "number" : kind));
      const what = `a variant of type ${[...new Set(kinds)].join(" or ")}`;
      const narrows = `${what} is not allowed any more`;
      return [reasonOf({ code: "schema-type", narrows, widens: `${what} is now allowed` }, part, outer, at)];
    }
    const tried = near.map((branch) => fits(part, branch, at, comparison, seen));
    const weight = (found: readonly Reason[]): number => found.filter(({ unlikely }) => unlikely !== true).length;
    const best = tried.reduce((one, other) => (weight(other) < weight(one) ? other : one));
    if (weight(best) > 0 || !exclusive || near.length === 1) return best;
    return [reasonOf(unknown("nobody can tell whether exactly one variant of oneOf applies"), part, outer, at)];
  }
}
