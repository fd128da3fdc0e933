import type { AsyncApiDocument } from "../asyncapi/document.ts";
import { html } from "../asyncapi/page/html.ts";
import { renderPage } from "../asyncapi/page/render-page.ts";
import { script } from "../asyncapi/page/script.ts";
import { stylesheet } from "../asyncapi/page/stylesheet.ts";
import type { DocsViewOptions } from "./docs-options.ts";
import { documentYaml } from "./docs-yaml.ts";
import { reactFiles } from "./react-view.ts";
import { createResource, type Resource } from "./resource.ts";

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

const head = html`<link rel="icon" href="data:,"><link rel="stylesheet" href="page.css"><script src="page.js"></script>
<link rel="alternate" type="application/json" href="asyncapi.json">`;

const links = [
  { href: "asyncapi.json", text: "JSON" },
  { href: "asyncapi.yaml", text: "YAML" },
];

/** Everything that is served of a document, by its path below the page. Nothing is made before it is asked for. */
export function docsFiles(
  document: AsyncApiDocument,
  options: DocsViewOptions,
  folder: URL,
): ReadonlyMap<string, Resource> {
  const isReact = options.view === "react";
  const react = isReact ? [{ href: "react/", text: "React" }] : [];
  const text = (type: string, make: () => string | Promise<string>): Resource =>
    createResource({ type: `${type}; charset=utf-8` }, async () => Buffer.from(await make()));
  const page = createResource({ type: "text/html; charset=utf-8", policy }, () =>
    Buffer.from(renderPage(document, { head, links: [...links, ...react] }, options)),
  );
  return new Map([
    [isReact ? "page.html" : "", page],
    ["page.css", text("text/css", () => stylesheet)],
    ["page.js", text("text/javascript", () => script)],
    ["asyncapi.json", text("application/json", () => `${JSON.stringify(document, null, 2)}\n`)],
    ["asyncapi.yaml", text("application/yaml", () => documentYaml(document))],
    ...(isReact ? reactFiles(document, options, folder) : []),
  ]);
}
