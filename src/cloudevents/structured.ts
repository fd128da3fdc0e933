import { isUtf8 } from "node:buffer";
import type { OutgoingMessage } from "../server/delivery.ts";
import { DecodeError } from "../server/errors.ts";
import { type Attributes, checkIncoming, incomingHeaders, outgoingAttributes, timeOf } from "./attributes.ts";
import { type Event, isJsonType, mediaTypeOf, type Wrapped } from "./event.ts";
import type { Settings } from "./options.ts";

export const structuredType = "application/cloudevents+json";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isText(contentType: string | undefined, mediaType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8") return false;
  return mediaType.startsWith("text/") || mediaType.endsWith("/xml") || mediaType.endsWith("+xml");
}

/** The member that holds the data, with its comma; nothing for an empty payload. */
function dataMember({ payload, contentType }: OutgoingMessage): string {
  if (payload.byteLength === 0) return "";
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const mediaType = mediaTypeOf(contentType);
  if (isUtf8(bytes)) {
    const text = bytes.toString();
    // As it was given, not parsed and written again: numbers that are too long for JavaScript stay whole.
    if (isJsonType(mediaType) && isJson(text)) return `,"data":${text}`;
    if (isText(contentType, mediaType)) return `,"data":${JSON.stringify(text)}`;
  }
  return `,"data_base64":"${bytes.toString("base64")}"`;
}

export function writeStructured(message: OutgoingMessage, settings: Settings): OutgoingMessage {
  const { attributes, rest } = outgoingAttributes(message, settings);
  if (message.contentType !== undefined) attributes["datacontenttype"] = message.contentType;
  const head = JSON.stringify(attributes);
  return {
    id: message.id,
    payload: Buffer.from(`${head.slice(0, -1)}${dataMember(message)}}`),
    headers: rest,
    contentType: `${structuredType}; charset=utf-8`,
    replyTo: message.replyTo,
  };
}

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!isUtf8(bytes)) throw new DecodeError("The CloudEvent is not valid UTF-8.");
  let event: unknown;
  try {
    event = JSON.parse(bytes.toString().replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new DecodeError("The CloudEvent is not valid JSON.", { cause });
  }
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw new DecodeError("The CloudEvent is no JSON object.");
  }
  return event as Readonly<Record<string, unknown>>;
}

function attributesOf(event: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Attributes = Object.create(null) as Attributes;
  for (const [key, value] of Object.entries(event)) {
    // `null` means that it is not there.
    if (key === "data" || key === "data_base64" || value === null) continue;
    if (typeof value === "object") {
      throw new DecodeError(`The attribute ${JSON.stringify(key.slice(0, 40))} of a CloudEvent is no simple value.`);
    }
    const name = key.toLowerCase();
    if (name in attributes)
      throw new DecodeError(`The CloudEvent has the attribute ${JSON.stringify(name.slice(0, 40))} twice.`);
    attributes[name] = String(value);
  }
  return attributes;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

function dataOf(event: Readonly<Record<string, unknown>>, contentType: string | undefined): Uint8Array {
  const { data, data_base64: encoded } = event;
  if (encoded !== undefined && encoded !== null) {
    if (data !== undefined && data !== null) throw new DecodeError("The CloudEvent has both data and data_base64.");
    if (typeof encoded !== "string" || !base64.test(encoded)) throw new DecodeError("data_base64 is not valid base64.");
    return Buffer.from(encoded, "base64");
  }
  if (data === undefined) return new Uint8Array(0);
  if (isJsonType(mediaTypeOf(contentType))) return Buffer.from(JSON.stringify(data));
  if (data === null) return new Uint8Array(0);
  if (typeof data !== "string") {
    throw new DecodeError(
      `The data of a CloudEvent is JSON, but its type is ${JSON.stringify(contentType?.slice(0, 80))}.`,
    );
  }
  return Buffer.from(data);
}

/** `undefined`: the message is no structured event. Errors: `DecodeError`. */
export function readStructured(message: Wrapped): Event | undefined {
  const mediaType = mediaTypeOf(message.contentType);
  if (!mediaType.startsWith("application/cloudevents")) return undefined;
  if (mediaType !== structuredType) {
    const what = mediaType.startsWith("application/cloudevents-batch") ? "a batch of CloudEvents" : "a CloudEvent";
    throw new DecodeError(
      `The message is ${what} as ${JSON.stringify(mediaType.slice(0, 80))}: only ${structuredType} is understood.`,
    );
  }
  const event = parse(message.payload);
  const attributes = attributesOf(event);
  checkIncoming(attributes);
  const contentType = attributes["datacontenttype"];
  return {
    id: attributes["id"] as string,
    payload: dataOf(event, contentType),
    contentType,
    headers: incomingHeaders(message.headers, attributes),
    time: timeOf(attributes["time"]),
  };
}
