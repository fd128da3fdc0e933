import { type Change, type Direction, shown } from "./change.ts";
import { isObject, own, sameJson } from "./json.ts";
import { definitionKeywords, isAnnotation, listKeywords, mapKeywords, schemaKeywords } from "./keywords.ts";
import { child, follow, type Place } from "./place.ts";

/** A difference that only people see. */
export function annotation(place: Place, direction: Direction, name: string, document: "old" | "new" = "new"): Change {
  return {
    code: "annotation-changed",
    severity: "annotation",
    direction,
    pointer: place.pointer,
    document,
    message: `${shown(name)} is different`,
  };
}

/** Differences of the named fields, and of extensions (`x-…`), between two objects. */
export function diffFields(before: Place, after: Place, names: readonly string[], direction: Direction): Change[] {
  const [old, now] = [before.value, after.value];
  if (!isObject(old) || !isObject(now)) return [];
  const keys = new Set([...names, ...[...Object.keys(old), ...Object.keys(now)].filter((key) => key.startsWith("x-"))]);
  return [...keys].flatMap((key) => {
    if (sameJson(own(old, key), own(now, key))) return [];
    return own(now, key) === undefined
      ? annotation(child(before, key), direction, key, "old")
      : annotation(child(after, key), direction, key);
  });
}

export const describedFields = ["title", "summary", "description", "tags", "externalDocs"] as const;

/** Annotations within two schemas, wherever both have the same structure. */
export function schemaAnnotations(before: Place, after: Place, direction: Direction): readonly Change[] {
  const found: Change[] = [];
  const visited = new Set<string>();
  const visit = (one: Place | undefined, other: Place | undefined): void => {
    if (one === undefined || other === undefined) return;
    const [old, now] = [one.value, other.value];
    const pair = `${one.pointer} ${other.pointer}`;
    if (!isObject(old) || !isObject(now) || visited.has(pair)) return;
    visited.add(pair);
    const both = new Set([...Object.keys(old), ...Object.keys(now)]);
    const names = [...both].filter((key) => isAnnotation(key) && !["$schema", "$id", "id"].includes(key));
    found.push(...diffFields(one, other, names, direction));
    if (Object.hasOwn(old, "$ref") || Object.hasOwn(now, "$ref")) return visit(follow(one), follow(other));
    for (const key of both) {
      if (isAnnotation(key) || definitionKeywords.has(key)) continue;
      const [first, second] = [child(one, key), child(other, key)];
      const inner = isObject(first.value) ? Object.keys(first.value) : [];
      if (mapKeywords.has(key)) for (const name of inner) visit(child(first, name), child(second, name));
      else if (listKeywords.has(key) && Array.isArray(first.value)) {
        first.value.forEach((_, index) => {
          visit(child(first, index), child(second, index));
        });
      } else if (schemaKeywords.has(key)) visit(first, second);
    }
  };
  visit(before, after);
  return found;
}
