import { type Payload, payloadOf } from "../payload.ts";

/** `plain`: 98 bytes of JSON. `stamped`: with the time of sending. The others with a text of that length. */
export type Shape = "plain" | "stamped" | "10kb" | "100kb";

export interface BenchPayload extends Payload {
  /** Monotonic milliseconds at which it was made, comparable between processes of one machine. */
  readonly at?: number;
  readonly text?: string;
}

export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

const text = (length: number): string =>
  "The mill grinds what the race brings. ".repeat(length / 38 + 1).slice(0, length);

/** How payloads of a shape are made. */
export function maker(shape: Shape): (index: number) => BenchPayload {
  if (shape === "plain") return payloadOf;
  if (shape === "stamped") return (index) => ({ ...payloadOf(index), at: monotonic() });
  const long = text(shape === "10kb" ? 10_000 : 100_000);
  return (index) => ({ ...payloadOf(index), text: long });
}

/** Messages in one call of a bulk API: about a megabyte at most. */
export const bulkSize: Readonly<Record<Shape, number>> = { plain: 1000, stamped: 1000, "10kb": 100, "100kb": 10 };
