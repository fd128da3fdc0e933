import type { ValidationIssue } from "./errors.ts";

export type SettleCode = "error" | "invalid" | "decode" | "timeout" | "unrouted" | "poison" | "expired" | "rejected";

/** An error as it is kept with a dead letter: plain, bounded, JSON-safe. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: ErrorRecord;
}

/** Why a message was dead-lettered. Stored with the dead letter. Times are milliseconds since the epoch. */
export interface SettleReason {
  readonly code: SettleCode;
  readonly error?: ErrorRecord;
  readonly actor?: string;
  readonly attempts: number;
  readonly deliveries: number;
  readonly firstFailureAt: number;
  readonly lastFailureAt: number;
  readonly issues?: readonly ValidationIssue[];
}

const textLimit = 8192;
const causeLimit = 5;

function text(value: unknown): string {
  const string = String(value);
  return string.length > textLimit ? `${string.slice(0, textLimit)}…` : string;
}

/** Reads a property of anything that was thrown; a throwing getter must not hide the original failure. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** Turns whatever was thrown (also `undefined`, strings, objects with throwing getters, circular causes) into a record. */
export function recordError(thrown: unknown, depth = 0): ErrorRecord {
  if (typeof thrown !== "object" || thrown === null) {
    let shown: string;
    try {
      shown = text(thrown);
    } catch {
      shown = typeof thrown;
    }
    return { name: "NonError", message: shown };
  }
  const name = read(thrown, "name");
  const message = read(thrown, "message");
  const stack = read(thrown, "stack");
  const code = read(thrown, "code");
  const cause = read(thrown, "cause");
  return {
    name: typeof name === "string" ? text(name) : "NonError",
    message: typeof message === "string" ? text(message) : "(no message)",
    ...(typeof stack === "string" ? { stack: text(stack) } : {}),
    ...(typeof code === "string" || typeof code === "number" ? { code: text(code) } : {}),
    ...(cause !== undefined && depth < causeLimit ? { cause: recordError(cause, depth + 1) } : {}),
  };
}
