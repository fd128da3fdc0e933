/**
 * Markup that is safe to send. A class, not a shape: whatever a document contains is plain data, so nothing in it can pass
 * for markup.
 */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | false | undefined | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Any value as text. Not `String()`: an object of a document may bring a `toString` that is no function. */
export function plainText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined || part === false) return "";
  if (Array.isArray(part)) return part.map(textOf).join("");
  return escaped(plainText(part));
}

/** Everything that is filled in is escaped, markup excepted; `undefined` and `false` are nothing. Quote all attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? "";
  for (const [index, part] of parts.entries()) text += textOf(part) + (strings[index + 1] ?? "");
  return new Html(text);
}

export const nothing: Html = new Html("");

export function joined(parts: readonly Html[], between: string): Html {
  return new Html(parts.map(({ text }) => text).join(escaped(between)));
}

/** The URL if a browser may follow it from a page: http, https or mail. Anything else, `javascript:` above all, is not. */
function safeUrl(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const url = URL.parse(value.trim());
  return url !== null && ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
}

/** A link where the URL is safe, else only its text. */
export function link(url: unknown, text: Html | string): Html {
  const href = safeUrl(url);
  return href === undefined ? html`${text}` : html`<a href="${href}" rel="noopener noreferrer nofollow">${text}</a>`;
}
