import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { Schema } from "effect";
import fc from "fast-check";
import { jsonSchema } from "millrace/json-schema";
import Type, { type TSchema } from "typebox";
import * as v from "valibot";
import * as z from "zod";
import type { AnySchema } from "../../src/server/schema.ts";

/** What a payload may look like, apart from any library. */
export type Shape =
  | { readonly kind: "string"; readonly min: number }
  | { readonly kind: "integer" | "number"; readonly min: number; readonly max: number }
  | { readonly kind: "boolean" }
  | { readonly kind: "literals"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly of: Shape; readonly max: number }
  | { readonly kind: "record"; readonly of: Shape }
  | { readonly kind: "either"; readonly one: Shape; readonly other: Shape }
  | { readonly kind: "nullable"; readonly of: Shape }
  | { readonly kind: "object"; readonly required: Fields; readonly optional: Fields; readonly closed: boolean };

type Fields = Readonly<Record<string, Shape>>;

const limits = { min: fc.integer({ min: -3, max: 1 }), max: fc.integer({ min: 2, max: 4 }) };
const fields = (shape: fc.Arbitrary<Shape>, names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), shape, { maxKeys: 2, noNullPrototype: true });

/** Any shape, an object at the top as most payloads are. */
export const shapes: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape; object: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("string" as const), min: fc.nat(2) }),
    fc.record({ kind: fc.constantFrom("integer" as const, "number" as const), ...limits }),
    fc.record({ kind: fc.constant("boolean" as const) }),
    fc.record({
      kind: fc.constant("literals" as const),
      values: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 }),
    }),
    fc.record({ kind: fc.constant("list" as const), of: tie("shape"), max: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("record" as const), of: tie("shape") }),
    fc.record({ kind: fc.constant("either" as const), one: tie("shape"), other: tie("shape") }),
    fc.record({ kind: fc.constant("nullable" as const), of: tie("shape") }),
    tie("object"),
  ),
  object: fc.record({
    kind: fc.constant("object" as const),
    required: fields(tie("shape"), ["a", "b", "title"]),
    optional: fields(tie("shape"), ["c", "$ref", "type"]),
    closed: fc.boolean(),
  }),
})).object;

/** JSON values that are near a shape: many fit, many nearly fit. */
export function valuesFor(shape: Shape): fc.Arbitrary<unknown> {
  const wild = fc.constantFrom<unknown>(null, true, 0, 1, 2.5, -7, "", "a", "abc", [], {}, ["a"], { a: 1 });
  return fc.oneof({ weight: 6, arbitrary: near(shape) }, { weight: 1, arbitrary: wild });
}

function near(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "string":
      return fc.string({ maxLength: 4, unit: "grapheme-ascii" });
    case "integer":
    case "number":
      return fc.oneof(fc.integer({ min: -4, max: 5 }), fc.constantFrom(0.5, 1.5));
    case "boolean":
      return fc.boolean();
    case "literals":
      return fc.constantFrom("a", "b", "c", "d");
    case "list":
      return fc.array(valuesFor(shape.of), { maxLength: 4 });
    case "record":
      return fc.dictionary(fc.constantFrom("x", "y"), valuesFor(shape.of), { maxKeys: 2, noNullPrototype: true });
    case "either":
      return fc.oneof(valuesFor(shape.one), valuesFor(shape.other));
    case "nullable":
      return fc.oneof(valuesFor(shape.of), fc.constant(null));
    case "object": {
      const entries = Object.entries({ ...shape.optional, ...shape.required });
      const known = fc.record(Object.fromEntries(entries.map(([key, one]) => [key, valuesFor(one)])), {
        requiredKeys: Object.keys(shape.required),
        noNullPrototype: true,
      });
      const lacking = fc.record(Object.fromEntries(entries.map(([key, one]) => [key, valuesFor(one)])), {
        requiredKeys: [],
        noNullPrototype: true,
      });
      const more = known.map((one) => ({ ...one, more: 1 }));
      return fc.oneof(
        { weight: 3, arbitrary: known },
        { weight: 1, arbitrary: lacking },
        { weight: 1, arbitrary: more },
      );
    }
  }
}

const mapFields = <T>(of: Fields, make: (shape: Shape) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(of).map(([key, shape]) => [key, make(shape)]));

/** Names that both lists of fields have are required ones: the names differ. */
function toZod(shape: Shape): z.ZodType {
  switch (shape.kind) {
    case "string":
      return z.string().min(shape.min);
    case "integer":
      return z.int().min(shape.min).max(shape.max);
    case "number":
      return z.number().min(shape.min).max(shape.max);
    case "boolean":
      return z.boolean();
    case "literals":
      return z.enum(shape.values as [string]);
    case "list":
      return z.array(toZod(shape.of)).max(shape.max);
    case "record":
      return z.record(z.string(), toZod(shape.of));
    case "either":
      return z.union([toZod(shape.one), toZod(shape.other)]);
    case "nullable":
      return toZod(shape.of).nullable();
    case "object": {
      const optional = mapFields(shape.optional, (one) => toZod(one).optional());
      const all = { ...mapFields(shape.required, toZod), ...optional };
      return shape.closed ? z.strictObject(all) : z.object(all);
    }
  }
}

