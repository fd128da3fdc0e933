import { isUtf8 } from "node:buffer";
import { createHeaders, type MessageHeaders } from "../../../internal/headers.ts";
import { OptionError } from "../../../server/errors.ts";
import { jsonType } from "../wire.ts";

/** A message of a list, apart from how it is written. */
export interface ListItem {
  readonly payload: Uint8Array;
  /** The sender's id. */
  readonly id: string | undefined;
  /** What selects the actor; millrace keeps it in the header that `topicHeader` names. */
  readonly topic: string | undefined;
  /** Without the topic. May hold the reserved header `millrace`. */
  readonly headers: MessageHeaders;
  /** `undefined`: none was given, and the reader takes it for JSON. */
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  /** When it was sent, milliseconds since the epoch. */
  readonly sentAt: number | undefined;
}

/** How messages are written into a list, for lists that others read or write in a format of their own. */
export interface ListFrame {
  /** The item of the list. May throw for what the format has no place for: the send is refused then. */
  encode(item: ListItem): Uint8Array | string;
  /** Reads an item, whoever wrote it. Must not throw: what it cannot read has all bytes as its payload. */
  decode(bytes: Uint8Array): ListItem;
  /** Whether headers survive. Without them a message that comes back to its list has no place for counts. */
  readonly carriesHeaders: boolean;
}

const none: MessageHeaders = Object.freeze(createHeaders());

function bytesOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function unframed(payload: Uint8Array): ListItem {
  const nothing = undefined;
  return {
    payload,
    id: nothing,
    topic: nothing,
    headers: none,
    contentType: nothing,
    replyTo: nothing,
    sentAt: nothing,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members that hold a payload: JSON as it is, anything else as text or base64 with its content type. */
function payloadMembers({ payload, contentType }: ListItem): string {
  const bytes = bytesOf(payload);
  const isText = isUtf8(bytes);
  const text = isText ? bytes.toString("utf8") : "";
  if (contentType === jsonType && isText && parse(text) !== undefined) return `"payload":${text}`;
  const type = `"contentType":${JSON.stringify(contentType ?? "")}`;
  if (isText) return `"payload":${JSON.stringify(text)},${type}`;
  return `"payload":"${bytes.toString("base64")}",${type},"encoding":"base64"`;
}

function encode(item: ListItem): string {
  const { id, topic, headers, replyTo, sentAt } = item;
  let text = `{"id":${JSON.stringify(id ?? null)},"name":${JSON.stringify(topic ?? null)},${payloadMembers(item)}`;
  if (sentAt !== undefined) text += `,"timestamp":${sentAt / 1000}`;
  for (const _ in headers) {
    text += `,"headers":${JSON.stringify(headers)}`;
    break;
  }
  if (replyTo !== undefined) text += `,"replyTo":${JSON.stringify(replyTo)}`;
  return `${text}}`;
}

function headersOf(value: unknown): MessageHeaders {
  if (typeof value !== "object" || value === null) return none;
  const headers = createHeaders();
  for (const [name, one] of Object.entries(value)) if (typeof one === "string") headers[name] = one;
  return headers;
}

function payloadOf(value: unknown, contentType: unknown, encoding: unknown): Buffer {
  if (typeof contentType !== "string" || typeof value !== "string") return Buffer.from(JSON.stringify(value));
  return Buffer.from(value, encoding === "base64" ? "base64" : "utf8");
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function decode(bytes: Uint8Array): ListItem {
  const parsed = parse(bytesOf(bytes).toString("utf8"));
  if (typeof parsed !== "object" || parsed === null || !Object.hasOwn(parsed, "payload")) return unframed(bytes);
  const { id, name, payload, timestamp, headers, contentType, encoding, replyTo } = parsed as Record<string, unknown>;
  return {
    payload: payloadOf(payload, contentType, encoding),
    id: text(id),
    topic: text(name),
    headers: headersOf(headers),
    // Empty: written by us for a message that has none.
    contentType: typeof contentType === "string" ? contentType || undefined : jsonType,
    replyTo: text(replyTo),
    sentAt: typeof timestamp === "number" ? Math.round(timestamp * 1000) : undefined,
  };
}

/** `{"id", "name", "payload", "timestamp"}`; what else a message has, in members that others ignore. */
const json: ListFrame = { carriesHeaders: true, encode, decode };

/** Nothing but the payload. */
const raw: ListFrame = {
  carriesHeaders: false,
  encode({ payload, topic, headers, replyTo }) {
    if (topic !== undefined || replyTo !== undefined || Object.keys(headers).length > 0) {
      throw new OptionError('A list with frame "raw" has no place for headers, a topic or a reply address.');
    }
    return payload;
  },
  decode: unframed,
};

/** Throws for what is no frame. */
export function readFrame(given: "json" | "raw" | ListFrame | undefined): ListFrame {
  if (given === undefined || given === "json") return json;
  if (given === "raw") return raw;
  if (typeof given === "object" && typeof given?.encode === "function" && typeof given.decode === "function") {
    return given;
  }
  throw new OptionError('Expected frame of redisList to be "json", "raw" or an object with encode and decode.');
}
