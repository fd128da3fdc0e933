import type { PageContext } from "./context.ts";
import { isRecord } from "./resolver.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema as a page looks at it: references followed, `null` among its alternatives taken out. */
export interface ReadSchema {
  readonly schema: SchemaObject;
  /** `false` as a schema: no value fits. */
  readonly never: boolean;
  /** Name among the schemas of the document's components, if it came from there. */
  readonly name: string | undefined;
  /** What identifies it where references go in circles. */
  readonly key: string | undefined;
  readonly nullable: boolean;
  /** The language of a schema that is no JSON Schema, such as Avro. */
  readonly format: string | undefined;
}

const empty: ReadSchema = {
  schema: {},
  never: false,
  name: undefined,
  key: undefined,
  nullable: false,
  format: undefined,
};

function isNull(value: unknown): boolean {
  return isRecord(value) && value["type"] === "null" && Object.keys(value).length === 1;
}

/** `anyOf: [X, null]`, as many libraries write an optional value, reads as X with a remark. */
function unwrapNull(schema: SchemaObject): { readonly inner: unknown; readonly rest: SchemaObject } | undefined {
  for (const keyword of ["anyOf", "oneOf"]) {
    const parts = schema[keyword];
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.some(isNull)) continue;
    const { [keyword]: _, ...rest } = schema;
    return { inner: parts.find((part) => !isNull(part)), rest };
  }
  return undefined;
}

export function readSchema(context: PageContext, value: unknown): ReadSchema {
  if (value === false) return { ...empty, never: true };
  const followed = context.resolver.follow<unknown>(value);
  if (followed === undefined || !isRecord(followed.value)) return empty;
  const { value: found, pointer } = followed;
  const isComponent = pointer?.length === 3 && pointer[0] === "components" && pointer[1] === "schemas";
  const origin = { name: isComponent ? pointer[2] : undefined, key: pointer?.join("/") };
  const format = found["schemaFormat"];
  if (typeof format === "string" && "schema" in found) {
    const inner = found["schema"];
    // JSON Schema of any draft is read as what it is; other languages are shown as they are.
    if (/json|asyncapi/i.test(format) && isRecord(inner)) return { ...readSchema(context, inner), ...origin };
    return { ...empty, ...origin, schema: { schema: inner }, format };
  }
  const unwrapped = unwrapNull(found);
  if (unwrapped === undefined || unwrapped.inner === undefined) return { ...empty, ...origin, schema: found };
  const inner = readSchema(context, unwrapped.inner);
  const schema = { ...inner.schema, ...unwrapped.rest };
  return { ...inner, schema, name: inner.name ?? origin.name, key: inner.key ?? origin.key, nullable: true };
}

/** The value of a keyword that is a list. */
export function listOf(schema: SchemaObject, keyword: string): readonly unknown[] {
  const value = schema[keyword];
  return Array.isArray(value) ? value : [];
}

/** The value of a keyword that holds schemas by name. */
export function mapOf(schema: SchemaObject, keyword: string): readonly (readonly [string, unknown])[] {
  const value = schema[keyword];
  return isRecord(value) ? Object.entries(value) : [];
}
