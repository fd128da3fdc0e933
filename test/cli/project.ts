import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { entries } from "../../scripts/exports.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = join(root, "src/cli/bin.ts");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project of a user, with the package installed as its sources: nothing needs to be built first. */
export interface Project {
  readonly folder: string;
  write(files: Readonly<Record<string, string>>): void;
  /** Runs the command line in it, as a process. */
  millrace(...args: readonly string[]): Promise<Ran>;
  node(...args: readonly string[]): Promise<Ran>;
  /** Compiles files under `strict`, and gives what the compiler says. */
  tsc(options: object, ...files: readonly string[]): Promise<string>;
  remove(): void;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: "", FORCE_COLOR: "0" };
    execFile(command, args, { cwd, env, timeout: 60_000, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

export function createProject(): Project {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-cli-")));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "millrace"), { recursive: true });
  const exports = Object.fromEntries([...entries()].map(([subpath, source]) => [subpath, `./${source}`]));
  writeFileSync(join(modules, "millrace/package.json"), JSON.stringify({ name: "millrace", type: "module", exports }));
  symlinkSync(join(root, "src"), join(modules, "millrace/src"));
  for (const name of ["zod", "@types", "ajv", "ajv-formats"])
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return {
    folder,
    write(files) {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    },
    millrace: (...args) => run(process.execPath, [bin, ...args], folder),
    node: (...args) => run(process.execPath, args, folder),
    async tsc(options, ...files) {
      const compilerOptions = {
        ...{ target: "es2023", lib: ["es2024", "esnext.disposable"], module: "nodenext", types: ["node"] },
        ...{ strict: true, noEmit: true, skipLibCheck: true, allowImportingTsExtensions: true, ...options },
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      return (await run(process.execPath, [tsc, "-p", folder, "--pretty", "false"], folder)).stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
