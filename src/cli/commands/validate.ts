import { type AsyncApiDocument, lintDocument } from "../../asyncapi/index.ts";
import { choice, expectArguments } from "../choice.ts";
import { type Command, text } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { loadDocument } from "../load-document.ts";
import { officialDiagnostics } from "../official.ts";
import { printable } from "../printable.ts";
import { writeResult } from "../write-result.ts";

interface Finding {
  readonly source: "millrace" | "official";
  readonly severity: "error" | "warning" | "info" | "hint";
  readonly rule: string;
  readonly path: string;
  readonly message: string;
}

const rank = ["error", "warning", "info", "hint"] as const;

type Mode = Parameters<typeof officialDiagnostics>[1];

async function findingsOf(document: AsyncApiDocument, official: Mode): Promise<readonly Finding[]> {
  const own = lintDocument(document).map((finding): Finding => ({ source: "millrace", ...finding }));
  const others = await officialDiagnostics(document, official);
  const found = others.map(({ code, severity, message, path }): Finding => {
    const pointer = path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
    return { source: "official", severity, rule: code, path: pointer, message };
  });
  return [...own, ...found].sort((one, other) => rank.indexOf(one.severity) - rank.indexOf(other.severity));
}

function asText(findings: readonly Finding[]): string {
  const lines = findings.map(({ severity, rule, source, path, message }) =>
    printable(`${severity.padEnd(7)} ${path || "/"}: ${message} (${source === "official" ? "official " : ""}${rule})`),
  );
  const count = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  return [...lines, `${count("error")} errors, ${count("warning")} warnings`].join("\n");
}

export const validateCommand: Command = {
  name: "validate",
  summary: "look for mistakes in a document",
  help: `Usage: millrace asyncapi validate <source> [options]

Looks for mistakes that the official validator lets pass. Where the package
@asyncapi/parser is installed, its diagnostics are listed, too; it is kept from
reading what the document refers to.

  <source>         file (JSON, YAML), module (./app.ts) or http(s) address
  --official <how> auto (default): if installed; required; never
  --fail-on <what> warning (default: warnings and errors), error, any, none
  --out <file>     write there. Default: stdout
  --export <name>  of a module: name of the export
`,
  options: {
    official: { type: "string" },
    "fail-on": { type: "string" },
    out: { type: "string" },
    export: { type: "string" },
  },
  async run(positionals, values, io) {
    expectArguments(positionals, ["<source>"]);
    const official = choice(values, "official", ["auto", "required", "never"]);
    const failOn = choice(values, "fail-on", ["warning", "error", "any", "none"]);
    const document = await loadDocument(positionals[0] as string, text(values, "export"), io);
    const findings = await findingsOf(document, official);
    const result = values["json"] === true ? JSON.stringify({ findings }, null, 2) : asText(findings);
    await writeResult(result, text(values, "out"), io);
    const counting: readonly string[] = rank.slice(0, ["none", "error", "warning", "", "any"].indexOf(failOn));
    return findings.some(({ severity }) => counting.includes(severity)) ? exitCode.findings : exitCode.ok;
  },
};
