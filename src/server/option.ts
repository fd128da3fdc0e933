import { type Duration, parseDuration } from "../internal/duration.ts";
import { OptionError } from "./errors.ts";

/** A value in an error message: short, and never throwing. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Milliseconds of a duration option. Finite unless `infinite` is set; at least `min`. */
export function durationOption(
  name: string,
  value: Duration,
  limits: { readonly min?: number; readonly infinite?: boolean } = {},
): number {
  const milliseconds = parseDuration(value);
  const min = limits.min ?? 0;
  if (milliseconds === undefined || milliseconds < min || (milliseconds === Infinity && limits.infinite !== true)) {
    const least = min > 0 ? ` of at least ${min} ms` : "";
    throw new OptionError(
      `Expected ${name} to be a duration${least} (milliseconds, or a string like "30s"), got ${shownValue(value)}.`,
    );
  }
  return milliseconds;
}

/** A whole number within limits. */
export function integerOption(
  name: string,
  value: number,
  limits: { readonly min: number; readonly max?: number; readonly infinite?: boolean },
): number {
  const max = limits.max ?? Number.MAX_SAFE_INTEGER;
  if (value === Infinity && limits.infinite === true) return value;
  if (!Number.isInteger(value) || value < limits.min || value > max) {
    const range = limits.max === undefined ? `from ${limits.min} up` : `from ${limits.min} to ${max}`;
    throw new OptionError(`Expected ${name} to be a whole number ${range}, got ${shownValue(value)}.`);
  }
  return value;
}

/** One of a list of words. */
export function choiceOption<const T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T)) {
    throw new OptionError(`Expected ${name} to be one of ${choices.join(", ")}, got ${shownValue(value)}.`);
  }
  return value as T;
}

/** A string that is not empty. */
export function nameOption(name: string, value: unknown): string {
  if (typeof value !== "string" || value.length === 0) {
    throw new OptionError(`Expected ${name} to be a non-empty string, got ${shownValue(value)}.`);
  }
  return value;
}
