import type { AsyncApiReference } from "./document.ts";

/** A reference into the same document: a JSON pointer (RFC 6901), percent-encoded as a URI fragment. */
export function referTo(...path: readonly string[]): AsyncApiReference {
  return { $ref: `#${path.map((key) => `/${encodeURIComponent(escapeKey(key))}`).join("")}` };
}

/** One key of a JSON pointer. */
function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((key) => `/${escapeKey(String(key))}`).join("");
}

/** The keys of a reference into the same document; `undefined` for any other reference. */
export function pathOfReference(reference: string): readonly string[] | undefined {
  if (!reference.startsWith("#")) return undefined;
  if (reference === "#") return [];
  if (!reference.startsWith("#/")) return undefined;
  try {
    return decodeURIComponent(reference.slice(2))
      .split("/")
      .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    // A lonely percent sign: no URI, hence no place.
    return undefined;
  }
}

export function isReference(value: unknown): value is AsyncApiReference {
  return typeof (value as AsyncApiReference | null | undefined)?.$ref === "string";
}

/** What stands at a path of keys; `undefined` if nothing does. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}
