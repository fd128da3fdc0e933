import { AssertionError } from "node:assert";
import { readFile, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Change } from "../asyncapi/diff/change.ts";
import { diffDocuments } from "../asyncapi/diff/diff-documents.ts";
import type { AsyncApiDocument } from "../asyncapi/document.ts";
import { OptionError } from "../server/errors.ts";

export interface ContractOptions {
  /** As for `diffDocuments`: an added optional property is breaking. Default false. */
  readonly strict?: boolean;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ContractExpectation {
  /**
   * Compares the document with that in a JSON file, and rejects with an `AssertionError` that lists every difference and what
   * it means to others. The path is relative to the working directory. With `MILLRACE_UPDATE=1` the file is written instead,
   * and so is a file that is not there; never where `CI` is set.
   */
  toMatchFile(path: string | URL): Promise<void>;
}

/** More is not read by anybody. */
const linesShown = 40;

function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parsed(text: string, path: string): AsyncApiDocument {
  try {
    return JSON.parse(text) as AsyncApiDocument;
  } catch (cause) {
    throw new OptionError(`${path} is no JSON: correct it, or remove it and run the test again.`, { cause });
  }
}

function line({ severity, operation, direction, message, code, pointer }: Change): string {
  const place = operation === undefined ? "" : `${operation} (${direction}) `;
  return `  ${severity}: ${place}${message} [${code} at ${pointer || "/"}]`;
}

function report(path: string, changes: readonly Change[]): string {
  const count = (severity: Change["severity"]): number => changes.filter((one) => one.severity === severity).length;
  const more = changes.length > linesShown ? [`  … and ${changes.length - linesShown} more`] : [];
  return [
    `The contract is not the one in ${path}: ${count("breaking")} breaking, ${count("compatible")} compatible, ` +
      `${count("annotation")} annotation.`,
    ...changes.slice(0, linesShown).map(line),
    ...more,
    "On purpose? Run the test with MILLRACE_UPDATE=1 and commit the file.",
  ].join("\n");
}

/**
 * The AsyncAPI document of an app as a snapshot that a test keeps: what changes for others cannot change unseen.
 *
 * @example
 * test("the contract", () => expectContract(app).toMatchFile("asyncapi.json"));
 */
export function expectContract(
  app: { asyncapi(): AsyncApiDocument },
  options: ContractOptions = {},
): ContractExpectation {
  const { strict = false, env = process.env } = options;
  return {
    async toMatchFile(given) {
      const path = given instanceof URL ? fileURLToPath(given) : given;
      if (extname(path) !== ".json") throw new OptionError(`toMatchFile() expects a .json file, got ${path}.`);
      const document = app.asyncapi();
      const text = await readIfThere(path);
      const inCi = isSet(env["CI"]);
      if (text === undefined && inCi) {
        throw new AssertionError({
          message: `There is no ${path}: run the test outside of CI once and commit the file.`,
        });
      }
      const changes = text === undefined ? [] : diffDocuments(parsed(text, path), document, { strict });
      if (text !== undefined && changes.length === 0) return;
      const update = text === undefined || isSet(env["MILLRACE_UPDATE"]);
      if (inCi || !update) throw new AssertionError({ message: report(path, changes) });
      await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
    },
  };
}
