import type { SettledOutcome } from "../contract/message.ts";
import type { MessageHeaders } from "../internal/headers.ts";
import type { PublishOptions } from "../server/server.ts";

/** A message that the app sent, replies and chained messages included. */
export interface SentMessage {
  readonly id: string;
  readonly server: string;
  readonly channel: string;
  /** Name of the operation or actor that it was sent to; absent for `publish`, `publishJson` and replies. */
  readonly operation: string | undefined;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  /** Delay, priority, expiry, dedupe and server parameters, as the server got them. */
  readonly options: PublishOptions;
  /** The payload as JSON. Throws when it is none. */
  json(): unknown;
}

/** One run of an actor. A message that was retried has several. */
export interface ProcessedMessage {
  readonly id: string;
  readonly server: string;
  readonly channel: string;
  readonly actor: string;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  readonly attempt: number;
  readonly deliveries: number;
  /** What the actor (its middleware included) returned. */
  readonly result: unknown;
  /** What it threw. */
  readonly error: unknown;
  /** `undefined`: left unsettled. */
  readonly outcome: SettledOutcome | undefined;
  json(): unknown;
}

/** Which records to show; all that is given must fit. */
export interface RecordFilter {
  readonly channel?: string;
  /** Name of the actor, or of the operation that was sent. */
  readonly operation?: { readonly name: string } | string;
}

export function parseJson(payload: Uint8Array): unknown {
  return payload.byteLength === 0 ? {} : JSON.parse(Buffer.from(payload).toString("utf8"));
}

export function nameOf(operation: { readonly name: string } | string): string {
  return typeof operation === "string" ? operation : operation.name;
}
