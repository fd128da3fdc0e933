import type { MessageHeaders } from "../../internal/headers.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import { compactId } from "./compact-id.ts";
import type { Argument } from "./transport.ts";
import { field, jsonType } from "./wire.ts";

/** The client writes strings of one turn as one piece, and each Buffer as a piece of its own: that pays for large ones only. */
const longestText = 4096;

function payloadArgument(payload: Uint8Array): Argument {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length > longestText) return bytes;
  const text = bytes.toString();
  // What is not UTF-8 gets replacement characters; that those may be meant costs a copy and nothing else.
  return text.includes("\uFFFD") ? bytes : text;
}

/** The header that was added last and its field: most messages have those of the one before. */
let lastName = "";
let lastField = "";

/** Adds headers as fields. Names are HTTP tokens, so that no two of them can be mixed up. */
export function pushHeaders(into: Argument[], headers: MessageHeaders): void {
  for (const name in headers) {
    if (name !== lastName) {
      lastName = name;
      lastField = field.header + name;
    }
    into.push(lastField, headers[name] as string);
  }
}

/** The fields of a message, behind `start`. */
export function withMessage(
  start: readonly Argument[],
  message: OutgoingMessage,
  options: PublishOptions | undefined,
): Argument[] {
  const compact = compactId(message.id);
  const args = [...start, compact === undefined ? field.id : field.uuid, compact ?? message.id];
  pushHeaders(args, message.headers);
  if (message.contentType !== jsonType) args.push(field.contentType, message.contentType ?? "");
  if (message.replyTo !== undefined) args.push(field.replyTo, message.replyTo);
  if (options?.expiresIn !== undefined) args.push(field.lifetime, String(Math.ceil(options.expiresIn)));
  args.push(field.payload, payloadArgument(message.payload));
  return args;
}
