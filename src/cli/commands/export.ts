import { choice, expectArguments } from "../choice.ts";
import { type Command, text } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { loadApp } from "../load-app.ts";
import { writeResult } from "../write-result.ts";
import { writeYaml } from "../yaml.ts";

export const exportCommand: Command = {
  name: "export",
  summary: "write the document of an app",
  help: `Usage: millrace asyncapi export <module> [options]

Loads a module (TypeScript, too: Node strips the types), finds the app that it
exports and writes its AsyncAPI document. Nothing is connected.

  <module>             such as ./app.ts
  --export <name>      name of the export. Default: the default export, else app
  --out <file>         write there. Default: stdout
  --format json|yaml   Default: by the name of --out, else json (which is YAML, too)
  --asyncapi <version> 3.1.0 (default) or 3.0.0
  --strict             fail for schemas that JSON Schema cannot say completely
`,
  options: {
    export: { type: "string" },
    out: { type: "string" },
    format: { type: "string" },
    asyncapi: { type: "string" },
    strict: { type: "boolean" },
  },
  async run(positionals, values, io) {
    expectArguments(positionals, ["<module>"]);
    const out = text(values, "out");
    const isYaml = out !== undefined && /\.ya?ml$/.test(out);
    const format = choice(values, "format", isYaml ? ["yaml", "json"] : ["json", "yaml"]);
    const version = choice(values, "asyncapi", ["3.1.0", "3.0.0"]);
    const app = await loadApp(positionals[0] as string, text(values, "export"), io);
    const document = app.asyncapi({ version, strict: values["strict"] === true });
    const json = values["json"] === true || format === "json";
    await writeResult(json ? JSON.stringify(document, null, 2) : await writeYaml(document), out, io);
    return exitCode.ok;
  },
};
