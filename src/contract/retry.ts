import type { Duration } from "../internal/duration.ts";
import { OptionError } from "../server/errors.ts";
import { durationOption, integerOption, shownValue } from "../server/option.ts";

/** Milliseconds to wait after the given failed attempt (1 = the first run). */
export interface Backoff {
  /** `random` gives 0 ≤ x < 1. */
  delay(attempt: number, random: () => number): number;
  /** Longest wait, where it is known: servers that cannot wait so long refuse the policy at the start. */
  readonly longest?: number;
}

export interface RetryPolicy {
  /** Runs including the first, at least 1. Default 5. */
  readonly attempts?: number;
  /** Default `exponential()`. A duration is a fixed wait. */
  readonly backoff?: Backoff | Duration;
  /** Called with every error; `false` dead-letters at once. Default: retry all but `NonRetryableError`. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean;
}

/** A policy, or the number of attempts with the default backoff. */
export type RetryOption = RetryPolicy | number;

export interface CompiledRetry {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly retryIf: ((error: unknown, attempt: number) => boolean) | undefined;
}

/** The same wait after every attempt; `jitter` (default 0.1) spreads it by ± that share. */
export function fixed(options: { readonly delay: Duration; readonly jitter?: number }): Backoff {
  const base = durationOption("fixed delay", options.delay);
  const jitter = share("fixed jitter", options.jitter ?? 0.1);
  return { delay: (_attempt, random) => base * (1 + jitter * (2 * random() - 1)), longest: base * (1 + jitter) };
}

/**
 * Waits `base`, `base`·`factor`, … up to `max`; defaults 1 s, 2, 5 min. `jitter` (default 0.25) spreads each by ± that
 * share, so that messages which failed together do not come back together.
 *
 * @example retry: { attempts: 5, backoff: exponential({ base: "1s", max: "5m" }) }
 */
export function exponential(
  options: {
    readonly base?: Duration;
    readonly max?: Duration;
    readonly factor?: number;
    readonly jitter?: number;
  } = {},
): Backoff {
  const base = durationOption("exponential base", options.base ?? "1s");
  const max = durationOption("exponential max", options.max ?? "5m");
  const factor = options.factor ?? 2;
  if (!(factor >= 1)) throw new OptionError(`Expected exponential factor to be a number from 1 up, got ${factor}.`);
  const jitter = share("exponential jitter", options.jitter ?? 0.25);
  return {
    longest: max,
    delay(attempt, random) {
      const plain = Math.min(base * factor ** (attempt - 1), max);
      return Math.min(plain * (1 + jitter * (2 * random() - 1)), max);
    },
  };
}

function share(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw new OptionError(`Expected ${name} to be a number from 0 to 1, got ${value}.`);
  return value;
}

export function compileRetry(option: RetryOption): CompiledRetry {
  const policy = typeof option === "number" ? { attempts: option } : option;
  const { backoff, retryIf } = policy;
  if (typeof backoff === "object" && typeof backoff?.delay !== "function") {
    throw new OptionError("Expected retry backoff to be exponential(), fixed() or a duration.");
  }
  if (retryIf !== undefined && typeof retryIf !== "function") {
    throw new OptionError(`Expected retryIf to be a function, got ${shownValue(retryIf)}.`);
  }
  return {
    attempts: integerOption("retry attempts", policy.attempts ?? 5, { min: 1, infinite: true }),
    backoff: backoff === undefined ? exponential() : typeof backoff === "object" ? backoff : fixed({ delay: backoff }),
    retryIf: policy.retryIf,
  };
}
