import { readFileSync } from "node:fs";
import * as millrace from "millrace";
import { describe, expect, test } from "vitest";

/** `docs/errors.md` lists every error: its code, its class, when it comes and what to do. */
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

const rows = [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
  ([, code = "", classes = "", when = "", what = ""]) => ({
    ...{ code, when, what },
    classes: [...classes.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
  }),
);

const source = read("src/server/errors.ts") + read("src/server/retry-after.ts");

const codes = [...(/export type ErrorCode =([^;]+);/.exec(source)?.[1] ?? "").matchAll(/"([A-Z_]+)"/g)].map(
  ([, code = ""]) => code,
);

/** Code by class, as the constructors give it; a class without one of its own has that of its parent. */
function codesByClass(): Map<string, string> {
  const found = new Map<string, string>();
  const declared = source.split(/^export class /m).slice(1);
  for (const text of declared) {
    const [, name = "", parent = ""] = /^(\w+)(?:<[^>]*>)? extends (\w+)/.exec(text) ?? [];
    const code = /super\(\s*"([A-Z_]+)"/.exec(text)?.[1] ?? found.get(parent);
    if (code !== undefined) found.set(name, code);
  }
  return found;
}

describe("docs/errors.md", () => {
  test("the source has codes and classes", () => {
    expect(codes.length).toBeGreaterThan(20);
    expect(codesByClass().size).toBeGreaterThanOrEqual(codes.length);
  });

  test("every code is documented once, in the same order, and no other", () => {
    expect(rows.map(({ code }) => code)).toEqual(codes);
  });

  test("the classes are those that have the code", () => {
    const documented = rows.flatMap(({ code, classes }) => classes.map((name) => `${name} ${code}`));
    const declared = [...codesByClass()].map(([name, code]) => `${name} ${code}`);
    expect(documented.toSorted()).toEqual(declared.toSorted());
  });

  test("every class is exported, under the name that it shows", () => {
    const exported: Readonly<Record<string, unknown>> = { ...millrace };
    for (const name of rows.flatMap(({ classes }) => classes)) {
      const made = exported[name] as (new (...given: never[]) => Error) | undefined;
      expect(made?.prototype, name).toBeInstanceOf(Error);
      expect(made?.name).toBe(name);
    }
  });

  test("every row says when and what to do", () => {
    for (const { code, when, what } of rows) {
      expect(when.length, code).toBeGreaterThan(20);
      expect(what.length, code).toBeGreaterThan(0);
    }
  });
});
