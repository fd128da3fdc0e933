import type { Duration } from "../internal/duration.ts";
import { MillraceError } from "./errors.ts";
import { durationOption } from "./option.ts";

/**
 * Throw it from an actor to have the message delivered again after `delay`, whatever the backoff says. It counts as a
 * failed attempt of the actor's `retry` policy; without a policy it is bounded by the delivery limit only.
 *
 * @example throw new RetryAfterError("30s", { cause: error });   // e.g. from an HTTP 429 answer
 */
export class RetryAfterError extends MillraceError {
  /** Milliseconds. */
  readonly delay: number;
  constructor(delay: Duration, options?: ErrorOptions & { readonly message?: string }) {
    const milliseconds = durationOption("RetryAfterError delay", delay);
    super("RETRY_AFTER", options?.message ?? `Try again after ${milliseconds} ms.`, options);
    this.delay = milliseconds;
  }
}
