import { DecodeError } from "../server/errors.ts";
import type { Codec } from "./codec.ts";
import { decodeText, jsonCodec } from "./json-codec.ts";

const textCodec: Codec = {
  contentType: "text/plain",
  accepts: (mediaType) => mediaType === "text/plain",
  encode: (value) => Buffer.from(String(value)),
  decode: decodeText,
};

const bytesCodec: Codec = {
  contentType: "application/octet-stream",
  accepts: (mediaType) => mediaType === "application/octet-stream",
  encode: (value) => value as Uint8Array,
  decode: (payload) => payload,
};

const builtIn: readonly Codec[] = [jsonCodec, textCodec, bytesCodec];

interface ContentType {
  readonly mediaType: string;
  readonly charset: string | undefined;
}

function parse(header: string): ContentType {
  const [type = "", ...parameters] = header.split(";");
  let charset: string | undefined;
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (name.trim().toLowerCase() === "charset")
      charset = value
        .trim()
        .replace(/^"(.*)"$/, "$1")
        .toLowerCase();
  }
  return { mediaType: type.trim().toLowerCase(), charset };
}

/** Few content types are in use at a time; a flood of odd ones must not grow the cache. */
const cacheLimit = 128;

/** Decodes a payload by its content type: own codec first, then JSON, text, bytes. Throws `DecodeError`. */
export type Decoder = (payload: Uint8Array, contentType: string | undefined) => unknown;

export function createDecoder(codec: Codec | undefined): Decoder {
  const known = new Map<string, { readonly codec: Codec; readonly mediaType: string }>();
  const codecs = codec === undefined ? builtIn : [codec, ...builtIn];
  const absent = codecs.find((candidate) => candidate.accepts("")) ?? jsonCodec;

  function find(header: string): { readonly codec: Codec; readonly mediaType: string } {
    const { mediaType, charset } = parse(header);
    const found = codecs.find((candidate) => candidate.accepts(mediaType));
    if (found === undefined) {
      throw new DecodeError(`No codec for the content type ${JSON.stringify(header.slice(0, 80))}.`);
    }
    if (charset !== undefined && charset !== "utf-8" && charset !== "utf8" && builtIn.includes(found)) {
      throw new DecodeError(`Unsupported charset ${JSON.stringify(charset.slice(0, 40))}: only UTF-8 is understood.`);
    }
    const entry = { codec: found, mediaType };
    if (known.size < cacheLimit) known.set(header, entry);
    return entry;
  }

  return function decode(payload, contentType) {
    if (contentType === undefined || contentType === "") return decodeWith(absent, payload, "");
    const { codec: chosen, mediaType } = known.get(contentType) ?? find(contentType);
    return decodeWith(chosen, payload, mediaType);
  };
}

function decodeWith(codec: Codec, payload: Uint8Array, mediaType: string): unknown {
  try {
    return codec.decode(payload, mediaType);
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError("The payload could not be decoded.", { cause: error });
  }
}
