import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { CliIo } from "./command.ts";
import { failure, usageError } from "./exit-code.ts";

/** Larger than any document that people read. */
const largest = 32 * 2 ** 20;
const fetchTimeout = 15_000;

export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/** An address without what is secret in it, for messages. */
function shownUrl(source: string): string {
  try {
    const url = new URL(source);
    return `${url.origin}${url.pathname}`;
  } catch {
    return "this address";
  }
}

/** fetch() takes no credentials in addresses, and quotes them in its error. */
function requestFor(source: string): { readonly url: URL; readonly headers: Record<string, string> } {
  const url = new URL(source);
  const headers: Record<string, string> = { accept: "application/json, application/yaml;q=0.9, */*;q=0.1" };
  if (url.username !== "" || url.password !== "") {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers["authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
    url.username = "";
    url.password = "";
  }
  return { url, headers };
}

async function fetchText(source: string, io: CliIo): Promise<string> {
  try {
    const { url, headers } = requestFor(source);
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(fetchTimeout)]);
    const response = await fetch(url, { signal, headers });
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.byteLength;
      if (length > largest) throw new Error(`more than ${largest} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  } catch (error) {
    // fetch() says only that it failed; its cause says why.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw failure(`cannot read ${shownUrl(source)}`, cause);
  }
}

/** A document of a commit: `main:docs/asyncapi.json`. */
export async function readRevision(spec: string, io: CliIo): Promise<string> {
  const [revision, ...path] = spec.split(":");
  if (revision === undefined || revision === "" || path.length === 0 || spec.startsWith("-")) {
    throw usageError(`--base must be <revision>:<path>, not ${JSON.stringify(spec)}`);
  }
  // A path is relative to where we are, as for all other arguments.
  const place = `${revision}:./${path.join(":")}`;
  try {
    const options = { cwd: io.cwd, maxBuffer: largest, signal: io.signal };
    return (await promisify(execFile)("git", ["show", "--end-of-options", place], options)).stdout;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw failure(
      `cannot read ${spec} from git`,
      stderr === undefined || stderr === "" ? error : new Error(stderr.trim()),
    );
  }
}

/** The text of a file or of an http(s) address. */
export async function readText(source: string, io: CliIo): Promise<string> {
  if (isUrl(source)) return fetchText(source, io);
  try {
    return await readFile(resolve(io.cwd, source), "utf8");
  } catch (error) {
    throw failure(`cannot read ${source}`, error);
  }
}
