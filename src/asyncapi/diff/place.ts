import { isObject, type JsonObject, own, pointerKey, pointerOf, valueAt } from "./json.ts";

/** A value together with where it is: what a sentence about it can point at. */
export interface Place {
  readonly value: unknown;
  readonly pointer: string;
  readonly root: JsonObject;
  /** What `#` means to references of a schema that is a document of its own; they are looked up in `root` first. */
  readonly schemaRoot?: Place;
}

export function child(place: Place, ...keys: readonly (string | number)[]): Place {
  let value = place.value;
  let pointer = place.pointer;
  for (const key of keys) {
    if (Array.isArray(value)) value = value[Number(key)];
    else value = isObject(value) ? own(value, String(key)) : undefined;
    pointer += `/${pointerKey(key)}`;
  }
  return { ...place, value, pointer };
}

/** Places of the values of an object, by key. */
export function children(place: Place): ReadonlyMap<string, Place> {
  if (!isObject(place.value)) return new Map();
  return new Map(Object.keys(place.value).map((key) => [key, child(place, key)]));
}

/** Places of the items of a list. */
export function items(place: Place): readonly Place[] {
  return Array.isArray(place.value) ? place.value.map((_, index) => child(place, index)) : [];
}

function lookUp(place: Place, ref: unknown): Place | undefined {
  const pointer = pointerOf(ref);
  if (pointer === undefined) return undefined;
  const value = valueAt(place.root, pointer);
  if (value !== undefined && !(pointer === "" && place.schemaRoot !== undefined)) return { ...place, value, pointer };
  const base = place.schemaRoot;
  const inner = base === undefined ? undefined : valueAt(base.value, pointer);
  return base === undefined || inner === undefined
    ? undefined
    : { ...place, value: inner, pointer: base.pointer + pointer };
}

/** Where a reference at this place leads; `undefined` when that is nowhere in the document. */
export function target(place: Place): Place | undefined {
  return isObject(place.value) ? lookUp(place, own(place.value, "$ref")) : undefined;
}

/** Follows references to something that is none; `undefined` when they lead nowhere or in a circle. */
export function follow(place: Place): Place | undefined {
  let at: Place | undefined = place;
  for (let steps = 0; at !== undefined && steps < 32; steps += 1) {
    if (!isObject(at.value) || own(at.value, "$ref") === undefined) return at;
    at = target(at);
  }
  return undefined;
}
