import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { type Awaitable, isPromise } from "../internal/awaitable.ts";
import { OptionError, ValidationError, type ValidationIssue } from "./errors.ts";

/** Any schema that speaks Standard Schema: zod, valibot, arktype, effect, TypeBox … */
export type AnySchema = StandardSchemaV1;
export type MaybeSchema = AnySchema | undefined;

/** What goes in: the form on the wire and the form that `send` takes. `unknown` without a schema. */
export type In<S> = S extends AnySchema ? StandardSchemaV1.InferInput<S> : unknown;
/** What comes out: the form that the handler gets. */
export type Out<S> = S extends AnySchema ? StandardSchemaV1.InferOutput<S> : unknown;

/** A schema that can also say what it accepts, for documents. */
export type DocumentedSchema<In = unknown, Out = In> = StandardSchemaV1<In, Out> & StandardJSONSchemaV1<In, Out>;

/** Options of the conversion into JSON Schema: the dialect, and what only the library of the schema understands. */
export type JsonSchemaOptions = StandardJSONSchemaV1.Options;

/** How a schema turns into JSON Schema, if it can (Standard JSON Schema). */
export function jsonSchemaOf(schema: AnySchema): StandardJSONSchemaV1.Converter | undefined {
  const standard: StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props> = schema["~standard"];
  return typeof standard.jsonSchema?.input === "function" ? standard.jsonSchema : undefined;
}

function issueOf(issue: StandardSchemaV1.Issue): ValidationIssue {
  const path = Array.from(issue.path ?? [], (segment) => {
    const key = typeof segment === "object" ? segment.key : segment;
    return typeof key === "number" ? key : String(key);
  });
  return { message: issue.message, path };
}

function unwrap(result: StandardSchemaV1.Result<unknown>, part: "payload" | "headers" | "reply"): unknown {
  if (result.issues !== undefined) throw new ValidationError(part, result.issues.map(issueOf));
  return result.value;
}

/** Validates; not a promise unless the schema itself is asynchronous. Throws or rejects with `ValidationError`. */
export function validate(schema: AnySchema, value: unknown, part: "payload" | "headers" | "reply"): Awaitable<unknown> {
  const result = schema["~standard"].validate(value);
  if (isPromise(result)) return result.then((settled) => unwrap(settled, part));
  return unwrap(result, part);
}

/** Refuses what is no schema where it is given, not at the first message. Errors: `OptionError`. */
export function checkSchemas(owner: string, schemas: Readonly<Record<string, MaybeSchema>>): void {
  for (const [part, schema] of Object.entries(schemas)) {
    if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
      throw new OptionError(`The ${part} of ${owner} is no Standard Schema: use zod, valibot, arktype or the like.`);
    }
  }
}
