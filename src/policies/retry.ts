import type { CompiledRetry } from "../contract/retry.ts";
import { NonRetryableError } from "../server/errors.ts";
import { RetryAfterError } from "../server/retry-after.ts";

/**
 * Milliseconds until the next attempt after a failed one, or `undefined` when there is none: attempts used up, the
 * error is not retryable, or there is neither a policy nor an error that asks for a retry.
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
  if (policy.retryIf !== undefined && !policy.retryIf(error, attempt)) return undefined;
  if (error instanceof RetryAfterError) return error.delay;
  return Math.max(0, Math.round(policy.backoff.delay(attempt, random)));
}
