import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { entries } from "../scripts/exports.ts";

/**
 * Documentation that does not compile is wrong. Every block of TypeScript in these pages is a module of its own; one
 * that begins with a comment such as `// contracts.ts` is a file of that name, which the others of its page can import.
 * The blocks of the README are run as well, under plain Node.
 */
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "docs/cli.md",
  "docs/asyncapi.md",
  "docs/confirmation.md",
  "docs/contracts.md",
  "docs/docs-page.md",
  "docs/foreign-systems.md",
  "docs/guarantees.md",
  "docs/operations.md",
  "docs/servers/memory.md",
  "docs/servers/redis.md",
  "docs/servers/sqlite.md",
  "docs/testing.md",
  "docs/wire.md",
  "docs/your-own-codec.md",
  "docs/your-own-schema.md",
  "docs/your-own-server.md",
];

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
const work = realpathSync(mkdtempSync(join(tmpdir(), "millrace-docs-")));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Block {
  readonly page: string;
  readonly line: number;
  readonly path: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const markdown = readFileSync(join(root, page), "utf8");
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, index) => {
    const text = match[1]!;
    const name = /^\/\/ ([\w.-]+\.ts)\b/.exec(text)?.[1] ?? `block-${index + 1}.ts`;
    const line = markdown.slice(0, match.index).split("\n").length + 1;
    return { page, line, path: join(page.replace(/\W/g, "-"), name), text };
  });
}

const blocks = pages.flatMap(blocksOf);

/** The package as it is installed, but with its sources in place of the build: nothing needs to be built first. */
function install(folder: string): void {
  const modules = join(folder, "node_modules");
  if (existsSync(modules)) return;
  mkdirSync(join(modules, "millrace"), { recursive: true });
  const exports = [...entries()].map(([subpath, source]) => [subpath, `./${source}`]);
  const manifest = { name: "millrace", type: "module", exports: Object.fromEntries(exports) };
  writeFileSync(join(modules, "millrace/package.json"), JSON.stringify(manifest));
  symlinkSync(join(root, "src"), join(modules, "millrace/src"));
  for (const name of ["zod", "vitest", "@types", "express", "fastify", "hono"])
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  // As pino's own types do: an object and then a message, and a question about levels.
  mkdirSync(join(modules, "pino"));
  writeFileSync(
    join(modules, "pino/package.json"),
    JSON.stringify({ name: "pino", type: "module", types: "index.d.ts" }),
  );
  writeFileSync(
    join(modules, "pino/index.d.ts"),
    `type Log = <T>(obj: T, msg?: T extends string ? never : string) => void;
    interface Pino { debug: Log; info: Log; warn: Log; error: Log; isLevelEnabled(level: string): boolean }
    declare const pino: (options: { level: string }) => Pino;
    export default pino;`,
  );
}

beforeAll(() => {
  writeFileSync(join(work, "package.json"), JSON.stringify({ type: "module" }));
  install(work);
  for (const { path, text } of blocks) {
    mkdirSync(join(work, dirname(path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
});

test("the pages have code, and no two blocks of a page have one name", () => {
  expect(blocks.length).toBeGreaterThanOrEqual(12);
  expect(new Set(blocks.map(({ path }) => path)).size).toBe(blocks.length);
});

test("every block compiles", async () => {
  writeFileSync(
    join(work, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), include: blocks.map(({ path }) => path) }),
  );
  const tsc = join(root, "node_modules/.bin/tsc");
  const output = await run(tsc, ["-p", work, "--pretty", "false"]).catch((error: { readonly stdout: string }) => error);
  const readable = output.stdout.replace(/^(\S+?)\((\d+),(\d+)\)/gm, (place, path: string, line: string) => {
    const block = blocks.find((one) => path.endsWith(one.path));
    return block === undefined ? place : `${block.page}:${block.line + Number(line) - 1}`;
  });
  expect(readable).toBe("");
}, 60_000);

async function runBlock(text: string, name: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const folder = join(work, "run", name);
  mkdirSync(folder, { recursive: true });
  install(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "main.ts"), text);
  return run(process.execPath, ["main.ts"], { cwd: folder, timeout: 30_000 });
}

const [hello, mailer] = blocks.filter(({ page }) => page === "README.md");

test("the hello world of the README runs as printed", async () => {
  const { stdout, stderr } = await runBlock(hello!.text, "hello");
  expect(stdout).toBe("hello world\n");
  // Nothing of the library writes to stdout; what it logs are lines of JSON when nobody watches.
  const events = stderr.split("\n").filter((line) => line.startsWith("{"));
  expect(events.map((line) => (JSON.parse(line) as { readonly event: string }).event)).toContain(
    "worker.stop.complete",
  );
});

test("the longer example of the README runs as printed, and again on the file that it left", async () => {
  for (const times of [1, 2]) {
    const { stdout } = await runBlock(mailer!.text, "mailer");
    expect(stdout).toContain("user-7@example.com");
    expect(stdout).toContain("processed: 5,");
    expect(stdout.match(/\{"userId":13\}: no such user/g)).toHaveLength(times);
  }
}, 30_000);

test("the tests of docs/testing.md pass under node:test", async () => {
  const tests = blocks.filter(({ path }) => path.endsWith(".test.ts") && path.startsWith("docs-testing-md"));
  expect(tests).toHaveLength(3);
  const files = tests.map(({ path }) => join(work, path));
  // The environment of vitest's own workers would make the child take itself for one of them.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const { stdout } = await run(process.execPath, ["--test", "--test-reporter=tap", ...files], { cwd: work, env });
  expect(stdout).toMatch(/^# pass 5$/m);
}, 60_000);

test("docs/operations.md lists every log event, and no others", () => {
  const source = (path: string): string => readFileSync(join(root, "src", path), "utf8");
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !/\.test(-d)?\.ts$|^conformance\//.test(path));
  const name =
    /"((?:message|worker|consumer|channel|redis|server|http|handler|attempt|routing|dependency|dead_letter|reply)(?:\.[a-z_]+)+)"/g;
  const literal = files.flatMap((path) => [...source(path).matchAll(name)].map((match) => match[1]!));
  /** Made of parts: consumer.${state}, worker.${step}.timeout, worker.${step}.error. */
  const composed = [
    ...["connecting", "reconnecting", "failed", "closed"].map((state) => `consumer.${state}`),
    ...["worker.start.timeout", "worker.close.timeout", "worker.drain.error", "worker.close.error"],
  ];
  const page = readFileSync(join(root, "docs/operations.md"), "utf8");
  const rows = page.slice(page.indexOf("### Messages"), page.indexOf("Alerts worth having"));
  const listed = [...rows.matchAll(/^\| ([^|]+) \|/gm)].flatMap((row) => [...row[1]!.matchAll(/`([a-z_.]+)`/g)]);
  expect(listed.map((match) => match[1]).sort()).toEqual([...new Set([...literal, ...composed])].sort());
});

test("links inside the repository lead somewhere", () => {
  const others = ["CHANGELOG.md", "docs/errors.md", "docs/matrix.md", "docs/parity.md", "docs/performance.md"];
  const broken = [...pages, ...others].flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => join(dirname(page), match[1]!))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});
