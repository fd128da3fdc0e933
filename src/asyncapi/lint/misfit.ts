import { canonical } from "../canonical.ts";
import { pathOfReference, valueAt } from "../reference.ts";
import { fitsFormat } from "./fits-format.ts";
import { isPlain, type Path, type Plain } from "./lint-view.ts";

/** Why a value does not fit a schema: the first reason. */
export interface Misfit {
  readonly path: Path;
  readonly message: string;
}

/** Deeper nesting of references than this is a circle without a value in it. */
const maxDepth = 200;

const isNumber = (value: unknown): value is number => typeof value === "number";

/**
 * Checks a value against a JSON Schema (draft-07) of a document, whose references lead into it. Small and without
 * dependencies: it is for examples, not for messages. What it does not know it lets pass.
 */
export function findMisfit(value: unknown, schema: unknown, document: unknown): Misfit | undefined {
  return check(value, schema, { document, path: [], depth: 0 });
}

interface Place {
  readonly document: unknown;
  readonly path: Path;
  readonly depth: number;
}

function check(value: unknown, schema: unknown, place: Place): Misfit | undefined {
  const { document, path, depth } = place;
  if (schema === false) return { path, message: "must not be there" };
  if (!isPlain(schema) || depth > maxDepth) return undefined;
  const deeper = { ...place, depth: depth + 1 };
  if (typeof schema["$ref"] === "string") {
    const target = pathOfReference(schema["$ref"]);
    const found = target === undefined ? undefined : valueAt(document, target);
    return isPlain(found) && typeof found["schemaFormat"] === "string" ? undefined : check(value, found, deeper);
  }
  const reason = checkItself(value, schema);
  if (reason !== undefined) return { path, message: reason };
  return (
    checkCombined(value, schema, deeper) ??
    (Array.isArray(value) ? checkArray(value, schema, deeper) : undefined) ??
    (isPlain(value) ? checkObject(value, schema, deeper) : undefined)
  );
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function checkItself(value: unknown, schema: Plain): string | undefined {
  const { type, pattern, format } = schema;
  if (type !== undefined) {
    const types: readonly unknown[] = Array.isArray(type) ? type : [type];
    const actual = typeOf(value);
    if (!types.some((one) => one === actual || (one === "integer" && Number.isInteger(value)))) {
      return `must be ${types.join(" or ")}, not ${actual}`;
    }
  }
  if ("const" in schema && canonical(schema["const"]) !== canonical(value)) {
    return `must be ${JSON.stringify(schema["const"])}`;
  }
  const allowed = schema["enum"];
  if (Array.isArray(allowed) && !allowed.some((one) => canonical(one) === canonical(value))) {
    return `must be one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`;
  }
  if (isNumber(value)) return checkNumber(value, schema);
  if (typeof value !== "string") return undefined;
  const length = Array.from(value).length;
  if (isNumber(schema["minLength"]) && length < schema["minLength"])
    return `must have ${schema["minLength"]} signs or more`;
  if (isNumber(schema["maxLength"]) && length > schema["maxLength"])
    return `must have ${schema["maxLength"]} signs or fewer`;
  if (typeof pattern === "string" && !matches(value, pattern)) return `must match ${pattern}`;
  return fitsFormat(value, format) ? undefined : `must be a ${format}`;
}

/** A pattern that is none is another finding. */
function matches(value: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function checkNumber(value: number, schema: Plain): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (isNumber(minimum) && value < minimum) return `must be ${minimum} or more`;
  if (isNumber(maximum) && value > maximum) return `must be ${maximum} or less`;
  if (isNumber(exclusiveMinimum) && value <= exclusiveMinimum) return `must be more than ${exclusiveMinimum}`;
  if (isNumber(exclusiveMaximum) && value >= exclusiveMaximum) return `must be less than ${exclusiveMaximum}`;
  if (isNumber(multipleOf) && multipleOf > 0 && !Number.isInteger(value / multipleOf)) {
    const quotient = value / multipleOf;
    if (Math.abs(quotient - Math.round(quotient)) > 1e-9 * Math.max(1, Math.abs(quotient))) {
      return `must be a multiple of ${multipleOf}`;
    }
  }
  return undefined;
}

function checkCombined(value: unknown, schema: Plain, place: Place): Misfit | undefined {
  const { allOf, anyOf, oneOf, not } = schema;
  const fits = (one: unknown): boolean => check(value, one, place) === undefined;
  for (const one of Array.isArray(allOf) ? allOf : []) {
    const misfit = check(value, one, place);
    if (misfit !== undefined) return misfit;
  }
  const { path } = place;
  if (Array.isArray(anyOf) && !anyOf.some(fits)) return { path, message: "fits none of the alternatives" };
  if (Array.isArray(oneOf)) {
    const count = oneOf.filter(fits).length;
    if (count !== 1) return { path, message: `fits ${count} of the alternatives instead of one` };
  }
  if (not !== undefined && fits(not)) return { path, message: "must not fit what is excluded" };
  if (schema["if"] !== undefined) return check(value, fits(schema["if"]) ? schema["then"] : schema["else"], place);
  return undefined;
}

function checkArray(value: readonly unknown[], schema: Plain, place: Place): Misfit | undefined {
  const { items, additionalItems, minItems, maxItems, uniqueItems, contains } = schema;
  const { path } = place;
  if (isNumber(minItems) && value.length < minItems) return { path, message: `must have ${minItems} items or more` };
  if (isNumber(maxItems) && value.length > maxItems) return { path, message: `must have ${maxItems} items or fewer` };
  if (uniqueItems === true && new Set(value.map(canonical)).size < value.length) {
    return { path, message: "must not have equal items" };
  }
  if (contains !== undefined && !value.some((one) => check(one, contains, place) === undefined)) {
    return { path, message: "lacks an item that must be there" };
  }
  for (const [index, one] of value.entries()) {
    const wanted: unknown = !Array.isArray(items) ? items : index < items.length ? items[index] : additionalItems;
    const misfit = check(one, wanted, { ...place, path: [...path, String(index)] });
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

function checkObject(value: Plain, schema: Plain, place: Place): Misfit | undefined {
  const { properties, patternProperties, additionalProperties, required, propertyNames } = schema;
  const { path } = place;
  const keys = Object.keys(value);
  for (const key of Array.isArray(required) ? required : []) {
    if (!Object.hasOwn(value, key)) return { path, message: `lacks ${key}` };
  }
  const { minProperties, maxProperties } = schema;
  if (isNumber(minProperties) && keys.length < minProperties) {
    return { path, message: `must have ${minProperties} properties or more` };
  }
  if (isNumber(maxProperties) && keys.length > maxProperties) {
    return { path, message: `must have ${maxProperties} properties or fewer` };
  }
  const patterns = isPlain(patternProperties) ? Object.entries(patternProperties) : [];
  for (const key of keys) {
    const at = { ...place, path: [...path, key] };
    const wanted = patterns.filter(([pattern]) => matches(key, pattern)).map(([, one]) => one);
    if (isPlain(properties) && Object.hasOwn(properties, key)) wanted.push(properties[key]);
    if (wanted.length === 0) wanted.push(additionalProperties);
    if (propertyNames !== undefined && check(key, propertyNames, at) !== undefined) {
      return { path: at.path, message: "has a name that is not allowed" };
    }
    for (const one of wanted) {
      const misfit = check(value[key], one, at);
      if (misfit !== undefined) return misfit;
    }
  }
  return checkDependencies(value, schema, place);
}

function checkDependencies(value: Plain, { dependencies }: Plain, place: Place): Misfit | undefined {
  for (const [key, wanted] of isPlain(dependencies) ? Object.entries(dependencies) : []) {
    if (!Object.hasOwn(value, key)) continue;
    if (Array.isArray(wanted)) {
      const missing = wanted.find((one) => !Object.hasOwn(value, one));
      if (missing !== undefined) return { path: place.path, message: `lacks ${missing}, which ${key} demands` };
    } else {
      const misfit = check(value, wanted, place);
      if (misfit !== undefined) return misfit;
    }
  }
  return undefined;
}
