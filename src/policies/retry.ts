import type { CompiledRetry } from "../contract/retry.ts";
import { silence } from "../internal/awaitable.ts";
import { InvalidOutcomeError, NonRetryableError, OptionError } from "../server/errors.ts";
import { RetryAfterError } from "../server/retry-after.ts";

/**
 * Milliseconds until the next attempt after a failed one, or `undefined` when there is none: attempts used up, the
 * error is not retryable, or there is neither a policy nor an error that asks for a retry. Throws when the policy's own
 * functions give nonsense.
 */
export function nextRetry(
  policy: CompiledRetry | undefined,
  attempt: number,
  error: unknown,
  random: () => number,
): number | undefined {
  if (error instanceof NonRetryableError) return undefined;
  if (policy === undefined) return error instanceof RetryAfterError ? error.delay : undefined;
  if (attempt >= policy.attempts) return undefined;
  if (policy.retryIf !== undefined) {
    const wanted: unknown = policy.retryIf(error, attempt);
    silence(wanted);
    if (typeof wanted !== "boolean") throw new InvalidOutcomeError("retryIf", wanted, "true or false");
    if (!wanted) return undefined;
  }
  if (error instanceof RetryAfterError) return error.delay;
  const delay = policy.backoff.delay(attempt, random);
  if (!Number.isFinite(delay))
    throw new OptionError(`The backoff gave ${delay} after attempt ${attempt}, not milliseconds.`);
  return Math.max(0, Math.round(delay));
}
