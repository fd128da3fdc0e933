import type { PageContext } from "./context.ts";
import { listOf, mapOf, readSchema, type SchemaObject } from "./schema.ts";

/** A made-up value is to be read: this many levels and values are enough. */
const maxDepth = 8;
const maxValues = 300;

const formats: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T09:30:00Z",
  date: "2026-01-31",
  time: "09:30:00Z",
  duration: "PT15M",
  email: "ada@example.com",
  uuid: "9f3b2c1e-6d4a-4f57-8a1b-2c3d4e5f6a7b",
  uri: "https://example.com/",
  url: "https://example.com/",
  "uri-reference": "/path",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
};

/** An example of a value of a schema, made from its examples, defaults, enums and types. Rough: patterns are not read. */
export function sampleOf(context: PageContext, schema: unknown): unknown {
  const budget = { left: maxValues };
  return sample(context, schema, [], 0, budget);
}

function sample(
  context: PageContext,
  value: unknown,
  around: readonly string[],
  depth: number,
  budget: { left: number },
): unknown {
  const { schema, key, format, never } = readSchema(context, value);
  budget.left -= 1;
  if (never || format !== undefined || depth > maxDepth || budget.left < 0) return undefined;
  if (key !== undefined && around.includes(key)) return undefined;
  for (const keyword of ["const", "example", "default"]) if (keyword in schema) return schema[keyword];
  const given = [...listOf(schema, "examples"), ...listOf(schema, "enum")];
  if (given.length > 0) return given[0];
  const inside = key === undefined ? around : [...around, key];
  const inner = (part: unknown): unknown => sample(context, part, inside, depth + 1, budget);
  const choice = listOf(schema, "oneOf")[0] ?? listOf(schema, "anyOf")[0];
  const parts = [...listOf(schema, "allOf"), ...(choice === undefined ? [] : [choice])].map(inner);
  const own = plain(schema, inner);
  if (parts.length === 0) return own;
  const objects = [...parts, own].filter((one) => typeof one === "object" && one !== null && !Array.isArray(one));
  return objects.length > 0 ? Object.assign({}, ...objects) : parts[0];
}

function plain(schema: SchemaObject, inner: (part: unknown) => unknown): unknown {
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "object" || "properties" in schema) {
    const entries = mapOf(schema, "properties").map(([name, value]) => [name, inner(value)] as const);
    const others = schema["additionalProperties"];
    if (entries.length === 0 && typeof others === "object" && others !== null) return { key: inner(others) };
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (type === "array" || "items" in schema || "prefixItems" in schema) {
    const items = schema["items"];
    const tuple =
      listOf(schema, "prefixItems").length > 0 ? listOf(schema, "prefixItems") : Array.isArray(items) ? items : [];
    if (tuple.length > 0) return tuple.map(inner);
    const element = items === undefined ? undefined : inner(items);
    return element === undefined ? [] : [element];
  }
  if (type === "string") return text(schema);
  if (type === "integer" || type === "number") return number(schema, type === "integer");
  return type === "boolean" ? true : type === "null" ? null : undefined;
}

function text(schema: SchemaObject): string {
  const { format, minLength, maxLength } = schema;
  const known = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined;
  const word = known ?? "text";
  const least = typeof minLength === "number" ? Math.min(minLength, 200) : 0;
  const most = typeof maxLength === "number" ? maxLength : Infinity;
  return known ?? word.padEnd(least, "x").slice(0, most);
}

function number(schema: SchemaObject, whole: boolean): number {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const step = typeof multipleOf === "number" && multipleOf > 0 ? multipleOf : whole ? 1 : 0.5;
  const limit = (value: unknown): number | undefined =>
    typeof value === "number" && Math.abs(value) !== Number.MAX_SAFE_INTEGER ? value : undefined;
  const above = limit(exclusiveMinimum);
  const below = limit(exclusiveMaximum);
  const low = limit(minimum) ?? (above === undefined ? undefined : above + step);
  const high = limit(maximum) ?? (below === undefined ? undefined : below - step);
  const start = low ?? (high === undefined ? step * 2 : Math.min(step * 2, high));
  return Math.ceil(start / step) * step;
}
