/** A JSON object of which nothing is known: documents of others hold anything anywhere. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object, or an empty one: what is missing and what is nonsense have the same consequence. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Own properties only: a document may have a key named `constructor`. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** JSON of a value with sorted keys: equal values have equal text, and what is `undefined` is not there. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const entries = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

export function sameJson(one: unknown, other: unknown): boolean {
  return one === other || canonical(one) === canonical(other);
}

/** A key as a part of a JSON pointer. */
export function pointerKey(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The pointer within the document that a local reference names; `undefined` for what leads out of it. */
export function pointerOf(ref: unknown): string | undefined {
  if (typeof ref !== "string") return undefined;
  if (ref === "#") return "";
  return ref.startsWith("#/") ? decoded(ref.slice(1)) : undefined;
}

/** The value at a JSON pointer. */
export function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(value)) value = /^\d+$/.test(key) ? value[Number(key)] : undefined;
    else if (isObject(value)) value = own(value, key);
    else return undefined;
  }
  return value;
}
