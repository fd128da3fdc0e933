import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireBroker } from "../test/brokers.ts";

/**
 * Runs every example as a person would, in an empty folder, and compares what it prints on stdout with its
 * `expected.txt`. `<any>` in that file stands for any text within a line: durations, process ids.
 *
 * `node examples/run.ts` runs all, `node examples/run.ts 02 webhooks` those whose names contain one of the words. Needs a
 * build.
 */
const root = fileURLToPath(new URL("./", import.meta.url));
const timeout = 20_000;
const words = process.argv.slice(2);

interface Variant {
  readonly name: string;
  readonly folder: string;
  readonly args: readonly string[];
  /** What it prints where that is not what `expected.txt` says. */
  readonly instead: readonly (readonly [from: string, to: string])[];
}

const plain = (folder: string): Variant => ({ name: folder, folder, args: [], instead: [] });

/** The same messages through the same actors, whatever the server: only its name differs. */
async function webhooks(): Promise<readonly Variant[]> {
  const common = { folder: "github-webhooks", instead: [] };
  const onSqlite = { ...common, name: common.folder, args: ["--fresh", "--server", "sqlite:webhooks.db"] };
  const url = (await requireBroker("redis"))?.url;
  if (url === undefined) return [onSqlite];
  const onRedis: Variant = {
    name: "github-webhooks on Redis",
    folder: common.folder,
    args: ["--fresh", "--server", url],
    instead: [
      ["queue: sqlite, webhooks.db", "queue: redis, <any>"],
      ["--server sqlite:webhooks.db", `--server ${url}`],
    ],
  };
  return [onSqlite, onRedis];
}

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  /** `undefined`: all is well. */
  readonly trouble: string | undefined;
}

/** Colours are for terminals, whatever the environment of this script asks for. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...env } = process.env;
  return { ...env, NO_COLOR: "1" };
}

async function run({ folder: example, args }: Variant): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-example-"));
  try {
    const child = spawn(process.execPath, [join(root, example, "main.ts"), ...args], {
      cwd: folder,
      env: plainEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const trouble = await new Promise<string | undefined>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, signal) => {
        if (code === 0) resolve(undefined);
        else resolve(signal === "SIGKILL" ? `killed after ${timeout / 1000} s` : `exit code ${code ?? signal}`);
      });
    });
    return { stdout, stderr, trouble };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fits(expected: string, actual: string): boolean {
  if (!expected.includes("<any>")) return expected === actual;
  const pattern = expected.split("<any>").map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`).test(actual);
}

/** A line diff: `-` expected but missing, `+` printed but not expected. Empty when all lines fit. */
function diff(expected: readonly string[], actual: readonly string[]): readonly string[] {
  // common[i][j] = how many lines the rests from i and j on have in common, in order.
  const common = Array.from({ length: expected.length + 1 }, () => new Array<number>(actual.length + 1).fill(0));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = expected.length - 1; i >= 0; i -= 1) {
    for (let j = actual.length - 1; j >= 0; j -= 1) {
      const same = fits(expected[i] ?? "", actual[j] ?? "");
      (common[i] ?? [])[j] = same ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  let [i, j, changes] = [0, 0, 0];
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && j < actual.length && fits(expected[i] ?? "", actual[j] ?? "")) {
      lines.push(`    ${actual[j]}`);
      i += 1;
      j += 1;
    } else if (i < expected.length && at(i + 1, j) >= at(i, j + 1)) {
      lines.push(`  - ${expected[i++]}`);
      changes += 1;
    } else {
      lines.push(`  + ${actual[j++]}`);
      changes += 1;
    }
  }
  return changes === 0 ? [] : lines;
}

/** Enough to see what went wrong, however much was logged. */
function lastLines(text: string): readonly string[] {
  return text
    .trimEnd()
    .split("\n")
    .slice(-15)
    .map((line) => `    ${line.length > 300 ? `${line.slice(0, 300)}…` : line}`);
}

const names = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "main.ts")))
  .map((entry) => entry.name)
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort();
const variants: Variant[] = [];
for (const name of names) variants.push(...(name === "github-webhooks" ? await webhooks() : [plain(name)]));

let failed = 0;
for (const variant of variants) {
  const { name, folder, instead } = variant;
  const started = performance.now();
  const file = join(root, folder, "expected.txt");
  const { stdout, stderr, trouble } = await run(variant);
  let expected = existsSync(file) ? readFileSync(file, "utf8") : "";
  for (const [from, to] of instead) expected = expected.replaceAll(from, to);
  const differences = diff(expected.split("\n"), stdout.split("\n"));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (trouble === undefined && differences.length === 0) {
    console.log(`ok   ${name} ${seconds} s`);
    continue;
  }
  failed += 1;
  console.log(`FAIL ${name} ${seconds} s${trouble === undefined ? "" : `: ${trouble}`}`);
  if (differences.length > 0) console.log(differences.join("\n"));
  if (stderr !== "") console.log(["  stderr, its last lines:", ...lastLines(stderr)].join("\n"));
}
console.log(`${variants.length - failed} passed, ${failed} failed`);
if (failed > 0 || variants.length === 0) process.exitCode = 1;
