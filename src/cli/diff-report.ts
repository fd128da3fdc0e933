import { styleText } from "node:util";
import type { Change, Severity } from "../asyncapi/index.ts";
import { printable } from "./printable.ts";

export type DiffFormat = "text" | "json" | "markdown" | "github";

const severities: readonly Severity[] = ["breaking", "compatible", "annotation"];
const colours = { breaking: "red", compatible: "green", annotation: "gray" } as const;

function counts(changes: readonly Change[]): string {
  if (changes.length === 0) return "no differences";
  const count = (severity: Severity): number => changes.filter((change) => change.severity === severity).length;
  return severities.map((severity) => `${count(severity)} ${severity}`).join(", ");
}

function where({ operation, direction }: Change): string {
  return operation === undefined ? "" : `${printable(operation)} (${direction}) `;
}

function asText(changes: readonly Change[], colour: boolean): string {
  const lines = changes.map((change) => {
    const label = change.severity.padEnd(10);
    const shown = colour ? styleText(colours[change.severity], label, { validateStream: false }) : label;
    const place = change.document === "old" ? `${change.pointer} (old)` : change.pointer;
    return `${shown} ${where(change)}${change.message}\n           ${change.code} at ${printable(place) || "/"}`;
  });
  return [...lines, counts(changes)].join("\n");
}

function cell(text: string): string {
  return printable(text).replace(/[\\|`<>&*_[\]]/g, (one) => `&#${one.codePointAt(0)};`);
}

function asMarkdown(changes: readonly Change[]): string {
  const rows = changes.map(
    (change) =>
      `| ${change.severity} | ${cell(where(change).trim())} | ${cell(change.message)} | ${cell(change.code)} | ${cell(change.pointer)} |`,
  );
  const table = ["| Change | Operation | What | Code | Where |", "| --- | --- | --- | --- | --- |", ...rows];
  return [`### AsyncAPI: ${counts(changes)}`, ...(changes.length > 0 ? ["", ...table] : [])].join("\n");
}

/** As the runner of GitHub reads it: a command per line, its own signs escaped. */
function asGithub(changes: readonly Change[], file: string | undefined): string {
  const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const lines = changes
    .filter(({ severity }) => severity !== "annotation")
    .map((change) => {
      const level = change.severity === "breaking" ? "error" : "notice";
      const at = file === undefined ? "" : `file=${property(file)},`;
      const title = property(`AsyncAPI: ${change.severity} change (${change.code})`);
      return `::${level} ${at}title=${title}::${data(`${where(change)}${change.message} at ${change.pointer || "/"}`)}`;
    });
  return [...lines, `AsyncAPI: ${counts(changes)}`].join("\n");
}

/** `file`: the new document, where it is a file that a reviewer sees. */
export function diffReport(
  changes: readonly Change[],
  format: DiffFormat,
  options: { readonly colour: boolean; readonly file?: string | undefined },
): string {
  switch (format) {
    case "json":
      return JSON.stringify({ changes }, null, 2);
    case "markdown":
      return asMarkdown(changes);
    case "github":
      return asGithub(changes, options.file);
    case "text":
      return asText(changes, options.colour);
  }
}
