import { deserialize, serialize } from "node:v8";

/** A value as bytes: they keep dates, maps and typed arrays on any channel between processes. Throws for functions. */
export function pack(value: unknown): Uint8Array {
  return serialize(value);
}

/** The value again. A channel that speaks JSON turns bytes into `{ type, data }` or `{ "0": …, "1": … }`. */
export function unpack(packed: unknown): unknown {
  if (packed instanceof Uint8Array) return deserialize(packed);
  const { data } = packed as { readonly data?: readonly number[] };
  return deserialize(Uint8Array.from(data ?? Object.values(packed as Record<string, number>)));
}
