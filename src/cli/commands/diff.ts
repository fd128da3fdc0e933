import { diffDocuments } from "../../asyncapi/index.ts";
import { choice, expectArguments } from "../choice.ts";
import { type Command, list, text } from "../command.ts";
import { type DiffFormat, diffReport } from "../diff-report.ts";
import { exitCode, usageError } from "../exit-code.ts";
import { loadDocument, parseDocument } from "../load-document.ts";
import { isUrl, readRevision } from "../read-text.ts";
import { writeResult } from "../write-result.ts";

export const diffCommand: Command = {
  name: "diff",
  summary: "compare two documents, and say what breaks whom",
  help: `Usage: millrace asyncapi diff <old> <new> [options]
       millrace asyncapi diff --base <revision>:<path> <new> [options]

Tells every difference, and whether it is breaking, compatible or only an
annotation. What an app receives may widen, what it sends may narrow.

  <old>, <new>        files (JSON, YAML), modules (./app.ts), http(s) addresses
  --base <rev>:<path> the old document, from git, such as main:asyncapi.json
  --fail-on <what>    breaking (default), any, none: when to end with 1
  --ignore <code>     leave out changes of that code; may be repeated
  --strict            open objects may have properties that they do not list, so
                      that a new optional property is breaking
  --format <format>   text (default), json, markdown, github (annotations)
  --out <file>        write there. Default: stdout
  --export <name>     of a module: name of the export
`,
  options: {
    base: { type: "string" },
    "fail-on": { type: "string" },
    ignore: { type: "string", multiple: true },
    strict: { type: "boolean" },
    format: { type: "string" },
    out: { type: "string" },
    export: { type: "string" },
  },
  async run(positionals, values, io) {
    const base = text(values, "base");
    expectArguments(positionals, base === undefined ? ["<old>", "<new>"] : ["<new>"]);
    const given = choice<DiffFormat>(values, "format", ["text", "json", "markdown", "github"]);
    if (values["json"] === true && text(values, "format") !== undefined && given !== "json") {
      throw usageError("--json and --format contradict each other");
    }
    const format = values["json"] === true ? "json" : given;
    const failOn = choice(values, "fail-on", ["breaking", "any", "none"]);
    const name = text(values, "export");
    const before =
      base === undefined
        ? await loadDocument(positionals[0] as string, name, io)
        : await parseDocument(await readRevision(base, io), base);
    const source = positionals.at(-1) as string;
    const after = await loadDocument(source, name, io);
    const ignored = new Set(list(values, "ignore"));
    const strict = values["strict"] === true;
    const changes = diffDocuments(before, after, { strict }).filter(({ code }) => !ignored.has(code));
    const out = text(values, "out");
    const file = isUrl(source) ? undefined : source;
    await writeResult(diffReport(changes, format, { colour: io.colour && out === undefined, file }), out, io);
    const isFailing = failOn === "any" ? changes.length > 0 : changes.some(({ severity }) => severity === "breaking");
    return failOn !== "none" && isFailing ? exitCode.findings : exitCode.ok;
  },
};
