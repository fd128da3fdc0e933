import { isObject, own, sameJson } from "./json.ts";
import { definitionKeywords, isAnnotation, listKeywords, mapKeywords, schemaKeywords } from "./keywords.ts";
import { child, type Place, target } from "./place.ts";

/** Texts whose meaning lies outside of the documents are the same if they read the same. */
function sameReference(one: Place, other: Place, visited: Set<string>): boolean {
  const [first, second] = [target(one), target(other)];
  if (first === undefined || second === undefined) {
    return first === second && sameJson(own(one.value as object as never, "$ref"), own(other.value as never, "$ref"));
  }
  return sameSchema(first, second, visited);
}

function sameKeyword(keyword: string, one: Place, other: Place, visited: Set<string>): boolean {
  const [first, second] = [one.value, other.value];
  if (keyword === "required" || keyword === "type") {
    const sorted = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : value);
    return sameJson(sorted(first), sorted(second));
  }
  if (listKeywords.has(keyword) && Array.isArray(first) && Array.isArray(second)) {
    if (first.length !== second.length) return false;
    return first.every((_, index) => sameSchema(child(one, index), child(other, index), visited));
  }
  if (mapKeywords.has(keyword) && isObject(first) && isObject(second)) {
    const keys = Object.keys(first);
    if (keys.length !== Object.keys(second).length) return false;
    return keys.every((key) => Object.hasOwn(second, key) && sameSchema(child(one, key), child(other, key), visited));
  }
  if (schemaKeywords.has(keyword)) return sameSchema(one, other, visited);
  return sameJson(first, second);
}

function relevant(value: object): string[] {
  return Object.keys(value).filter((key) => !isAnnotation(key) && !definitionKeywords.has(key));
}

/**
 * Whether two schemas are the same but for annotations and for where their definitions are. Recursive schemas are followed:
 * a pair that is met again is the same unless some other pair is not.
 */
export function sameSchema(one: Place, other: Place, visited: Set<string> = new Set()): boolean {
  const [first, second] = [one.value, other.value];
  if (!isObject(first) || !isObject(second)) return sameJson(first, second);
  const pair = `${one.pointer} ${other.pointer}`;
  if (visited.has(pair)) return true;
  visited.add(pair);
  const keys = relevant(first);
  const others = relevant(second);
  if (keys.length !== others.length || !keys.every((key) => Object.hasOwn(second, key))) {
    // A definition in place of its use is no difference either.
    if (keys.length === 1 && keys[0] === "$ref") {
      const resolved = target(one);
      return resolved !== undefined && sameSchema(resolved, other, visited);
    }
    if (others.length === 1 && others[0] === "$ref") {
      const resolved = target(other);
      return resolved !== undefined && sameSchema(one, resolved, visited);
    }
    return false;
  }
  return keys.every((key) =>
    key === "$ref" ? sameReference(one, other, visited) : sameKeyword(key, child(one, key), child(other, key), visited),
  );
}
