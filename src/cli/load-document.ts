import { extname } from "node:path";
import type { AsyncApiDocument } from "../index.ts";
import type { CliIo } from "./command.ts";
import { CliError, exitCode, failure } from "./exit-code.ts";
import { isModule, loadApp } from "./load-app.ts";
import { isUrl, readText } from "./read-text.ts";
import { parseYaml } from "./yaml.ts";

/** A document from text. JSON needs no package, whatever the name of the file says. */
export async function parseDocument(text: string, source: string): Promise<AsyncApiDocument> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (extname(source) === ".json") throw failure(`${source} is no JSON`, error);
    value = await parseYaml(text).catch((cause: unknown) => {
      throw cause instanceof Error && cause.name === "MissingPeerError"
        ? cause
        : failure(`${source} is no YAML`, cause);
    });
  }
  const version = (value as Partial<AsyncApiDocument> | null)?.asyncapi;
  if (typeof version !== "string" || !version.startsWith("3.")) {
    const found = typeof version === "string" ? `version ${version.slice(0, 20)}` : "something else";
    throw new CliError(exitCode.failed, `${source} is no AsyncAPI 3 document, but ${found}`);
  }
  return value as AsyncApiDocument;
}

/** From a file, an http(s) address, or the app that a module exports. */
export async function loadDocument(
  source: string,
  exportName: string | undefined,
  io: CliIo,
): Promise<AsyncApiDocument> {
  if (!isUrl(source) && isModule(source)) return (await loadApp(source, exportName, io)).asyncapi();
  return parseDocument(await readText(source, io), source);
}
