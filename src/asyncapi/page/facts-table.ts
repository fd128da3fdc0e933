import { inlineValue } from "./code-block.ts";
import { type Html, html, nothing } from "./html.ts";
import { isRecord } from "./resolver.ts";

type Row = readonly [name: string, value: unknown];

/** More rows than this are cut: the whole value is in the document. */
const maxRows = 100;

/** Names of nested values are joined by dots: `queue.name`. */
function flat(value: unknown, name: string, rows: Row[], depth: number): void {
  if (rows.length >= maxRows) return;
  const entries = isRecord(value) ? Object.entries(value) : Array.isArray(value) ? [...value.entries()] : [];
  if (entries.length === 0 || depth > 6) rows.push([name, value]);
  for (const [key, inner] of depth > 6 ? [] : entries) {
    flat(inner, Array.isArray(value) ? `${name}[${key}]` : name === "" ? `${key}` : `${name}.${key}`, rows, depth + 1);
  }
}

/** Rows of a name and what belongs to it; rows of nothing are left out. */
export function definitions(rows: readonly (readonly [name: Html | string, value: Html])[]): Html {
  const shown = rows.filter(([, value]) => value.text !== "");
  if (shown.length === 0) return nothing;
  return html`<dl class="rows">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Any value as rows of names and values. */
export function factsTable(value: unknown): Html {
  const rows: Row[] = [];
  flat(value, "", rows, 0);
  const shown = rows.map(([name, one]) => [
    html`<code>${name === "" ? "value" : name}</code>`,
    typeof one === "string" ? html`${one}` : inlineValue(one),
  ]) as [Html, Html][];
  return definitions(shown);
}
