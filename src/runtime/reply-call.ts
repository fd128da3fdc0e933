import type { ReplyOptions } from "../contract/message.ts";
import type { ProducerCall } from "../contract/middleware.ts";
import { findHeader } from "../internal/headers.ts";
import { ReplyAddressError } from "../server/errors.ts";
import { correlationHeader } from "./correlation.ts";
import { outgoingHeaders } from "./outgoing-headers.ts";
import { boundedBytes } from "./payload-bytes.ts";
import { noOptions, type ServerEntry } from "./producer.ts";
import type { ReceivedMessage } from "./received-message.ts";

/** Replies to askers that are gone must not pile up. */
const replyLifetime = 3_600_000;

/** The reply to a message, ready to be sent. It carries the correlation id of its request. Errors: `ReplyAddressError`. */
export function replyCall(
  entry: ServerEntry,
  message: ReceivedMessage,
  id: string,
  payload: Uint8Array | string,
  options: ReplyOptions | undefined,
  maxBytes: number,
): ProducerCall {
  const channel = options?.channel ?? message.replyTo;
  if (channel === undefined) throw new ReplyAddressError();
  const headers = outgoingHeaders(options?.headers);
  const correlation = findHeader(message.headers, correlationHeader);
  if (correlation !== undefined) headers[correlationHeader] ??= correlation;
  const expires = entry.server.features.expiry.level !== "unsupported" && options?.channel === undefined;
  return {
    server: entry.name,
    channel,
    message: {
      id,
      payload: boundedBytes(payload, maxBytes),
      headers,
      contentType: options?.contentType,
      replyTo: undefined,
    },
    options: expires ? { expiresIn: replyLifetime } : noOptions,
    operation: undefined,
  };
}
