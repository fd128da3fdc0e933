import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/**
 * The architecture as a test: arrows between folders only go down, wings stand alone, and nothing outside the package is
 * pulled in by accident. ARCHITECTURE.md tells the story; these tables are the law.
 */
const floors: Readonly<Record<string, number>> = {
  internal: 0,
  server: 1,
  contract: 2,
  "json-schema": 2,
  runtime: 3,
  policies: 3,
  asyncapi: 3,
  http: 3,
  schedule: 3,
  threads: 3,
  app: 4,
  testing: 4,
  "index.ts": 5,
};

/** What a wing may import from npm: its own client and nothing else. */
const clients: Readonly<Record<string, readonly string[]>> = { memory: [], redis: ["@redis/client"], sqlite: [] };

/** Optional peers and where they are used: never at the top of a file, so that the package works without them. */
const lazyPeers: Readonly<Record<string, readonly string[]>> = {
  "@asyncapi/parser": ["cli"],
  piscina: ["threads"],
  tinypool: ["threads"],
  yaml: ["http", "cli"],
};

interface Import {
  readonly from: string;
  readonly target: string;
  readonly form: "type" | "static" | "dynamic";
}

const root = fileURLToPath(new URL("../src/", import.meta.url));
const paths = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/\.test(-d)?\.ts$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
  .sort();

/** Blanks comments (and strings, if asked): a code sample in a doc comment is no import, and a message may say "any". */
function code(path: string, strings: "keep" | "blank"): string {
  const tokens = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return readFileSync(join(root, path), "utf8").replace(tokens, (_, text: string | undefined) =>
    text === undefined ? "" : strings === "keep" ? text : '""',
  );
}

function importsOf(path: string): Import[] {
  const text = code(path, "keep");
  const found: Import[] = [];
  const add = (specifier: string, form: Import["form"]): void => {
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
    found.push({ from: path, target, form });
  };
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm)) {
    add(match[2]!, match[1] === undefined ? "static" : "type");
  }
  for (const match of text.matchAll(/\bimport\(\s*"([^"]+)"/g)) add(match[1]!, "dynamic");
  return found;
}

const imports = paths.flatMap(importsOf);
const internal = imports.filter(({ target }) => paths.includes(target));
const external = imports.filter(({ target }) => !paths.includes(target));

const folder = (path: string): string => path.split("/")[0]!;
const broker = (path: string): string | undefined => /^servers\/([^/]+)\//.exec(path)?.[1];
const show = ({ from, target, form }: Import): string => `${from} -> ${target} (${form})`;

/** Whether one file of ours may import another. */
function allowed(from: string, target: string): boolean {
  const floor = floors[folder(target)];
  if (broker(from) !== undefined) return broker(target) === broker(from) || (floor !== undefined && floor <= 1);
  if (folder(from) === "cloudevents") return folder(target) === "cloudevents" || (floor !== undefined && floor <= 1);
  if (folder(from) === "conformance") {
    if (folder(target) === "conformance" || (floor !== undefined && floor <= 1)) return true;
    return from.startsWith("conformance/app/") && (target === "index.ts" || target === "testing/index.ts");
  }
  // The command line sees what users see.
  if (folder(from) === "cli") return folder(target) === "cli" || /^(?:[^/]+\/)?index\.ts$/.test(target);
  if (folder(from) === "testing" && broker(target) === "memory") return true;
  if (folder(from) === "internal") return folder(target) === "internal";
  return floor !== undefined && floor <= floors[folder(from)]!;
}

/** Whether a file may import something that is not ours. A relative path to no file of ours ends here too, refused. */
function allowedExternal({ from, target, form }: Import): boolean {
  if (target.startsWith("node:")) return true;
  if (target === "@standard-schema/spec") return from === "server/schema.ts" && form === "type";
  if (target in lazyPeers) return lazyPeers[target]!.includes(folder(from)) && form === "dynamic";
  return clients[broker(from) ?? ""]?.includes(target) ?? false;
}

test("there are sources, and every one of them has a floor or is a wing", () => {
  expect(paths).toContain("index.ts");
  const homeless = paths.filter(
    (path) =>
      !(
        folder(path) in floors ||
        ["cli", "cloudevents", "conformance"].includes(folder(path)) ||
        (broker(path) ?? "") in clients
      ),
  );
  expect(homeless).toEqual([]);
});

test("arrows only go down", () => {
  expect(internal.filter(({ from, target }) => !allowed(from, target)).map(show)).toEqual([]);
});

test("imports from outside are node: and the few that are named here", () => {
  expect(external.filter((one) => !allowedExternal(one)).map(show)).toEqual([]);
});

test("no cycles between files, types included", () => {
  const next = Map.groupBy(internal, ({ from }) => from);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    else if (!done.has(path)) {
      for (const { target } of next.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    }
  };
  for (const path of paths) visit(path, []);
  expect(cycles).toEqual([]);
});

test("one noun per file: no drawers, no file over 400 lines", () => {
  expect(paths.filter((path) => /(^|\/)(utils?|types|helpers?|interfaces|common)\.ts$/.test(path))).toEqual([]);
  const lines = (path: string): number => readFileSync(join(root, path), "utf8").trimEnd().split("\n").length;
  expect(paths.filter((path) => lines(path) > 400).map((path) => `${path}: ${lines(path)} lines`)).toEqual([]);
});

test("the word any is not a type here", () => {
  const found = paths.flatMap((path) =>
    code(path, "blank")
      .split("\n")
      .filter((line) => /(?::|\bas|<|,|\||&|=>|=)\s*any\b(?!\()|\bany\[\]/.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});
