import type { AnySchema } from "../../server/schema.ts";

/** A schema whose input and output are the same type. Written by hand: the package imports no schema library. */
export interface PlainSchema<T> extends AnySchema {
  readonly "~standard": AnySchema["~standard"] & {
    readonly types?: { readonly input: T; readonly output: T } | undefined;
  };
}

/** Accepts what `check` accepts; otherwise one issue with the message. */
export function schema<T>(message: string, check: (value: unknown) => value is T): PlainSchema<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "millrace-conformance",
      validate: (value) => (check(value) ? { value } : { issues: [{ message, path: ["n"] }] }),
    },
  };
}

export interface Numbered {
  readonly n: number;
}

export const numbered: PlainSchema<Numbered> = schema("expected { n: number }", (value): value is Numbered => {
  return typeof value === "object" && value !== null && typeof (value as { n?: unknown }).n === "number";
});
