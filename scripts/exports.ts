import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The public surface, measured: which names each subpath exports at run time.
 *
 *     node scripts/exports.ts           prints it
 *     node scripts/exports.ts --write   pins it in test/exports.expected.json, which test/exports.test.ts compares
 */
export type Surface = Readonly<Record<string, readonly string[]>>;

const root = fileURLToPath(new URL("../", import.meta.url));
export const expectedPath: string = join(root, "test/exports.expected.json");

/** Subpath -> source file, from the exports of package.json. */
export function entries(): ReadonlyMap<string, string> {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  };
  const found = new Map<string, string>();
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === "string") continue; // ./package.json, which is not built
    const source = target.default.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts");
    if (target.types !== target.default.replace(/\.js$/, ".d.ts"))
      throw new Error(`${subpath}: types and default differ`);
    found.set(subpath, source);
  }
  return found;
}

/** Source files that are subpaths by their place: an index.ts of a folder or of a server. */
export function indexes(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => `src/${path.replaceAll("\\", "/")}`)
    .filter((path) => /^src\/(?:[^/]+\/|servers\/[^/]+\/)?index\.ts$/.test(path))
    .sort();
}

/** The names a subpath exports as values, sorted. Types leave no trace at run time: the type tests look after those. */
export async function surface(): Promise<Surface> {
  const names: Record<string, readonly string[]> = {};
  for (const [subpath, source] of entries()) {
    const module = (await import(pathToFileURL(join(root, source)).href)) as object;
    names[subpath] = Object.keys(module).sort();
  }
  return names;
}

if (import.meta.main) {
  const text = `${JSON.stringify(await surface(), null, 2)}\n`;
  if (process.argv.includes("--write")) writeFileSync(expectedPath, text);
  else process.stdout.write(text);
}
