import { OptionError } from "../../server/errors.ts";
import { shown } from "../diff/change.ts";
import { isObject, type JsonObject, own } from "../diff/json.ts";
import { listKeywords, mapKeywords, schemaKeywords } from "../diff/keywords.ts";
import { child, children, items, type Place, target } from "../diff/place.ts";

/** Definitions of one document, by their names in what is made of it. */
export interface Definitions {
  /** The name of the schema at this place; the same place has the same name. */
  nameOf(place: Place): string;
  placeOf(name: string): Place;
}

function lastKey(pointer: string): string {
  const keys = pointer.split("/").filter((key) => key !== "payload" && key !== "schema");
  return (keys.at(-1) ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Names are those under `components.schemas` where there is one, made of letters and digits, each once. */
export function createDefinitions(): Definitions {
  const names = new Map<string, string>();
  const places = new Map<string, Place>();
  return {
    nameOf(place) {
      const known = names.get(place.pointer);
      if (known !== undefined) return known;
      const wanted = typeName(lastKey(place.pointer));
      let name = wanted;
      for (let number = 2; places.has(name); number += 1) name = `${wanted}${number}`;
      names.set(place.pointer, name);
      places.set(name, place);
      return name;
    },
    placeOf(name) {
      const place = places.get(name);
      if (place === undefined) throw new OptionError(`No definition named ${shown(name)}.`);
      return place;
    },
  };
}

/** A name for a type: `order-created` becomes `OrderCreated`. */
export function typeName(key: string): string {
  const parts = key.split(/[^A-Za-z0-9]+/).filter((part) => part !== "");
  const name = parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`).join("");
  // Types that generated code uses must mean what they mean.
  return /^[A-Za-z]/.test(name) && name !== "Readonly" && name !== "Record" ? name : `Schema${name}`;
}

/** Where a reference leads. Errors: `OptionError`, since what is outside of the document is neither read nor fetched. */
export function resolveReference(place: Place): Place {
  const resolved = target(place);
  if (resolved !== undefined) return resolved;
  const ref = shown(own(place.value as JsonObject, "$ref"));
  throw new OptionError(
    `The reference ${ref} at ${place.pointer} leads to nothing in the document; other files and addresses are not read.`,
  );
}

/** All schemas in a schema that are written down in it. */
function parts(place: Place): readonly Place[] {
  if (!isObject(place.value)) return [];
  return Object.keys(place.value).flatMap((key) => {
    const inner = child(place, key);
    if (mapKeywords.has(key)) return [...children(inner).values()];
    if (listKeywords.has(key) && Array.isArray(inner.value)) return items(inner);
    return schemaKeywords.has(key) ? [inner] : [];
  });
}

/** The schema with references to `#/definitions/…`, without definitions of its own. */
export function localSchema(place: Place, definitions: Definitions): unknown {
  const { value } = place;
  if (!isObject(value)) return value;
  const made = Object.keys(value).flatMap((key): [string, unknown][] => {
    const inner = child(place, key);
    if (key === "$defs" || key === "definitions" || key === "$schema" || key === "$id") return [];
    if (key === "$ref") return [[key, `#/definitions/${definitions.nameOf(resolveReference(place))}`]];
    if (mapKeywords.has(key) && isObject(inner.value)) {
      const named = [...children(inner)].map(([name, one]) => [name, localSchema(one, definitions)] as const);
      return [[key, Object.fromEntries(named)]];
    }
    if (listKeywords.has(key) && Array.isArray(inner.value)) {
      return [[key, items(inner).map((one) => localSchema(one, definitions))]];
    }
    return [[key, schemaKeywords.has(key) ? localSchema(inner, definitions) : inner.value]];
  });
  return Object.fromEntries(made);
}

/** Names of all definitions that the schema needs, directly or through others, in the order they are met. */
export function neededDefinitions(place: Place, definitions: Definitions): readonly string[] {
  const found = new Set<string>();
  const visit = (one: Place): void => {
    if (isObject(one.value) && own(one.value, "$ref") !== undefined) {
      const resolved = resolveReference(one);
      const name = definitions.nameOf(resolved);
      if (!found.has(name)) {
        found.add(name);
        visit(resolved);
      }
    }
    for (const part of parts(one)) visit(part);
  };
  visit(place);
  return [...found];
}
