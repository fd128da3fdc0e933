/** Keywords of JSON Schema that hold one schema, several, or several by name. All others hold data. */
const single = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "else",
  "if",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const listed = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const named = new Set(["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"]);

export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema that is not just `true` or `false`. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Changes what stands directly in a schema. Only places where a schema is expected are looked at: a property that is
 * named `$ref`, or an example that looks like a schema, is data.
 */
export function mapSubschemas(
  schema: SchemaObject,
  change: (subschema: SchemaObject, path: readonly string[]) => unknown,
): Record<string, unknown> {
  const one = (value: unknown, path: readonly string[]): unknown =>
    isSchemaObject(value) ? change(value, path) : value;
  const changed: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    let result = value;
    if (Array.isArray(value) && (listed.has(keyword) || keyword === "items")) {
      result = value.map((each, index) => one(each, [keyword, String(index)]));
    } else if (single.has(keyword) || keyword === "items") {
      result = one(value, [keyword]);
    } else if (named.has(keyword) && isSchemaObject(value)) {
      result = fromEntries(Object.entries(value).map(([name, each]) => [name, one(each, [keyword, name])]));
    }
    define(changed, keyword, result);
  }
  return changed;
}

/** Visits a schema and all schemas in it, outermost first, with the path of keys to each. */
export function visitSchemas(
  schema: SchemaObject,
  visit: (schema: SchemaObject, path: readonly string[]) => void,
  path: readonly string[] = [],
): void {
  visit(schema, path);
  mapSubschemas(schema, (subschema, step) => {
    visitSchemas(subschema, visit, [...path, ...step]);
    return subschema;
  });
}

/** As an assignment, but `__proto__` is a name like any other. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [key, value] of entries) define(made, key, value);
  return made;
}
