import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { AsyncApiDocument } from "../asyncapi/document.ts";
import { html } from "../asyncapi/page/html.ts";
import { type PageOptions, pageOptions } from "../asyncapi/page/page-options.ts";
import { OptionError } from "../server/errors.ts";
import { createResource, type Resource } from "./resource.ts";

/** The files of the official component, compressed, as the build of this package copies them. */
export const reactFolder: URL = new URL("../react-view/", import.meta.url);

/** It compiles schemas when it is loaded, so nothing less than 'unsafe-eval' will do. Still nothing from elsewhere. */
const policy =
  "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const start = `"use strict";
const root = document.getElementById("asyncapi");
fetch("../asyncapi.json")
  .then((response) => response.json())
  .then((schema) => AsyncApiStandalone.render({ schema, config: JSON.parse(root.dataset.config) }, root))
  .catch((error) => { root.textContent = "The document cannot be shown: " + error.message; });
`;

function page(document: AsyncApiDocument, given: PageOptions): string {
  const { sidebar, info, servers, operations, messages, schemas, errors, expandExamples } = pageOptions(given);
  const config = {
    show: { sidebar, info, servers, operations, messages, schemas, errors },
    expand: { messageExamples: expandExamples },
    sidebar: { showServers: "byDefault", showOperations: "byDefault" },
  };
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${document.info?.title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"></head>
<body><div id="asyncapi" data-config="${JSON.stringify(config)}"><p>Loading …</p></div>
<noscript><p>This view needs JavaScript; <a href="../page.html">the page</a> does not.</p></noscript>
<script src="component.js"></script><script src="start.js"></script></body></html>
`.text;
}

/** The files of the view by their paths. Errors: `OptionError` where the package was not built with them. */
export function reactFiles(
  document: AsyncApiDocument,
  options: PageOptions,
  folder: URL,
): ReadonlyMap<string, Resource> {
  checkReactFiles(folder);
  const file = (name: string, type: string): Resource =>
    createResource({ type, encoded: "br" }, () => readFile(new URL(`${name}.br`, folder)));
  return new Map([
    [
      "react/",
      createResource({ type: "text/html; charset=utf-8", policy }, () => Buffer.from(page(document, options))),
    ],
    ["react/component.js", file("component.js", "text/javascript; charset=utf-8")],
    ["react/style.css", file("style.css", "text/css; charset=utf-8")],
    ["react/start.js", createResource({ type: "text/javascript; charset=utf-8" }, () => Buffer.from(start))],
    ["react/LICENSE.txt", file("LICENSE.txt", "text/plain; charset=utf-8")],
  ]);
}

/** Errors: `OptionError`. */
export function checkReactFiles(folder: URL): void {
  if (existsSync(new URL("component.js.br", folder))) return;
  throw new OptionError(
    `view: "react" needs the files of the React component beside the built package; ${folder.pathname} has none.`,
  );
}
