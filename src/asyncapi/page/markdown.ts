import { type Html, html, joined, link, nothing } from "./html.ts";

/**
 * The part of CommonMark that descriptions use: paragraphs, headings, lists, quotes, fenced and inline code, emphasis and
 * links. No HTML, no images: a page makes no request for what a description says. All the rest is shown as it is written.
 */
export function markdown(text: unknown): Html {
  if (typeof text !== "string" || text.trim() === "") return nothing;
  return html`<div class="prose">${blocks(text.replaceAll("\r\n", "\n").split("\n"), 0)}</div>`;
}

/** Without the paragraph around it, for summaries. */
export function inlineMarkdown(text: unknown): Html {
  return typeof text === "string" ? inline(text) : nothing;
}

/** Quotes in quotes in quotes: at this depth the rest is text. */
const maxDepth = 4;

const fence = /^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)/;
const heading = /^ {0,3}#{1,6}\s+(.+?)\s*#*$/;
const bullet = /^ {0,3}[-*+]\s+(.*)$/;
const numbered = /^ {0,3}\d{1,9}[.)]\s+(.*)$/;
const quote = /^ {0,3}> ?(.*)$/;

function blocks(lines: readonly string[], depth: number): Html[] {
  const result: Html[] = [];
  let at = 0;
  /** The next line, if it is of that kind. */
  const peek = (kind: RegExp): RegExpExecArray | null => (at < lines.length ? kind.exec(lines[at] ?? "") : null);
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const opening = fence.exec(line);
    const title = heading.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (opening !== null) {
      const code: string[] = [];
      const closing = opening[1] ?? "";
      for (at += 1; at < lines.length && !(lines[at] ?? "").trim().startsWith(closing); at += 1)
        code.push(lines[at] ?? "");
      at += 1;
      result.push(html`<pre tabindex="0"><code>${code.join("\n")}</code></pre>`);
    } else if (title !== null) {
      at += 1;
      // Not an <h…>: the outline of the page is the document's, not that of its descriptions.
      result.push(html`<p class="prose-heading">${inline(title[1] ?? "")}</p>`);
    } else if (depth < maxDepth && quote.test(line)) {
      const inner: string[] = [];
      for (let next = peek(quote); next !== null; next = peek(quote)) {
        inner.push(next[1] ?? "");
        at += 1;
      }
      result.push(html`<blockquote>${blocks(inner, depth + 1)}</blockquote>`);
    } else if (bullet.test(line) || numbered.test(line)) {
      const kind = bullet.test(line) ? bullet : numbered;
      const items: string[] = [];
      for (; at < lines.length && (lines[at] ?? "").trim() !== ""; at += 1) {
        const item = peek(kind);
        if (item !== null) items.push(item[1] ?? "");
        else if (/^\s/.test(lines[at] ?? "")) items.push(`${items.pop() ?? ""} ${(lines[at] ?? "").trim()}`);
        else break;
      }
      const shown = items.map((item) => html`<li>${inline(item)}</li>`);
      result.push(kind === bullet ? html`<ul>${shown}</ul>` : html`<ol>${shown}</ol>`);
    } else {
      const paragraph = [line.trim()];
      const ends = [fence, heading, bullet, numbered];
      for (at += 1; at < lines.length && (lines[at] ?? "").trim() !== "" && !ends.some((end) => peek(end)); at += 1) {
        paragraph.push((lines[at] ?? "").trim());
      }
      result.push(html`<p>${inline(paragraph.join("\n"))}</p>`);
    }
  }
  return result;
}

// Bounded parts and no nesting, so that no text can make it slow.
const spans =
  /`([^`\n]{1,500})`|\*\*([^*\n]{1,500})\*\*|\*([^*\s][^*\n]{0,500})\*|\[([^[\]\n]{1,300})\]\(([^()\s]{1,1000})\)|\b(https?:\/\/[^\s<>"')\]]{1,1000})/g;

function inline(text: string): Html {
  const parts: Html[] = [];
  let at = 0;
  for (const match of text.matchAll(spans)) {
    const [all, code, strong, emphasis, label, target, url] = match;
    parts.push(html`${text.slice(at, match.index)}`);
    at = match.index + all.length;
    if (code !== undefined) parts.push(html`<code>${code}</code>`);
    else if (strong !== undefined) parts.push(html`<strong>${inline(strong)}</strong>`);
    else if (emphasis !== undefined) parts.push(html`<em>${inline(emphasis)}</em>`);
    else if (label !== undefined) parts.push(link(target, inline(label)));
    else parts.push(link(url, url ?? ""));
  }
  parts.push(html`${text.slice(at)}`);
  return joined(parts, "");
}
