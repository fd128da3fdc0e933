import type { Shape } from "./shape.ts";
import type { SideName } from "./side.ts";

interface Common {
  readonly side: SideName;
  readonly url: string;
  readonly shape: Shape;
}

/** What one child process does. */
export type Task = Common &
  (
    | { readonly role: "fill"; readonly count: number; readonly delay?: number }
    | { readonly role: "send"; readonly count: number; readonly warmUp: number; readonly inFlight: number | "bulk" }
    /** Sends until it is stopped, at most so many messages ahead of those that were handled. */
    | { readonly role: "feed"; readonly inFlight: number; readonly ahead: number }
    | { readonly role: "pace"; readonly count: number; readonly interval: number }
    | WorkTask
    | { readonly role: "heap"; readonly count: number; readonly inFlight: number }
  );

export interface WorkTask {
  readonly role: "work";
  readonly concurrency: number;
  /** Milliseconds that each handler waits before it counts. */
  readonly sleep: number;
  /** Messages handled before what is measured begins, and until it ends. */
  readonly from: number;
  readonly to: number;
  /** Messages between two looks at the clock. */
  readonly step: number;
}

export type FromChild =
  /** Connected; a worker consumes. */
  | { readonly type: "ready" }
  /** The clock was started, or stopped. */
  | { readonly type: "begin" }
  | { readonly type: "end" }
  | { readonly type: "handled"; readonly count: number }
  | { readonly type: "report"; readonly report: Report };

export type ToChild = { readonly type: "stop" } | { readonly type: "handled"; readonly count: number };

export interface Report {
  /** Messages in what was measured; its milliseconds; its microseconds of the processor. */
  readonly messages: number;
  readonly wall: number;
  readonly cpu: number;
  /** Microseconds of the processor of the whole process. */
  readonly total: number;
  /** Milliseconds from sending to the start of the handler, of stamped messages. */
  readonly latencies?: readonly number[];
  /** Resident bytes, twice a second. */
  readonly resident?: readonly number[];
  /** Bytes of heap, after a full collection, by messages so far. */
  readonly heap?: readonly (readonly [messages: number, bytes: number])[];
}
