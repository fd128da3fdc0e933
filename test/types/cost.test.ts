import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// What the types cost those who use them: a project with 200 actors that has the package in its node_modules, with its
// declarations checked and its own written. Both the editor and the build of a user pay this.

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

async function tsc(...args: string[]): Promise<string> {
  const path = join(root, "node_modules/typescript/bin/tsc");
  try {
    return (await run(process.execPath, [path, ...args], { cwd: root, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error));
  }
}

function app(actors: number): string {
  const lines = [
    'import { createApp, createRouter, defineDependency, defineOperation, exponential } from "millrace";',
    'import { inMemory } from "millrace/memory";',
    'import * as z from "zod";',
    'export const db = defineDependency({ scope: "app", resolve: () => new Map<number, { readonly name: string }>() });',
    "export const user = defineDependency({",
    "  payload: z.object({ userId: z.int() }), deps: { db },",
    "  resolve: ({ payload, deps }) => deps.db.get(payload.userId),",
    "});",
    'export const router = createRouter({ channel: "work", retry: { attempts: 3, backoff: exponential() } });',
    "export const app = createApp({ servers: { main: inMemory(), other: inMemory() }, defaultServer: 'main' }).include(router);",
  ];
  for (let index = 0; index < actors; index += 4) {
    const payload = `z.object({ userId: z.int(), field${index}: z.string(), at: z.coerce.date(), tags: z.array(z.string()).optional() })`;
    lines.push(
      `export const operation${index} = defineOperation({ name: "o${index}", payload: ${payload}, reply: z.object({ ok: z.boolean() }) });`,
      `export const contract${index} = router.actor({ operation: operation${index}, deps: { user }, onError: (error) => (error instanceof RangeError ? "nack" : "retry") }, async ({ payload, deps }) => ({ ok: payload.field${index} === deps.user?.name }));`,
      `export const code${index} = router.actor({ name: "c${index}", payload: ${payload}, headers: z.object({ trace: z.string() }), deps: { user, db } }, async ({ payload, send }) => { await send(operation${index}, { ...payload, field${index}: "x" }, { delay: "1s" }); });`,
      `export const bare${index} = router.actor({ name: "b${index}" }, ({ payload }) => payload);`,
      `export const explicit${index} = router.actor({ name: "e${index}", payload: z.string(), confirmation: "explicit" }, async ({ payload }) => (payload === "" ? "ack" : "none"));`,
      `export async function use${index}(): Promise<boolean> {`,
      `  await app.send(code${index}, { userId: 1, field${index}: "", at: 0 }, { headers: { trace: "t" }, server: "other", priority: 1 });`,
      `  await app.sendMany(explicit${index}, ["a", "b"]);`,
      `  return (await app.request(contract${index}, { userId: 1, field${index}: "", at: 0 }, { timeout: "5s" })).ok;`,
      "}",
    );
  }
  return lines.join("\n");
}

describe("a project with the package in node_modules", { timeout: 120_000 }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-types-"));
    const modules = join(folder, "node_modules");
    const own = join(modules, "millrace");
    await mkdir(own, { recursive: true });
    await symlink(join(root, "package.json"), join(own, "package.json"));
    for (const name of ["zod", "@standard-schema", "@types", "undici-types"]) {
      await symlink(join(root, "node_modules", name), join(modules, name));
    }
    const emit = "-p tsconfig.build.json --noCheck --emitDeclarationOnly --declarationMap false --outDir";
    await tsc(...emit.split(" "), join(own, "dist"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  }, 120_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function measure(actors: number): Promise<{ instantiations: number; seconds: number }> {
    const compilerOptions = {
      ...{ target: "es2023", lib: ["es2024", "esnext.disposable"], module: "nodenext", types: ["node"] },
      ...{ strict: true, exactOptionalPropertyTypes: true, declaration: true, outDir: `out-${actors}` },
    };
    const config = join(folder, `tsconfig.${actors}.json`);
    await writeFile(config, JSON.stringify({ compilerOptions, files: [`app-${actors}.ts`] }));
    await writeFile(join(folder, `app-${actors}.ts`), app(actors));
    const output = await tsc("-p", config, "--extendedDiagnostics");
    const value = (name: string): number => Number(new RegExp(`${name}:\\s+([\\d.]+)`).exec(output)?.[1]);
    return { instantiations: value("Instantiations"), seconds: value("Check time") };
  }

  // Measured with TypeScript 7.0.2: 20 actors 221,000 instantiations (nearly all of them zod's and Node's), 200 actors
  // 404,000, so 1,015 for an actor with its schemas and what is sent to it; 0.8 s of checking. A type that multiplies
  // where it should add makes tens of thousands out of the thousand.
  test("200 actors stay cheap", async () => {
    const few = await measure(20);
    let many = await measure(200);
    // Other tests may have the processor: the best of some counts.
    for (let tries = 0; many.seconds >= 2 && tries < 4; tries += 1) many = await measure(200);
    expect((many.instantiations - few.instantiations) / 180).toBeLessThan(2000);
    expect(many.instantiations).toBeLessThan(800_000);
    expect(many.seconds).toBeLessThan(2);
  });

  test("what is exported can be written into declarations, without any", async () => {
    await measure(4);
    const declarations = await readFile(join(folder, "out-4/app-4.d.ts"), "utf8");
    expect(declarations).toContain('export declare const router: import("millrace").Router<true>;');
    expect(declarations).not.toMatch(/\bany\b|node_modules|millrace\/dist/);
  });
});
