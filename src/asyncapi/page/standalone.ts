import { createHash } from "node:crypto";
import type { AsyncApiDocument } from "../document.ts";
import { Html, html } from "./html.ts";
import type { PageOptions } from "./page-options.ts";
import { renderPage } from "./render-page.ts";
import { script } from "./script.ts";
import { stylesheet } from "./stylesheet.ts";

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/**
 * The page as one file without anything around it. Style and script are inline and the policy in it names their hashes,
 * so that nothing else in the page could run, wherever the file is opened.
 */
export function standalonePage(document: AsyncApiDocument, options?: PageOptions): string {
  const policy = `default-src 'none'; style-src ${hashOf(stylesheet)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
  const head = html`<meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><style>${new Html(stylesheet)}</style>
<script>${new Html(script)}</script>`;
  return renderPage(document, { head, links: [] }, options);
}
