import { createHeaders } from "../internal/headers.ts";
import type { OutgoingMessage } from "../server/delivery.ts";
import { DecodeError } from "../server/errors.ts";
import { type Attributes, checkIncoming, incomingHeaders, outgoingAttributes, timeOf } from "./attributes.ts";
import type { Event, Wrapped } from "./event.ts";
import type { Settings } from "./options.ts";

/** Every spelling is read: senders of foreign libraries do not agree, not even about one broker. */
const attributeHeader = /^(?:ce[-_]|cloudevents[:_])(.+)$/i;

/** All but the visible characters of ASCII, and the two that the binding of HTTP excludes. */
function percentEncoded(value: string): string {
  return value.replace(/[^!#$&-~]+/gu, (part) =>
    Array.from(Buffer.from(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

function percentDecoded(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // A foreign sender that does not encode: a percent sign is one then.
    return value;
  }
}

export function writeBinary(message: OutgoingMessage, settings: Settings): OutgoingMessage {
  const { attributes, rest } = outgoingAttributes(message, settings);
  const headers = createHeaders(rest);
  for (const name in attributes) {
    const value = attributes[name] as string;
    headers[`${settings.prefix}${name}`] = settings.percent ? percentEncoded(value) : value;
  }
  return { ...message, headers };
}

/** `undefined`: the message has no attribute at all. Errors: `DecodeError`. */
export function readBinary(message: Wrapped, settings: Settings): Event | undefined {
  const beside = createHeaders();
  const attributes: Attributes = Object.create(null) as Attributes;
  let found = false;
  for (const header in message.headers) {
    const value = message.headers[header] as string;
    const name = attributeHeader.exec(header)?.[1]?.toLowerCase();
    if (name === undefined) {
      beside[header] = value;
      continue;
    }
    found = true;
    if (name in attributes && attributes[name] !== value)
      throw new DecodeError(`The message has the attribute ${JSON.stringify(name.slice(0, 40))} twice.`);
    attributes[name] = settings.percent ? percentDecoded(value) : value;
  }
  if (!found) return undefined;
  checkIncoming(attributes);
  return {
    id: attributes["id"] as string,
    payload: message.payload,
    contentType: message.contentType ?? attributes["datacontenttype"],
    headers: incomingHeaders(beside, attributes),
    time: timeOf(attributes["time"]),
  };
}
