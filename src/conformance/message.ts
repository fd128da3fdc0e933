import { createHeaders } from "../internal/headers.ts";
import { createUuidSource } from "../internal/uuid.ts";
import type { Delivery, OutgoingMessage } from "../server/delivery.ts";

const nextId = createUuidSource(Date.now);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface MessageParts {
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string | undefined;
  readonly replyTo?: string;
}

/** A message as core would make it. */
export function message(payload: string | Uint8Array, parts: MessageParts = {}): OutgoingMessage {
  return {
    id: parts.id ?? nextId(),
    payload: typeof payload === "string" ? encoder.encode(payload) : payload,
    headers: createHeaders(parts.headers),
    contentType: "contentType" in parts ? parts.contentType : "text/plain",
    replyTo: parts.replyTo,
  };
}

/** `count` messages whose payload is their number. */
export function numbered(count: number, prefix = ""): OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => message(`${prefix}${index}`));
}

export function textOf(received: { readonly payload: Uint8Array }): string {
  return decoder.decode(received.payload);
}

export function textsOf(received: readonly Delivery[]): string[] {
  return received.map(textOf);
}
