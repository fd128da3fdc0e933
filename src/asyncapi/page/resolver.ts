import type { AsyncApiDocument, AsyncApiReference } from "../document.ts";

/** What stands at the end of a chain of references, and where: `undefined` for a value that was inline. */
export interface Followed<T> {
  readonly value: T;
  readonly pointer: readonly string[] | undefined;
}

export interface Resolver {
  /** Follows references within the document. `undefined` if no object is there; a reference to nothing is a problem. */
  follow<T>(value: T | AsyncApiReference | undefined): Followed<T> | undefined;
  /** What was found wrong so far. */
  readonly problems: ReadonlySet<string>;
}

/** A chain of references longer than this is a circle. */
const maxHops = 32;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isReference(value: unknown): value is AsyncApiReference {
  return isRecord(value) && typeof value["$ref"] === "string";
}

/** The names of the way to a place, or `undefined` for another file, a web address or bad syntax. */
function pathOf(reference: string): readonly string[] | undefined {
  if (reference === "#") return [];
  if (!reference.startsWith("#/")) return undefined;
  try {
    const names = decodeURIComponent(reference.slice(2)).split("/");
    return names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    return undefined;
  }
}

export function createResolver(document: AsyncApiDocument): Resolver {
  const problems = new Set<string>();

  function at(path: readonly string[]): unknown {
    let value: unknown = document;
    for (const name of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[name];
    }
    return value;
  }

  return {
    problems,
    follow<T>(value: T | AsyncApiReference | undefined): Followed<T> | undefined {
      let current: unknown = value;
      let pointer: readonly string[] | undefined;
      for (let hops = 0; isReference(current); hops += 1) {
        const { $ref } = current;
        pointer = pathOf($ref);
        if (pointer === undefined) problems.add(`The reference ${$ref} does not lead to a place in this document.`);
        else if (hops === maxHops) problems.add(`The reference ${$ref} leads in a circle.`);
        current = pointer === undefined || hops === maxHops ? undefined : at(pointer);
        if (current === undefined) {
          if (pointer !== undefined && hops < maxHops) problems.add(`The reference ${$ref} leads to nothing.`);
          return undefined;
        }
      }
      // The document's types say what belongs there; a document of others may hold anything, and is shown all the same.
      return isRecord(current) ? { value: current as T, pointer } : undefined;
    },
  };
}
