import { headerProblem } from "../internal/headers.ts";
import { EncodeError, InvalidHeaderError, OptionError } from "../server/errors.ts";

/** Bytes to send: UTF-8 of a text, or the bytes as they are. Errors: `OptionError`, `EncodeError` when there are too many. */
export function boundedBytes(payload: Uint8Array | string, maxBytes: number): Uint8Array {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  if (!(bytes instanceof Uint8Array)) {
    throw new OptionError(
      `Expected the payload to be a Uint8Array or a string, got ${bytes === null ? "null" : typeof bytes}.`,
    );
  }
  if (bytes.byteLength > maxBytes) {
    throw new EncodeError(
      `The payload has ${bytes.byteLength} bytes, more than maxPayloadBytes (${maxBytes}) of the app: ` +
        "raise it, or send a reference to the data.",
      "",
    );
  }
  return bytes;
}

/** A field that travels like a header, such as a content type. Errors: `InvalidHeaderError`. */
export function lineOption(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const problem = headerProblem(name, value);
  if (problem !== undefined) throw new InvalidHeaderError(name, problem);
  return value;
}
