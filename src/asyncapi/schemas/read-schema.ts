import { isSchemaObject, type SchemaObject, visitSchemas } from "../../json-schema/subschemas.ts";
import { MillraceError, OptionError } from "../../server/errors.ts";
import { type AnySchema, jsonSchemaOf } from "../../server/schema.ts";
import { pointerOf } from "../reference.ts";
import { libraryOptions, type SchemaPart, unrepresentable } from "./library-options.ts";
import { rewriteReferences } from "./schema-batch.ts";

/** A converter of one's own: the JSON Schema (draft-07) of a schema's input, or nothing if it does not know it. */
export type ToJsonSchema = (schema: AnySchema, part: SchemaPart) => SchemaObject | undefined;

export interface ReadOptions {
  readonly toJsonSchema: ToJsonSchema | undefined;
  /** Refuses whatever JSON Schema cannot say. */
  readonly strict: boolean;
  /** Whether the values travel as JSON (or text), not by a codec of one's own. */
  readonly isJson: boolean;
}

const hints: Readonly<Record<string, string>> = {
  valibot: "wrap it with toStandardJsonSchema() of @valibot/to-json-schema",
  effect: "wrap it with Schema.toStandardJSONSchemaV1()",
  zod: "use zod 4.2 or later",
};

function undocumented(vendor: string): SchemaObject {
  const hint = hints[vendor] ?? "use withJsonSchema() of millrace/json-schema";
  return { [unrepresentable]: `${vendor} gives no JSON Schema for it: ${hint}` };
}

/** arktype names definitions by counters of the process: other types made before would change the document. */
function withoutCounters(schema: SchemaObject): SchemaObject {
  const { definitions } = schema;
  if (!isSchemaObject(definitions)) return schema;
  const prefix = "#/definitions/";
  const keys = new Map(Object.keys(definitions).map((key, index) => [key, /\d$/.test(key) ? String(index + 1) : key]));
  const renamed = rewriteReferences({ ...schema, definitions: undefined }, rename);
  const entries = Object.entries(definitions).map(([key, one]) => [
    keys.get(key) as string,
    isSchemaObject(one) ? rewriteReferences(one, rename) : one,
  ]);
  function rename(reference: string): string {
    const key = reference.startsWith(prefix) ? keys.get(reference.slice(prefix.length)) : undefined;
    return key === undefined ? reference : prefix + key;
  }
  return { ...renamed, definitions: Object.fromEntries(entries) };
}

/** 2020-12 and 2019-09 where a schema cannot be said in draft-07: only raw JSON Schemas refuse draft-07 for that. */
const newer = ["draft-2020-12", "draft-2019-09"] as const;

function convert(schema: AnySchema, part: SchemaPart, isJson: boolean): SchemaObject {
  const converter = jsonSchemaOf(schema);
  const { vendor } = schema["~standard"];
  if (converter === undefined) return undocumented(vendor);
  const options = libraryOptions(vendor, part, isJson);
  const given = options === undefined ? {} : { libraryOptions: options };
  let reason: unknown;
  for (const target of ["draft-07", ...(vendor === "json-schema" ? newer : [])]) {
    try {
      const json = converter.input({ target, ...given });
      return vendor === "arktype" ? withoutCounters(json) : json;
    } catch (error) {
      reason ??= error;
    }
  }
  const why = reason instanceof Error ? reason.message : String(reason);
  return { [unrepresentable]: `${vendor} could not say it: ${why}` };
}

/** A place that JSON can fill in another way is no mistake: one of several alternatives, or a property that may be absent. */
function isAlternative(path: readonly string[]): boolean {
  return path.includes("anyOf") || path.includes("oneOf") || path.includes("not") || path.includes("if");
}

/** Values that JSON never brings in a place that must be filled can never arrive: no message would ever be accepted. */
function checkSchema(json: SchemaObject, owner: string, { strict }: ReadOptions): void {
  visitSchemas(json, (one, path) => {
    const reason = one[unrepresentable];
    if (typeof reason !== "string") return;
    const where = `${owner}${path.length === 0 ? "" : ` at ${pointerOf(path)}`}`;
    if (isSchemaObject(one["not"]) && !isAlternative(path)) {
      throw new OptionError(
        `The ${where}: ${reason}. Coerce it (z.coerce.date()), parse it from a text, or use a codec.`,
      );
    }
    if (strict) throw new OptionError(`The ${where}: ${reason}.`);
  });
}

/**
 * The JSON Schema of what goes over the wire: the input of the schema. What JSON Schema cannot say is marked in it.
 * Errors: `OptionError` for a type that no JSON value has, and with `strict` for every mark.
 */
export function readSchema(schema: AnySchema, part: SchemaPart, owner: string, options: ReadOptions): SchemaObject {
  let json: unknown;
  try {
    json = options.toJsonSchema?.(schema, part) ?? convert(schema, part, options.isJson);
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new OptionError(`The ${part} of ${owner} could not be turned into JSON Schema.`, { cause });
  }
  if (!isSchemaObject(json))
    throw new OptionError(`The ${part} of ${owner} turned into something that is no JSON Schema.`);
  checkSchema(json, `${part} of ${owner}`, options);
  return json;
}
