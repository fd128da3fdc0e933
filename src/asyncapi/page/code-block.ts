import { Html, html } from "./html.ts";

const token = /("(?:\\.|[^"\\])*")(\s*:)?|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\b(?:true|false|null)\b/g;

/** Longer values are shown without colours. */
const maxColoured = 20_000;

function coloured(json: string): Html {
  if (json.length > maxColoured) return html`${json}`;
  const parts: Html[] = [];
  let at = 0;
  for (const match of json.matchAll(token)) {
    const [all, string, colon] = match;
    parts.push(html`${json.slice(at, match.index)}`);
    at = match.index + all.length;
    if (string === undefined) parts.push(html`<span class="tok-value">${all}</span>`);
    else if (colon === undefined) parts.push(html`<span class="tok-string">${string}</span>`);
    else parts.push(html`<span class="tok-key">${string}</span>${colon}`);
  }
  parts.push(html`${json.slice(at)}`);
  return new Html(parts.map(({ text }) => text).join(""));
}

/** A value as JSON, with a line for every property. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2) ?? "undefined";
  } catch {
    return String(value);
  }
}

/** A value as indented JSON. The label names it for readers who do not see the box. */
export function codeBlock(value: unknown, label: string): Html {
  const json = coloured(jsonText(value));
  return html`<figure class="code"><figcaption>${label}</figcaption><pre tabindex="0" aria-label="${label}"><code>${json}</code></pre></figure>`;
}

/** A value within a line. */
export function inlineValue(value: unknown): Html {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return html`<code>${text.length > 200 ? `${text.slice(0, 200)}…` : text}</code>`;
}
