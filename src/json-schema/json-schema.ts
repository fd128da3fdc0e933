import { OptionError } from "../server/errors.ts";
import type { DocumentedSchema, JsonSchemaOptions } from "../server/schema.ts";
import { type AjvError, type AjvLike, type CompiledSchema, createAjv, dialectOf, requirePeers } from "./ajv.ts";
import { schemaMistakes } from "./schema-mistakes.ts";
import { isSchemaObject, visitSchemas } from "./subschemas.ts";

export interface JsonSchemaSettings {
  /**
   * Whether `format` is checked, which needs the package `ajv-formats`. Default `true`. With `false` it is a remark, and
   * a text that is no date passes as one.
   */
  readonly formats?: boolean;
  /** An ajv of your own, with keywords, formats and schemas that this schema needs. */
  readonly ajv?: AjvLike;
}

function hasFormat(schema: object): boolean {
  let found = false;
  visitSchemas(schema as Readonly<Record<string, unknown>>, (one) => {
    found ||= typeof one["format"] === "string";
  });
  return found;
}

function checkSchema(schema: object, own: boolean): void {
  if (!isSchemaObject(schema)) throw new OptionError("jsonSchema() expects a JSON Schema that is an object.");
  const [mistake] = schemaMistakes(schema);
  if (mistake !== undefined) {
    throw new OptionError(`jsonSchema(): ${mistake.message}, at #${mistake.path.map((key) => `/${key}`).join("")}.`);
  }
  if (own) return;
  visitSchemas(schema, ({ $ref }) => {
    if (typeof $ref === "string" && /^[a-z][a-z\d+.-]*:|\.(json|ya?ml)\b/i.test($ref)) {
      throw new OptionError(`jsonSchema() does not fetch ${$ref}: put it under $defs, or give an ajv that knows it.`);
    }
  });
}

function pathOf({ instancePath, keyword, params }: AjvError): string[] {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const missing = keyword === "required" ? params["missingProperty"] : undefined;
  return typeof missing === "string" ? [...path, missing] : path;
}

/**
 * A raw JSON Schema as a schema of millrace: validated by ajv, shown in documents as it is. TypeBox types are JSON
 * Schemas. Give the type of the values yourself: `jsonSchema<Static<typeof T>>(T)`.
 *
 * Draft-07 unless `$schema` says 2019-09 or 2020-12. ajv is loaded, and the schema compiled, with the first value. A value
 * is never changed: no defaults, no coercion. Errors: `MissingPeerError` without ajv (or ajv-formats, where `format` is
 * used), `OptionError` for what is no JSON Schema and for references to other files.
 *
 * @example
 * const order = jsonSchema<{ id: string }>({ type: "object", properties: { id: { type: "string" } }, required: ["id"] });
 */
export function jsonSchema<T = unknown>(schema: object, settings: JsonSchemaSettings = {}): DocumentedSchema<T> {
  checkSchema(schema, settings.ajv !== undefined);
  const { target, module } = dialectOf(schema);
  const formats = settings.formats !== false && hasFormat(schema);
  if (settings.ajv === undefined) requirePeers(formats);
  let compiled: CompiledSchema | undefined;

  function compile(): CompiledSchema {
    try {
      return (settings.ajv ?? createAjv(module, formats)).compile(schema);
    } catch (cause) {
      if (cause instanceof OptionError) throw cause;
      throw new OptionError(`The schema given to jsonSchema() cannot be compiled: ${String(cause)}`, { cause });
    }
  }

  function toJsonSchema(options: JsonSchemaOptions): Record<string, unknown> {
    if (options.target !== target) throw new OptionError(`This JSON Schema is ${target}, not ${options.target}.`);
    return schema as Record<string, unknown>;
  }

  return {
    "~standard": {
      version: 1,
      vendor: "json-schema",
      validate(value) {
        compiled ??= compile();
        try {
          if (compiled(value) === true) return { value: value as T };
        } catch (error) {
          // ajv stumbles over some values, { "valueOf": null } beside an enum of objects: bad input, no fault of the actor.
          return { issues: [{ message: `could not be checked: ${String(error)}` }] };
        }
        const errors = compiled.errors ?? [];
        return { issues: errors.map((error) => ({ message: error.message ?? error.keyword, path: pathOf(error) })) };
      },
      jsonSchema: { input: toJsonSchema, output: toJsonSchema },
    },
  };
}
