import fc from "fast-check";
import { expect, test } from "vitest";
import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";
import { standalonePage } from "../../src/asyncapi/page/standalone.ts";
import { everything } from "./everything.ts";

type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

/** All places in a value, the deepest last. */
function places(value: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))];
}

function put(value: Json, path: readonly string[], replacement: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return value.map((one, index) => (String(index) === key ? put(one, rest, replacement) : one));
  return { ...value, [key]: put(value[key] ?? null, rest, replacement) };
}

const whole = JSON.parse(JSON.stringify(everything)) as Json;
const all = places(whole).filter((path) => path.length > 0);
const odd: readonly Json[] = [
  null,
  "",
  "text",
  7,
  true,
  [],
  [null],
  {},
  { $ref: "#/info" },
  { $ref: "#" },
  { $ref: "#/components" },
];

test("a page comes of every document, however broken: documents of others are shown, too", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...all), fc.oneof(fc.constantFrom(...odd), fc.jsonValue())), {
        minLength: 1,
        maxLength: 4,
      }),
      (changes) => {
        const broken = changes.reduce((value, [path, replacement]) => put(value, path, replacement as Json), whole);
        expect(standalonePage(broken as unknown as AsyncApiDocument)).toContain("</html>");
      },
    ),
    { numRuns: 500 },
  );
}, 60_000);

test("wherever one value is something else", () => {
  const failures: string[] = [];
  for (const path of all) {
    for (const replacement of [null, "text", [{ toString: null }], { toString: null }]) {
      const broken = put(whole, path, replacement) as unknown as AsyncApiDocument;
      try {
        standalonePage(broken);
      } catch (error) {
        failures.push(`${path.join("/")} = ${JSON.stringify(replacement)}: ${error}`);
      }
    }
  }
  expect(failures).toEqual([]);
}, 120_000);
