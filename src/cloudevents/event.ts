import type { Delivery, MessageHeaders } from "../server/delivery.ts";

/** A message with an event in it, whether it was just received or died. */
export type Wrapped = Pick<Delivery, "payload" | "headers" | "contentType">;

/** A received event, taken apart. */
export interface Event {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly headers: MessageHeaders;
  /** When it happened, by its sender. */
  readonly time: number | undefined;
}

export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

export function isJsonType(mediaType: string): boolean {
  return (
    mediaType === "" || mediaType === "application/json" || mediaType === "text/json" || mediaType.endsWith("+json")
  );
}
