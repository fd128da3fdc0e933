import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** `docs/parity.md` promises a test for every row; here each of them is looked up. */
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

const waves = new Set(["brokers", "tasks", "documents"]);

const rows = read("docs/parity.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| Repid |"))
  .map((line) => line.slice(2, -2).split(" | "));

interface Reference {
  readonly path: string;
  readonly name: string;
}

const references: readonly Reference[] = rows.flatMap(([, , cell = ""]) =>
  cell.startsWith("later: ")
    ? []
    : cell.split("<br>").map((text) => {
        const [, path = "", name = ""] = /^`([^`]+)`(?: › (.+))?$/.exec(text) ?? [];
        return { path, name };
      }),
);

/** The line that has the name as a whole text, alone or behind the group that cases of the conformance suite begin with. */
function lineOf({ path, name }: Reference): string | undefined {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const whole = new RegExp(`(["'\`])(?:[a-z]+: )?${escaped}\\1`);
  return read(path)
    .split("\n")
    .find((line) => whole.test(line));
}

test("every row has three cells: what Repid does, what millrace does, and the proof or the wave that brings it", () => {
  expect(rows.length).toBeGreaterThan(100);
  for (const cells of rows) {
    expect(cells.length, cells.join(" | ")).toBe(3);
    expect(cells.every((cell) => cell.trim() !== "")).toBe(true);
    const [, , proof = ""] = cells;
    if (proof.startsWith("later: ")) expect(waves, proof).toContain(proof.slice("later: ".length));
  }
});

test("every file that is named exists and holds tests", () => {
  const missing = references.filter(({ path }) => path === "" || !existsSync(new URL(`../${path}`, import.meta.url)));
  expect(missing).toEqual([]);
  for (const { path } of references) expect(path).toMatch(/\.test(-d)?\.ts$|^src\/conformance\/app\/cases\//);
});

test("every test that is named is in its file, and is not one that is known to fail", () => {
  const absent = references.filter((one) => one.name !== "" && lineOf(one) === undefined);
  expect(absent).toEqual([]);
  const failing = references.filter((one) => one.name !== "" && lineOf(one)?.includes(".fails") === true);
  expect(failing).toEqual([]);
});
