import { Parser } from "@asyncapi/parser";
import type { AsyncApiDocument } from "millrace";

const parser = new Parser();

/** What the official parser says of a document, one line each. Version 3.0.0 always gets a hint that there is a later one. */
export async function diagnosticsOf(document: AsyncApiDocument): Promise<string[]> {
  const found = await parser.validate(structuredClone(document) as never);
  return found
    .filter(({ code }) => code !== "asyncapi-latest-version")
    .map(({ severity, path, message }) => `${severity} ${path.join("/")}: ${message}`);
}

/** What stands somewhere in a document, for tests that know that it is there. */
export function at(value: unknown, ...path: readonly string[]): Readonly<Record<string, unknown>> {
  return path.reduce((one, key) => (one as Record<string, unknown> | undefined)?.[key], value) as Readonly<
    Record<string, unknown>
  >;
}
