import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { App } from "../index.ts";
import type { CliIo } from "./command.ts";
import { CliError, exitCode, failure } from "./exit-code.ts";

/** A module that takes longer waits for something that never comes, such as the end of its own worker. */
const loadTimeout = 30_000;

export function isModule(source: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(source);
}

function isApp(value: unknown): value is App {
  return typeof value === "object" && value !== null && typeof (value as Partial<App>).asyncapi === "function";
}

async function importModule(path: string, source: string): Promise<Readonly<Record<string, unknown>>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = "loading it does not end; run workers only where import.meta.main is true";
    timer = setTimeout(() => reject(new Error(message)), loadTimeout);
  });
  try {
    return (await Promise.race([import(pathToFileURL(path).href), late])) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw failure(`cannot load ${source}`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The app that a module exports: by the name given, else its default export, else `app`. Node strips the types. */
export async function loadApp(source: string, name: string | undefined, io: CliIo): Promise<App> {
  const path = resolve(io.cwd, source);
  if (!existsSync(path)) throw new CliError(exitCode.failed, `cannot load ${source}: there is no such file`);
  const module = await importModule(path, source);
  const candidates = name === undefined ? ["default", "app"] : [name];
  const found = candidates.map((one) => module[one]).find(isApp);
  if (found !== undefined) return found;
  const what = name === undefined ? "by default or as `app`" : `as \`${name}\``;
  const exported = Object.keys(module).join(", ") || "nothing";
  throw new CliError(exitCode.failed, `${source} exports no app ${what}; it exports ${exported}`);
}
