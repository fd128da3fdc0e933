import type { ErrorOutcome } from "../contract/actor.ts";
import type { DecisionPolicy } from "../contract/actor-plan.ts";
import type { Message } from "../contract/message.ts";
import { assertNever } from "../internal/assert.ts";
import { silence } from "../internal/awaitable.ts";
import { parseDuration } from "../internal/duration.ts";
import { nextRetry } from "../policies/retry.ts";
import { DecodeError, InvalidOutcomeError, type ValidationError } from "../server/errors.ts";
import { RetryAfterError } from "../server/retry-after.ts";
import type { SettleCode } from "../server/settle-reason.ts";

/** How a run ended. */
export type RunEvent =
  | { readonly kind: "success"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "invalid"; readonly error: unknown }
  | { readonly kind: "timeout"; readonly error: unknown }
  | { readonly kind: "shutdown" };

export interface Decision {
  readonly action: "ack" | "nack" | "reject" | "retry" | "none";
  /** Milliseconds, with `retry`. */
  readonly delay?: number;
  /** With `nack`. */
  readonly code?: SettleCode;
  /** The error that goes into the reason of a dead letter. */
  readonly error?: unknown;
  /** Something in the configuration misbehaved and a safe outcome was taken instead; logged as an error. */
  readonly problem?: unknown;
  /** Whether the run counts as an attempt. */
  readonly attempted: boolean;
}

const ack: Decision = { action: "ack", attempted: true };
const none: Decision = { action: "none", attempted: true };
const handBack: Decision = { action: "reject", attempted: false };
const leave: Decision = { action: "none", attempted: false };

/**
 * What becomes of a message. A pure table (see `docs/confirmation.md`), tested as one: nothing here touches the message
 * or the broker. `message` is only handed to the callbacks of the policy.
 */
export function decide(
  policy: DecisionPolicy,
  event: RunEvent,
  attempt: number,
  random: () => number,
  message: Message,
): Decision {
  const { confirmation } = policy;
  switch (event.kind) {
    case "success":
      if (confirmation === "auto" || confirmation === "alwaysAck") return ack;
      if (confirmation === "explicit") return decideExplicit(policy, event.value, attempt, random, message);
      return none;
    case "error":
      if (confirmation === "alwaysAck") return ack;
      if (confirmation === "ackFirst") return none;
      return decideError(policy, event.error, attempt, random, message);
    case "invalid":
      if (confirmation === "ackFirst") return none;
      return decideInvalid(policy, event.error, message);
    case "timeout":
      if (confirmation === "alwaysAck") return ack;
      if (confirmation === "ackFirst") return none;
      return decideTimeout(policy, event.error, attempt, random);
    case "shutdown":
      return confirmation === "ackFirst" ? leave : handBack;
    default:
      return assertNever(event);
  }
}

function decideExplicit(
  policy: DecisionPolicy,
  value: unknown,
  attempt: number,
  random: () => number,
  message: Message,
): Decision {
  switch (value) {
    case "ack":
      return ack;
    case "nack":
      return { action: "nack", code: "rejected", attempted: true };
    case "reject":
      return { action: "reject", attempted: true };
    case "none":
      return none;
    default: {
      const error = new InvalidOutcomeError(`The explicit actor ${policy.actor}`, value);
      return { ...decideError(policy, error, attempt, random, message), problem: error };
    }
  }
}

function decideError(
  policy: DecisionPolicy,
  error: unknown,
  attempt: number,
  random: () => number,
  message: Message,
): Decision {
  const { onError } = policy;
  let chosen: ErrorOutcome | undefined;
  if (typeof onError === "function") {
    try {
      chosen = onError(error, message);
    } catch (problem) {
      return { action: "nack", code: "error", error, problem, attempted: true };
    }
    silence(chosen);
    if (chosen === undefined) return invalidChoice(policy, error, chosen);
  } else {
    chosen = onError;
  }
  if (chosen === undefined) {
    if (policy.confirmation !== "auto") return none;
    const asked = policy.retry !== undefined || error instanceof RetryAfterError;
    return asked ? retryOrNack(policy, "error", error, attempt, random) : nack("error", error);
  }
  switch (chosen) {
    case "ack":
      return ack;
    case "nack":
      return nack("error", error);
    case "reject":
      return { action: "reject", error, attempted: true };
    case "none":
      return policy.confirmation === "auto" ? invalidChoice(policy, error, chosen) : { ...none, error };
    case "retry":
      if (policy.retry === undefined && !(error instanceof RetryAfterError))
        return invalidChoice(policy, error, chosen);
      return retryOrNack(policy, "error", error, attempt, random);
    default: {
      const delay = typeof chosen === "object" && chosen !== null ? parseDuration(chosen.retryAfter) : undefined;
      if (delay === undefined || delay === Infinity) return invalidChoice(policy, error, chosen);
      if (policy.retry !== undefined && attempt >= policy.retry.attempts) return nack("error", error);
      return { action: "retry", delay, error, attempted: true };
    }
  }
}

function decideInvalid(policy: DecisionPolicy, error: unknown, message: Message): Decision {
  const code: SettleCode = error instanceof DecodeError ? "decode" : "invalid";
  const { onInvalid } = policy;
  let chosen = typeof onInvalid === "function" ? undefined : onInvalid;
  if (typeof onInvalid === "function") {
    try {
      chosen = onInvalid(error as DecodeError | ValidationError, message);
    } catch (problem) {
      return { ...nack(code, error), problem };
    }
    silence(chosen);
    if (chosen !== "ack" && chosen !== "nack" && chosen !== "reject") {
      return { ...nack(code, error), problem: new InvalidOutcomeError(`onInvalid of actor ${policy.actor}`, chosen) };
    }
  }
  switch (chosen ?? (policy.confirmation === "alwaysAck" ? "ack" : "nack")) {
    case "ack":
      return ack;
    case "reject":
      return { action: "reject", error, attempted: true };
    default:
      return nack(code, error);
  }
}

function decideTimeout(policy: DecisionPolicy, error: unknown, attempt: number, random: () => number): Decision {
  const byDefault = policy.retry !== undefined && policy.confirmation === "auto" ? "retry" : "reject";
  const chosen = policy.onTimeout ?? byDefault;
  switch (chosen) {
    case "ack":
      return ack;
    case "nack":
      return nack("timeout", error);
    case "reject":
      return { action: "reject", error, attempted: true };
    case "retry":
      if (policy.retry === undefined) return { ...invalidChoice(policy, error, chosen), code: "timeout" };
      return retryOrNack(policy, "timeout", error, attempt, random);
    default:
      return assertNever(chosen);
  }
}

function nack(code: SettleCode, error: unknown): Decision {
  return { action: "nack", code, error, attempted: true };
}

function invalidChoice(policy: DecisionPolicy, error: unknown, chosen: unknown): Decision {
  return { ...nack("error", error), problem: new InvalidOutcomeError(`onError of actor ${policy.actor}`, chosen) };
}

function retryOrNack(
  policy: DecisionPolicy,
  code: SettleCode,
  error: unknown,
  attempt: number,
  random: () => number,
): Decision {
  let delay: number | undefined;
  try {
    delay = nextRetry(policy.retry, attempt, error, random);
  } catch (problem) {
    return { ...nack(code, error), problem };
  }
  return delay === undefined ? nack(code, error) : { action: "retry", delay, error, attempted: true };
}
