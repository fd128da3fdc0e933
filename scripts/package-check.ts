import { execFileSync, type StdioOptions, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Tests the package as a stranger gets it: packs the tarball, lints its manifest and types, installs it into an empty
 * folder beside a schema library, compiles a consumer against it and runs that consumer on every supported Node.
 * Needs a build (`npm run test:package` makes one).
 */
const root = fileURLToPath(new URL("../", import.meta.url));
const bin = (name: string): string => join(root, "node_modules/.bin", name);

interface Manifest {
  readonly name: string;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, unknown>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const subpaths = Object.keys(manifest.exports)
  .filter((key) => key !== "./package.json")
  .map((key) => manifest.name + key.slice(1));

/**
 * These run the package too, next to the pinned Node that runs this script: the oldest that `engines` allows, exactly,
 * and the newest release of majors.
 */
const floor = /^>=(\d+\.\d+)$/.exec(manifest.engines.node)?.[1];
if (floor === undefined) throw new Error(`Expected engines.node to be like ">=22.18", got ${manifest.engines.node}.`);
const otherNodes = [`${floor}.0`, "22", "26"];

/** The hello world of the README on both servers, and a failure on its way through the dead letters. */
const smoke = `
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";

async function hello(server: ReturnType<typeof inMemory> | ReturnType<typeof sqlite>): Promise<void> {
  const app = createApp({ server, logger: false });
  const seen: string[] = [];
  const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload }) => {
    seen.push(payload.who.toUpperCase());
    if (seen.length === 1) throw new Error("not yet");
  });
  await app.send(greet, { who: "world" });
  await app.run({ messagesLimit: 1 });
  const letters = app.deadLetters("default");
  const replayed = await letters.replay({ reason: "error" });
  await app.send(greet, { who: "later" }, { delay: 20 });
  const { processed } = await app.run({ messagesLimit: 2 });
  const left = await letters.count();
  await app.close();
  const result = [seen.join(), replayed.length, processed, left].join(" ");
  if (result !== "WORLD,WORLD,LATER 1 2 0") throw new Error(\`\${server.info.protocol}: \${result}\`);
}

await hello(inMemory());
const docs = createApp({ server: inMemory(), logger: false }).docsHandler({ view: "react" });
for (const path of ["page.html", "asyncapi.yaml", "react/component.js"]) {
  const { status } = await docs.fetch(new Request(\`http://localhost/\${path}\`));
  if (status !== 200) throw new Error(\`\${path} of the documentation: \${status}\`);
}
const folder = mkdtempSync(join(tmpdir(), "millrace-smoke-"));
try {
  await hello(sqlite({ path: join(folder, "jobs.db") }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

${subpaths.map((name, index) => `import * as m${index} from "${name}";`).join("\n")}
for (const [name, module] of Object.entries({ ${subpaths.map((name, index) => `"${name}": m${index}`).join(", ")} })) {
  if (Object.keys(module).length === 0) throw new Error(\`\${name} exports nothing\`);
}
`;

/** require() of an ES module works on every supported Node, as long as nothing awaits at the top level. */
const required = subpaths.map((name) => `require("${name}");`).join("\n");

const consumerConfig = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  },
  files: ["smoke.ts"],
};

function run(command: string, args: readonly string[], cwd: string, stdio: StdioOptions = "pipe"): string {
  const done = spawnSync(command, args, { cwd, stdio, encoding: "utf8", timeout: 300_000 });
  if (done.status === 0) return done.stdout ?? "";
  const output = [done.error?.message, done.stdout, done.stderr].filter(Boolean).join("\n");
  throw new Error(`${command} ${args.join(" ")} failed (${done.status ?? done.signal})\n${output}`);
}

function step(title: string, work: () => string | undefined): void {
  const started = performance.now();
  const note = work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`ok   ${title}${note ? `: ${note}` : ""} (${seconds} s)`);
}

/** The path of the newest Node of that version or major, from the npm package `node`; kept in the cache folder. */
function provideNode(version: string): string | { readonly missing: string } {
  const folder = join(root, "node_modules/.cache/millrace-node", version);
  const binary = join(folder, "node_modules/node/bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  // The binary arrives by an install script, which newer npm versions run only when it is named here.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  try {
    execFileSync("npm", ["install", "--no-audit", "--no-fund", `node@${version}`], { cwd: folder, stdio: "pipe" });
    return binary;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: /npm error (.+)/.exec(reason)?.[1] ?? reason.split("\n")[0] ?? "unknown" };
  }
}

const work = realpathSync(mkdtempSync(join(tmpdir(), "millrace-package-")));
try {
  const consumer = join(work, "consumer");
  mkdirSync(consumer);
  let tarball = "";

  step("npm pack", () => {
    const packed = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", work], root)) as [
      { readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string }[] },
    ];
    const [{ filename, files, size }] = packed;
    tarball = join(work, filename);
    const stray = files.filter(
      ({ path }) =>
        !/^(dist\/.+\.(js|d\.ts)(\.map)?|[A-Z]+(\.md)?|package\.json)$/.test(path) &&
        !/^dist\/react-view\/[A-Za-z.]+\.br$/.test(path),
    );
    const tests = files.filter(({ path }) => /\.test(-d)?\./.test(path));
    if (stray.length + tests.length > 0)
      throw new Error(`not to be published: ${JSON.stringify([...stray, ...tests])}`);
    return `${files.length} files, ${(size / 1024).toFixed(0)} kB`;
  });

  step("publint", () => {
    run(bin("publint"), ["run", tarball, "--strict"], root);
    return undefined;
  });

  step("are the types wrong", () => {
    run(bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji"], root);
    return "esm-only profile";
  });

  step("install into an empty folder", () => {
    writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    const beside = ["zod", "@types/node"].map((name) => `${name}@${manifest.devDependencies[name]}`);
    run("npm", ["install", "--no-audit", "--no-fund", tarball, ...beside], consumer);
    const peers = ["piscina", "tinypool"].filter((name) => existsSync(join(consumer, "node_modules", name)));
    if (peers.length > 0) throw new Error(`optional peers were installed: ${peers.join()}`);
    return `with ${beside.join(" and ")}`;
  });

  step("a strict consumer compiles", () => {
    writeFileSync(join(consumer, "smoke.ts"), smoke);
    writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify(consumerConfig));
    run(bin("tsc"), ["-p", consumer], consumer);
    return subpaths.join(", ");
  });

  writeFileSync(join(consumer, "required.cjs"), required);
  const hello = (node: string): string => {
    run(node, ["smoke.ts"], consumer);
    run(node, ["required.cjs"], consumer);
    return run(node, ["--version"], consumer).trim();
  };
  step("hello world on the pinned Node", () => hello(process.execPath));
  for (const version of otherNodes) {
    const node = provideNode(version);
    if (typeof node === "string") step(`hello world on Node ${version}`, () => hello(node));
    else if (process.env["CI"]) throw new Error(`Node ${version} could not be had: ${node.missing}`);
    else console.log(`SKIP hello world on Node ${version}: could not be had: ${node.missing}`);
  }
} catch (error) {
  console.error(`FAIL ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
