import { isUtf8 } from "node:buffer";
import { DecodeError, EncodeError } from "../server/errors.ts";
import type { Codec } from "./codec.ts";

const depthLimit = 200;

/** Whether `JSON.stringify` alone gives the right bytes. Cheap: one pass, no allocation, no path. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth > depthLimit) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const object = value as Record<string, unknown>;
  if (object["toJSON"] !== undefined) return false;
  for (const key in object) {
    const item = object[key];
    if (item !== undefined && !isPlain(item, depth + 1)) return false;
  }
  return true;
}

function place(path: string): string {
  return path === "" ? "the payload" : path;
}

function refuse(what: string, path: string, hint: string): never {
  throw new EncodeError(`Cannot encode ${what} at ${place(path)} as JSON: ${hint}.`, path);
}

/** Getters and `toJSON` are foreign code: what they throw is told with its place. */
function guarded<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new EncodeError(`Cannot encode ${place(path)} as JSON: reading it failed.`, path, { cause: error });
  }
}

function toPlain(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(value) : value;
}

/** What throws when it is looked at is not plain; converting it then says where. */
function isSurelyPlain(value: unknown): boolean {
  try {
    return isPlain(value, 0);
  } catch {
    return false;
  }
}

function convertObject(value: object, path: string, depth: number): unknown {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) refuse("an invalid Date", path, "give a valid one");
    return value.toISOString();
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  if (value instanceof Promise) refuse("a Promise", path, "await it first");
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) refuse("binary data", path, "use a Uint8Array");
  if (value instanceof Map) refuse("a Map", path, "use Object.fromEntries(map) or [...map]");
  if (value instanceof Set) refuse("a Set", path, "use [...set]");
  if (depth > depthLimit) refuse("a value", path, `it is circular or deeper than ${depthLimit} levels`);
  const own = guarded(path, () => toPlain(value));
  if (own !== value) return convert(own, path, depth + 1);
  if (Array.isArray(value)) return value.map((item, index) => convert(item, `${path}[${index}]`, depth + 1) ?? null);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const item = guarded(at, () => (value as Record<string, unknown>)[key]);
    const converted = convert(item, at, depth + 1);
    // A plain assignment to `__proto__` would set the prototype of the copy instead of a property.
    if (converted !== undefined) {
      Object.defineProperty(result, key, { value: converted, enumerable: true, configurable: true, writable: true });
    }
  }
  return result;
}

function convert(value: unknown, path: string, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(String(value), path, "JSON has no such number");
      return value;
    case "bigint":
      return value.toString();
    case "function":
    case "symbol":
      return refuse(`a ${typeof value}`, path, "it is not data");
    default:
      return value === null ? null : convertObject(value as object, path, depth);
  }
}

function decodeText(payload: Uint8Array): string {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const text = bytes.toString();
  // Only a text with replacement characters can have been invalid: the full check is rarely needed.
  if (text.includes("\uFFFD") && !isUtf8(bytes)) throw new DecodeError("The payload is not valid UTF-8.");
  return text;
}

export { decodeText };

/** `__proto__` as a key is data that turns into a prototype at the next careless merge: such keys are dropped. */
function withoutProto(this: unknown, key: string, value: unknown): unknown {
  return key === "__proto__" ? undefined : value;
}

/**
 * The default codec: JSON in UTF-8. Date becomes an ISO string, bigint a decimal string, Uint8Array base64; properties
 * that are `undefined` are left out; Map, Set, functions, symbols, NaN and infinities are refused with their path. An
 * empty payload decodes to `{}`.
 */
export const jsonCodec: Codec = {
  contentType: "application/json",
  accepts: (mediaType) => mediaType === "" || mediaType === "application/json" || mediaType.endsWith("+json"),
  encode(value) {
    if (isSurelyPlain(value)) return Buffer.from(JSON.stringify(value));
    const converted = convert(value, "", 0);
    return converted === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(converted));
  },
  decode(payload) {
    if (payload.byteLength === 0) return {};
    let text = decodeText(payload);
    if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    try {
      // Short patterns that begin with a rare character: looking for them costs next to nothing.
      if (text.includes("__pro") || text.includes("\\u")) return JSON.parse(text, withoutProto);
      return JSON.parse(text);
    } catch (error) {
      throw new DecodeError("The payload is not valid JSON.", { cause: error });
    }
  },
};
