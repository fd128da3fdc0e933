/**
 * Turns values into bytes and back. Given to an app, router, actor or operation; the nearest one encodes what is sent
 * and is asked first when something is received. JSON, plain text and raw bytes are always understood.
 */
export interface Codec {
  /** Written with every message that this codec encoded. */
  readonly contentType: string;
  /** Whether it can decode this media type (lower case, without parameters). */
  accepts(mediaType: string): boolean;
  /** Throws `EncodeError`. */
  encode(value: unknown): Uint8Array;
  /** Throws anything; core wraps it in `DecodeError`. */
  decode(payload: Uint8Array, mediaType: string): unknown;
}
