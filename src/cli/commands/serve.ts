import { serveDocs } from "../../asyncapi/index.ts";
import { choice, expectArguments } from "../choice.ts";
import { type Command, text } from "../command.ts";
import { exitCode, usageError } from "../exit-code.ts";
import { loadDocument } from "../load-document.ts";

export const serveCommand: Command = {
  name: "serve",
  summary: "show a document in the browser",
  help: `Usage: millrace asyncapi serve <source> [options]

Serves the page of a document, asyncapi.json and asyncapi.yaml until it is
interrupted. The document is read once.

  <source>           file (JSON, YAML), module (./app.ts) or http(s) address
  --port <number>    Default 8081; 0 = any free port
  --host <address>   Default 127.0.0.1. Any other shows the document to others, too
  --path <path>      Default /
  --view page|react  Default page; react is the official AsyncAPI component
  --export <name>    of a module: name of the export
  --json             tell the address as JSON
`,
  options: {
    port: { type: "string" },
    host: { type: "string" },
    path: { type: "string" },
    view: { type: "string" },
    export: { type: "string" },
  },
  async run(positionals, values, io) {
    expectArguments(positionals, ["<source>"]);
    const given = text(values, "port") ?? "8081";
    const port = Number(given);
    if (!/^\d+$/.test(given) || port > 65_535)
      throw usageError(`--port must be a number from 0 to 65535, not ${given}`);
    const view = choice(values, "view", ["page", "react"]);
    const host = text(values, "host") ?? "127.0.0.1";
    const path = text(values, "path") ?? "/";
    const document = await loadDocument(positionals[0] as string, text(values, "export"), io);
    let bound = port;
    const note = (fields: { readonly event: string }): void => {
      const { event, ...rest } = fields as { readonly event: string; readonly port?: number };
      if (event === "http.listen" && rest.port !== undefined) bound = rest.port;
      else io.err(`${event} ${JSON.stringify(rest)}\n`);
    };
    const logger = { debug: () => {}, info: note, warn: note, error: note };
    const close = await serveDocs({ port, host, path, view }, { document: () => document, logger });
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${bound}${path}`;
    await io.out(values["json"] === true ? `${JSON.stringify({ url })}\n` : `${url}\n`);
    if (!io.signal.aborted) {
      await new Promise((resolve) => {
        io.signal.addEventListener("abort", resolve, { once: true });
      });
    }
    await close();
    return exitCode.ok;
  },
};
