import { OptionError } from "../server/errors.ts";
import { type AnySchema, checkSchemas, type DocumentedSchema, type In, type Out } from "../server/schema.ts";
import { schemaMistakes } from "./schema-mistakes.ts";

/**
 * The same schema, shown in documents by a JSON Schema of yours (draft-07): where a library cannot say what it accepts,
 * or says it badly. Nothing compares the two. Errors: `OptionError`.
 *
 * @example withJsonSchema(v.pipe(v.string(), v.check(isIban)), { type: "string", pattern: "^[A-Z]{2}\\d{2}" })
 */
export function withJsonSchema<S extends AnySchema>(schema: S, jsonSchema: object): DocumentedSchema<In<S>, Out<S>> {
  checkSchemas("withJsonSchema()", { schema });
  const shown = jsonSchema as Record<string, unknown>;
  const [mistake] = schemaMistakes(shown);
  if (mistake !== undefined) throw new OptionError(`withJsonSchema(): ${mistake.message}.`);
  const standard = schema["~standard"] as DocumentedSchema<In<S>, Out<S>>["~standard"];
  return {
    "~standard": {
      version: 1,
      vendor: standard.vendor,
      validate: (value, options) => standard.validate(value, options),
      jsonSchema: { input: () => shown, output: () => shown },
    },
  };
}
