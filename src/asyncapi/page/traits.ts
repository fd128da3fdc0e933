import { isRecord, type Resolver } from "./resolver.ts";

type Json = Readonly<Record<string, unknown>>;

/** JSON Merge Patch, except that `null` stays: `over` wins, objects are merged. */
function merge(under: Json, over: Json): Json {
  const result: Record<string, unknown> = Object.assign(Object.create(null), under);
  for (const [key, value] of Object.entries(over)) {
    const known = result[key];
    result[key] = isRecord(known) && isRecord(value) ? merge(known, value) : value;
  }
  return result;
}

/** An operation or message with what its traits say; its own values win, among traits the later one. */
export function withTraits<T extends { readonly traits?: readonly unknown[] }>(resolver: Resolver, object: T): T {
  if (!Array.isArray(object.traits) || object.traits.length === 0) return object;
  const { traits, ...own } = object;
  let base: Json = {};
  for (const trait of traits) {
    const followed = resolver.follow<unknown>(trait);
    if (followed !== undefined && isRecord(followed.value)) base = merge(base, followed.value);
  }
  return merge(base, own) as T;
}
