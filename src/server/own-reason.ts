import type { MessageHeaders } from "../internal/headers.ts";
import { bookkeepingHeader, parseBookkeeping } from "./bookkeeping.ts";
import type { SettleCode, SettleReason } from "./settle-reason.ts";

/** The reason of a message that died without core saying why: what the message itself tells. */
export function ownReason(code: SettleCode, headers: MessageHeaders, deliveries: number, now: number): SettleReason {
  const { attempts, firstFailureAt } = parseBookkeeping(headers[bookkeepingHeader]);
  return { code, attempts, deliveries, firstFailureAt: firstFailureAt > 0 ? firstFailureAt : now, lastFailureAt: now };
}

const isCount = (value: unknown): boolean => Number.isFinite(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

const fits: Readonly<Record<keyof SettleReason, (value: unknown) => boolean>> = {
  code: isText,
  error: isObject,
  actor: isText,
  attempts: isCount,
  deliveries: isCount,
  firstFailureAt: isCount,
  lastFailureAt: isCount,
  issues: Array.isArray,
};

/**
 * A stored reason. What somebody damaged by hand counts as an unknown error, so that one bad row does not hide its
 * channel.
 */
export function decodeReason(text: string | null, deadAt: number): SettleReason {
  const unknown: SettleReason = {
    code: "error",
    attempts: 0,
    deliveries: 0,
    firstFailureAt: deadAt,
    lastFailureAt: deadAt,
  };
  try {
    const parsed: unknown = JSON.parse(text ?? "");
    if (!isObject(parsed)) return unknown;
    const sound = Object.entries(parsed as object).filter(([key, value]) => fits[key as keyof SettleReason]?.(value));
    return { ...unknown, ...Object.fromEntries(sound) };
  } catch {
    return unknown;
  }
}
