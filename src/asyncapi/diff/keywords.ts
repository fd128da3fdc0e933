import { isObject } from "./json.ts";

/** Keywords that say nothing about which values are valid. */
const annotations = new Set([
  "title",
  "description",
  "default",
  "example",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "externalDocs",
  "$comment",
  "$schema",
  "$id",
  "id",
]);

export function isAnnotation(keyword: string): boolean {
  return annotations.has(keyword) || keyword.startsWith("x-");
}

/** Places for schemas that are used elsewhere, by reference. */
export const definitionKeywords: ReadonlySet<string> = new Set(["$defs", "definitions"]);

/** Keywords whose value is a schema, or in `items` and `dependencies` perhaps something else. */
export const schemaKeywords: ReadonlySet<string> = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

/** Keywords whose value is a list of schemas. */
export const listKeywords: ReadonlySet<string> = new Set(["allOf", "anyOf", "items", "oneOf", "prefixItems"]);

/** Keywords whose value is an object of schemas. */
export const mapKeywords: ReadonlySet<string> = new Set([
  "dependencies",
  "dependentSchemas",
  "patternProperties",
  "properties",
]);

/** Whether the value of a keyword is of the kind that the comparison counts on; numbers are looked at where they are used. */
export function isWellFormed(keyword: string, value: unknown): boolean {
  const isSchema = isObject(value) || typeof value === "boolean";
  if (listKeywords.has(keyword)) return Array.isArray(value) || (keyword === "items" && isSchema);
  if (mapKeywords.has(keyword)) return isObject(value);
  if (schemaKeywords.has(keyword)) return isSchema;
  if (keyword === "enum") return Array.isArray(value);
  if (keyword === "required") return Array.isArray(value) && value.every((name) => typeof name === "string");
  return keyword === "uniqueItems" ? typeof value === "boolean" : true;
}

/** Rules for strings that can only be compared by their text. */
export const stringKeywords = ["pattern", "contentEncoding", "contentMediaType", "contentSchema"] as const;

/** What the comparison understands; any other keyword must be the same on both sides. */
export const understood: ReadonlySet<string> = new Set([
  ...schemaKeywords,
  ...listKeywords,
  ...mapKeywords,
  ...definitionKeywords,
  ...stringKeywords,
  "$ref",
  "const",
  "dependentRequired",
  "enum",
  "exclusiveMaximum",
  "exclusiveMinimum",
  "format",
  "maxContains",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minContains",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "multipleOf",
  "nullable",
  "required",
  "type",
  "uniqueItems",
]);
