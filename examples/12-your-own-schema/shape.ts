import type { DocumentedSchema, JsonSchemaOptions } from "millrace/json-schema";

// Some validation of one's own that no library knows: a function per field that returns what is wrong. The adapter makes it
// a Standard Schema, so that millrace can validate with it, and a Standard JSON Schema, so that it can document it.

export interface Field<T> {
  readonly type: "string" | "integer";
  check(value: unknown): string | undefined;
  readonly value?: T;
}

export const text = (max: number): Field<string> => ({
  type: "string",
  check: (value) =>
    typeof value === "string" && value.length <= max ? undefined : `expected a text of at most ${max}`,
});
export const count: Field<number> = {
  type: "integer",
  check: (value) => (Number.isInteger(value) ? undefined : "expected a whole number"),
};

export type Shape = Readonly<Record<string, Field<unknown>>>;
export type Shaped<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** The adapter: what a schema of millrace is. */
export function shape<S extends Shape>(fields: S): DocumentedSchema<Shaped<S>> {
  const names = Object.keys(fields);
  const toJson = (_options: JsonSchemaOptions): Record<string, unknown> => ({
    type: "object",
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, { type: fields[name]?.type }])),
  });
  return {
    "~standard": {
      version: 1,
      vendor: "shape", // A name of one's own.
      validate(value) {
        if (typeof value !== "object" || value === null) return { issues: [{ message: "expected an object" }] };
        const given = value as Readonly<Record<string, unknown>>;
        const issues = names.flatMap((name) => {
          const message = fields[name]?.check(given[name]);
          return message === undefined ? [] : [{ message, path: [name] }];
        });
        // The handler gets what stands here: only the known fields.
        return issues.length > 0
          ? { issues }
          : { value: Object.fromEntries(names.map((name) => [name, given[name]])) as Shaped<S> };
      },
      // What goes in is what comes out, so both sides are the same.
      jsonSchema: { input: toJson, output: toJson },
    },
  };
}
