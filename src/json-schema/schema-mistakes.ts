import { isSchemaObject, type SchemaObject, visitSchemas } from "./subschemas.ts";

const types = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);
const numbers = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"] as const;
const counts = ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"] as const;

/** Something in a schema that cannot be meant: where, and what is wrong with it. */
export interface SchemaMistake {
  readonly path: readonly string[];
  readonly message: string;
}

function mistakesIn(schema: SchemaObject): string[] {
  const found: string[] = [];
  const { type, pattern, required } = schema;
  for (const one of Array.isArray(type) ? type : type === undefined ? [] : [type]) {
    if (!types.has(one as string)) found.push(`${JSON.stringify(one)} is no type of JSON Schema`);
  }
  const patterns = isSchemaObject(schema["patternProperties"]) ? Object.keys(schema["patternProperties"]) : [];
  for (const source of pattern === undefined ? patterns : [...patterns, pattern]) {
    try {
      new RegExp(source as string, "u");
    } catch {
      found.push(`${JSON.stringify(source)} is no regular expression`);
    }
  }
  for (const keyword of numbers) {
    const value = schema[keyword];
    if (value !== undefined && typeof value !== "number") found.push(`${keyword} must be a number`);
  }
  for (const keyword of counts) {
    const value = schema[keyword];
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 0)) {
      found.push(`${keyword} must be a whole number from 0 up`);
    }
  }
  if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === "string"))) {
    found.push("required must be a list of names");
  }
  if (schema["enum"] !== undefined && !Array.isArray(schema["enum"])) found.push("enum must be a list of values");
  for (const keyword of ["allOf", "anyOf", "oneOf"] as const) {
    const list = schema[keyword];
    if (list !== undefined && !(Array.isArray(list) && list.length > 0)) {
      found.push(`${keyword} must be a list of schemas that is not empty`);
    }
  }
  return found;
}

/** What is surely wrong with a JSON Schema, found without a validator: types, patterns, bounds, lists. */
export function schemaMistakes(schema: SchemaObject): readonly SchemaMistake[] {
  const found: SchemaMistake[] = [];
  visitSchemas(schema, (one, path) => {
    for (const message of mistakesIn(one)) found.push({ path, message });
  });
  return found;
}
