import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AsyncApiDocument } from "millrace";
import { lintDocument } from "millrace/asyncapi";
import { expect, test } from "vitest";
import { entries } from "../../scripts/exports.ts";
import { diagnosticsOf } from "./official.ts";

/**
 * Every app of every example is described, as it is when its process ends, and its document checked. The examples run
 * from the sources, with a `createApp` around the real one that remembers what it made.
 */
const root = new URL("../../", import.meta.url);
const sources = Object.fromEntries(
  [...entries()].map(([subpath, source]) => [`millrace${subpath.slice(1)}`, new URL(source, root).href]),
);

const watched = `
  import { writeFileSync } from "node:fs";
  import { createApp as make } from ${JSON.stringify(sources["millrace"])};
  export * from ${JSON.stringify(sources["millrace"])};
  const apps = [];
  export const createApp = (options) => {
    const app = make(options);
    apps.push(app);
    return app;
  };
  process.on("exit", () => {
    const documents = apps.map((app) => app.asyncapi());
    if (apps.length > 0) writeFileSync(process.env.DOCUMENTS + process.pid, JSON.stringify(documents));
  });`;

const hook = `
  import { registerHooks } from "node:module";
  const sources = ${JSON.stringify({ ...sources, millrace: `data:text/javascript,${encodeURIComponent(watched)}` })};
  registerHooks({
    resolve: (name, context, next) => {
      const url = name === "millrace" && context.parentURL?.startsWith("data:") ? undefined : sources[name];
      return url === undefined ? next(name, context) : { url, shortCircuit: true };
    },
  });`;

const examples: readonly (readonly [folder: string, apps: number])[] = [
  ["01-hello", 1],
  ["02-retry-and-dead-letters", 1],
  ["03-request-reply", 1],
  ["04-dependencies", 1],
  ["05-testing", 1],
  ["06-cpu-work", 1],
  ["07-priorities-and-delay", 1],
  ["08-several-servers", 1],
  ["09-producer-and-worker-in-two-processes", 2],
  ["10-your-own-server", 1],
  ["11-your-own-codec", 1],
  ["12-your-own-schema", 1],
  ["13-foreign-systems", 2],
  ["github-webhooks", 1],
];

async function documentsOf(example: string): Promise<readonly AsyncApiDocument[]> {
  const work = mkdtempSync(join(tmpdir(), "millrace-documents-"));
  try {
    const folder = join(work, basename(example));
    cpSync(fileURLToPath(new URL(`examples/${example}`, root)), folder, { recursive: true });
    symlinkSync(fileURLToPath(new URL("node_modules", root)), join(work, "node_modules"));
    const child = spawn(process.execPath, [join(folder, "main.ts")], {
      cwd: work,
      env: {
        ...process.env,
        DOCUMENTS: join(work, "documents-"),
        // Processes that an example starts are examples, too.
        NODE_OPTIONS: `--no-warnings --import=data:text/javascript,${encodeURIComponent(hook)}`,
        FORCE_COLOR: undefined,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code, errors).toBe(0);
    const files = readdirSync(work).filter((name) => name.startsWith("documents-"));
    return files.flatMap((name) => JSON.parse(readFileSync(join(work, name), "utf8")) as AsyncApiDocument[]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

test.each(examples)(
  "%s: its %i documents have no diagnostics and no findings",
  { timeout: 60_000 },
  async (folder, apps) => {
    const documents = await documentsOf(folder);
    expect(documents).toHaveLength(apps);
    for (const document of documents) {
      expect(await diagnosticsOf(document)).toEqual([]);
      expect(lintDocument(document)).toEqual([]);
      expect(Object.keys(document.operations ?? {}).length).toBeGreaterThan(0);
    }
  },
);