function toValibot(shape: Shape): v.GenericSchema {
  switch (shape.kind) {
    case "string":
      return v.pipe(v.string(), v.minLength(shape.min));
    case "integer":
      return v.pipe(v.number(), v.integer(), v.minValue(shape.min), v.maxValue(shape.max));
    case "number":
      return v.pipe(v.number(), v.minValue(shape.min), v.maxValue(shape.max));
    case "boolean":
      return v.boolean();
    case "literals":
      return v.picklist(shape.values);
    case "list":
      return v.pipe(v.array(toValibot(shape.of)), v.maxLength(shape.max));
    case "record":
      return v.record(v.string(), toValibot(shape.of));
    case "either":
      return v.union([toValibot(shape.one), toValibot(shape.other)]);
    case "nullable":
      return v.nullable(toValibot(shape.of));
    case "object": {
      const optional = mapFields(shape.optional, (one) => v.exactOptional(toValibot(one)));
      const all = { ...mapFields(shape.required, toValibot), ...optional };
      return shape.closed ? v.strictObject(all) : v.object(all);
    }
  }
}

/** arktype refuses unions of objects that it cannot tell apart only when they are morphs; these are not. */
function toArktype(shape: Shape): typeof type.unknown {
  const made = arktypeOf(shape);
  return made as unknown as typeof type.unknown;
}

function arktypeOf(shape: Shape): { or(other: unknown): unknown; array(): { atMostLength(max: number): unknown } } {
  const parse = (definition: unknown) => type(definition as never) as unknown as ReturnType<typeof arktypeOf>;
  switch (shape.kind) {
    case "string":
      return parse(`string >= ${shape.min}`);
    case "integer":
      return parse(`${shape.min} <= number.integer <= ${shape.max}`);
    case "number":
      return parse(`${shape.min} <= number <= ${shape.max}`);
    case "boolean":
      return parse("boolean");
    case "literals":
      return parse(["===", ...shape.values]);
    case "list":
      return arktypeOf(shape.of).array().atMostLength(shape.max) as ReturnType<typeof arktypeOf>;
    case "record":
      return parse({ "[string]": arktypeOf(shape.of) });
    case "either":
      return arktypeOf(shape.one).or(arktypeOf(shape.other)) as ReturnType<typeof arktypeOf>;
    case "nullable":
      return arktypeOf(shape.of).or("null") as ReturnType<typeof arktypeOf>;
    case "object": {
      const optional = Object.entries(shape.optional).map(([key, one]) => [`${key}?`, arktypeOf(one)]);
      const closed = shape.closed ? { "+": "reject" } : {};
      return parse({ ...mapFields(shape.required, arktypeOf), ...Object.fromEntries(optional), ...closed });
    }
  }
}

function toTypeBox(shape: Shape): TSchema {
  switch (shape.kind) {
    case "string":
      return Type.String({ minLength: shape.min });
    case "integer":
      return Type.Integer({ minimum: shape.min, maximum: shape.max });
    case "number":
      return Type.Number({ minimum: shape.min, maximum: shape.max });
    case "boolean":
      return Type.Boolean();
    case "literals":
      return Type.Enum([...shape.values]);
    case "list":
      return Type.Array(toTypeBox(shape.of), { maxItems: shape.max });
    case "record":
      return Type.Record(Type.String(), toTypeBox(shape.of));
    case "either":
      return Type.Union([toTypeBox(shape.one), toTypeBox(shape.other)]);
    case "nullable":
      return Type.Union([toTypeBox(shape.of), Type.Null()]);
    case "object": {
      const optional = mapFields(shape.optional, (one) => Type.Optional(toTypeBox(one)));
      return Type.Object(
        { ...mapFields(shape.required, toTypeBox), ...optional },
        { additionalProperties: !shape.closed },
      );
    }
  }
}

type Codec = Schema.Codec<unknown>;

/** Objects of effect allow other fields; there is no closed one to generate. */
function toEffect(shape: Shape): Codec {
  switch (shape.kind) {
    case "string":
      // JSON Schema counts code points, JavaScript halves of them: above 1 effect says less than it checks, on purpose.
      return Schema.String.check(Schema.isMinLength(Math.min(shape.min, 1))) as Codec;
    case "integer":
      return Schema.Int.check(Schema.isBetween({ minimum: shape.min, maximum: shape.max })) as Codec;
    case "number":
      return Schema.Finite.check(Schema.isBetween({ minimum: shape.min, maximum: shape.max })) as Codec;
    case "boolean":
      return Schema.Boolean as Codec;
    case "literals":
      return Schema.Literals(shape.values) as unknown as Codec;
    case "list":
      return Schema.Array(toEffect(shape.of)).check(Schema.isMaxLength(shape.max)) as Codec;
    case "record":
      return Schema.Record(Schema.String, toEffect(shape.of)) as Codec;
    case "either":
      return Schema.Union([toEffect(shape.one), toEffect(shape.other)]) as Codec;
    case "nullable":
      return Schema.NullOr(toEffect(shape.of)) as Codec;
    case "object": {
      const optional = mapFields(shape.optional, (one) => Schema.optionalKey(toEffect(one)));
      return Schema.Struct({ ...mapFields(shape.required, toEffect), ...optional }) as Codec;
    }
  }
}

/** For these a list is an object, too, which it is not in JSON Schema: their documents are stricter than they are. */
export const takesListsAsObjects = new Set(["valibot", "arktype"]);

/** The same shape in every library. */
export const libraries: Readonly<Record<string, (shape: Shape) => AnySchema>> = {
  zod: toZod,
  valibot: (shape) => toStandardJsonSchema(toValibot(shape)),
  arktype: toArktype,
  effect: (shape) => Schema.toStandardJSONSchemaV1(Schema.toStandardSchemaV1(toEffect(shape))),
  typebox: (shape) => jsonSchema(toTypeBox(shape)),
};
