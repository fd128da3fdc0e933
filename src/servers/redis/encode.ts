import { isUtf8 } from "node:buffer";
import type { MessageHeaders } from "../../internal/headers.ts";
import type { OutgoingMessage } from "../../server/delivery.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import { compactId } from "./compact-id.ts";
import type { Argument } from "./transport.ts";
import { field, jsonType } from "./wire.ts";

/** The client writes strings of one turn as one piece, and each Buffer as a piece of its own: that pays for large ones only. */
const longestText = 4096;

function payloadArgument(payload: Uint8Array): Argument {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return bytes.length <= longestText && isUtf8(bytes) ? bytes.toString("utf8") : bytes;
}

/** Adds headers as fields. Names are HTTP tokens, so that no two of them can be mixed up. */
export function pushHeaders(into: Argument[], headers: MessageHeaders): void {
  for (const name in headers) into.push(field.header + name, headers[name] as string);
}

/** Adds the id as a field. */
function pushId(into: Argument[], id: string): void {
  const compact = compactId(id);
  if (compact === undefined) into.push(field.id, id);
  else into.push(field.uuid, compact);
}

/** Adds the fields of a message to the arguments of a command. */
export function pushMessage(into: Argument[], message: OutgoingMessage, options: PublishOptions | undefined): void {
  pushId(into, message.id);
  pushHeaders(into, message.headers);
  if (message.contentType !== jsonType) into.push(field.contentType, message.contentType ?? "");
  if (message.replyTo !== undefined) into.push(field.replyTo, message.replyTo);
  if (options?.expiresIn !== undefined) into.push(field.lifetime, String(Math.ceil(options.expiresIn)));
  into.push(field.payload, payloadArgument(message.payload));
}
