import type { JsonSchema } from "./document.ts";
import type { Workshop } from "./workshop.ts";

/** A header that millrace adds, which the schema of the user need not know. */
export interface ExtraHeader {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

function isClosed(schema: JsonSchema, workshop: Workshop): boolean {
  const { additionalProperties, allOf } = workshop.schemas.resolve(schema);
  if (additionalProperties === false) return true;
  return Array.isArray(allOf) && allOf.some((one: JsonSchema) => isClosed(one, workshop));
}

function namesIn(schema: JsonSchema, workshop: Workshop): string[] {
  const { properties, allOf } = workshop.schemas.resolve(schema);
  const own = Object.keys((properties as object | undefined) ?? {});
  return [...own, ...(Array.isArray(allOf) ? allOf.flatMap((one: JsonSchema) => namesIn(one, workshop)) : [])];
}

/**
 * The headers of a message: an object with what its schemas say, and what millrace adds. Worker and schema agree in this:
 * a schema that allows no other headers is not asked about those of millrace.
 */
export function headersSchema(
  schemas: readonly JsonSchema[],
  extras: readonly ExtraHeader[],
  workshop: Workshop,
): JsonSchema | undefined {
  const known = new Set(schemas.flatMap((one) => namesIn(one, workshop)));
  const added = extras.filter(({ name }) => !known.has(name));
  const properties = Object.fromEntries(added.map(({ name, schema }) => [name, schema]));
  const required = added.filter((one) => one.required).map(({ name }) => name);
  const [only, ...others] = schemas;
  if (only === undefined) return added.length === 0 ? undefined : objectSchema({}, properties, required);
  if (others.length === 0 && only["type"] === "object" && only["allOf"] === undefined) {
    return objectSchema(only, properties, required);
  }
  if (schemas.some((one) => isClosed(one, workshop))) return { type: "object", allOf: schemas };
  return objectSchema({ allOf: schemas }, properties, required);
}

function objectSchema(own: JsonSchema, properties: object, required: readonly string[]): JsonSchema {
  const allProperties = { ...(own["properties"] as object | undefined), ...properties };
  const allRequired = [...((own["required"] as readonly string[] | undefined) ?? []), ...required];
  return {
    ...own,
    type: "object",
    ...(Object.keys(allProperties).length === 0 ? {} : { properties: allProperties }),
    ...(allRequired.length === 0 ? {} : { required: allRequired }),
  };
}
