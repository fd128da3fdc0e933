import { emitOperations } from "../../asyncapi/index.ts";
import { expectArguments } from "../choice.ts";
import { type Command, text } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { loadDocument } from "../load-document.ts";
import { writeResult } from "../write-result.ts";

export const typesCommand: Command = {
  name: "types",
  summary: "write the operations of a document as TypeScript",
  help: `Usage: millrace asyncapi types <source> [options]

Writes a module with the operations of a document: to send to the service that
it describes, or to be that service with implement(). The module needs millrace,
ajv and ajv-formats. References to other files and addresses are refused.

  <source>         file (JSON, YAML), module (./app.ts) or http(s) address,
                   such as http://127.0.0.1:8081/asyncapi.json
  --out <file>     write there. Default: stdout
  --export <name>  of a module: name of the export
  --json           { "code": "..." } instead of the mere code
`,
  options: { export: { type: "string" }, out: { type: "string" } },
  async run(positionals, values, io) {
    expectArguments(positionals, ["<source>"]);
    const code = emitOperations(await loadDocument(positionals[0] as string, text(values, "export"), io));
    const result = values["json"] === true ? JSON.stringify({ code }) : code;
    await writeResult(result, text(values, "out"), io);
    return exitCode.ok;
  },
};
