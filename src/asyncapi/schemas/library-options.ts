import { isSchemaObject, type SchemaObject } from "../../json-schema/subschemas.ts";

/** Where a schema is used: headers are texts on the wire, whatever they become. */
export type SchemaPart = "payload" | "headers" | "reply";

/** Stands in a schema in the place of what JSON Schema cannot say, with the reason. Lint reports it. */
export const unrepresentable = "x-unrepresentable";

/** Types of values that no JSON value ever is. */
const neverJson = new Set(["bigint", "date", "file", "function", "map", "nan", "promise", "set", "symbol"]);
const namesOfTypes: Readonly<Record<string, string>> = { date: "Date", map: "Map", set: "Set", nan: "NaN" };

type Never = (type: string) => SchemaObject;

function neverInJson(type: string): SchemaObject {
  return { not: {}, [unrepresentable]: `no JSON value is a ${namesOfTypes[type] ?? type}` };
}

function looser(what: string): SchemaObject {
  return { [unrepresentable]: `JSON Schema cannot say what this ${what} accepts` };
}

/** What schema libraries tell of a schema that they convert; all of it is looked at with suspicion. */
interface Conversion {
  readonly jsonSchema?: unknown;
  readonly zodSchema?: { readonly _zod?: { readonly def?: { readonly type?: unknown; readonly coerce?: unknown } } };
  readonly valibotSchema?: { readonly type?: unknown };
  readonly errors?: readonly unknown[];
  readonly code?: unknown;
  readonly base?: unknown;
  readonly domain?: unknown;
}

function coerced(type: string, part: SchemaPart): SchemaObject | undefined {
  if (type === "date") return { type: "string", format: "date-time" };
  if (type === "bigint") return { type: "string", pattern: "^-?\\d+$" };
  return part === "headers" && type !== "string" ? { type: "string" } : undefined;
}

/** zod wants its own object changed. */
function overrideZod({ zodSchema, jsonSchema }: Conversion, part: SchemaPart, never: Never): void {
  const { type, coerce } = zodSchema?._zod?.def ?? {};
  if (typeof type !== "string" || !isSchemaObject(jsonSchema)) return;
  const isEmpty = Object.keys(jsonSchema).length === 0;
  let instead: SchemaObject | undefined;
  if (coerce === true) instead = coerced(type, part);
  else if (neverJson.has(type)) instead = never(type);
  else if (isEmpty && (type === "custom" || type === "transform")) instead = looser(type);
  if (instead === undefined) return;
  const target = jsonSchema as Record<string, unknown>;
  for (const key of Object.keys(target)) if (key !== "default") delete target[key];
  Object.assign(target, instead);
}

function overrideValibot({ valibotSchema, jsonSchema, errors }: Conversion, never: Never): unknown {
  if (errors === undefined || errors.length === 0) return jsonSchema;
  const type = String(valibotSchema?.type);
  return neverJson.has(type) ? never(type) : { ...(jsonSchema as object), ...looser(type) };
}

function fallbackArktype({ code, base, domain }: Conversion, never: Never): unknown {
  if (code === "date" || code === "proto") return never(code === "date" ? "date" : "instance of a class");
  if (code === "domain" && typeof domain === "string") return never(domain);
  return { ...(base as object), ...looser(String(code)) };
}

/**
 * Options for the library of a schema, by the vendor that the schema names, so that what JSON Schema cannot say is marked
 * instead of lost or thrown. Other vendors get none. Without `isJson`, a codec of one's own may bring values of any type.
 */
export function libraryOptions(vendor: string, part: SchemaPart, isJson: boolean): Record<string, unknown> | undefined {
  const never: Never = isJson ? neverInJson : looser;
  if (vendor === "zod") {
    return { unrepresentable: "any", override: (conversion: Conversion) => overrideZod(conversion, part, never) };
  }
  if (vendor === "valibot") {
    return { errorMode: "ignore", overrideSchema: (conversion: Conversion) => overrideValibot(conversion, never) };
  }
  if (vendor === "arktype") {
    return { fallback: { default: (conversion: Conversion) => fallbackArktype(conversion, never) } };
  }
  return undefined;
}
