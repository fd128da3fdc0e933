import { type Clock, systemClock } from "../../internal/clock.ts";
import type { Duration } from "../../internal/duration.ts";
import { OptionError } from "../../server/errors.ts";
import type { Features } from "../../server/features.ts";
import { choiceOption, durationOption, integerOption } from "../../server/option.ts";
import type { ServerCommonOptions } from "../../server/server-info.ts";

/** Options of {@link inMemory}. All are optional. */
export interface InMemoryOptions extends ServerCommonOptions {
  /**
   * How long a received message is ours before it is given to someone else. Workers renew it at a third, so that it
   * only ends when a worker hangs. Default `"30s"`, at least 1 ms.
   */
  readonly leaseDuration?: Duration;
  /**
   * Whether failed messages are kept for `deadLetters()`. `true` (default) keeps the newest 100,000 per channel,
   * `{ maxSize }` as many as you say (`Infinity` for all); older ones are dropped with a warning. `false` drops every
   * failed message with a warning.
   */
  readonly deadLetter?: boolean | { readonly maxSize: number };
  /**
   * What becomes of a message whose `expiresIn` has passed: `"drop"` (default) removes it, `"deadLetter"` keeps it as
   * a dead letter with the reason `expired`. The worker logs and counts it in both cases.
   */
  readonly onExpired?: "drop" | "deadLetter";
  /** Source of time. Default the system's; `createVirtualClock()` in tests. */
  readonly clock?: Clock;
  /**
   * Reports fewer abilities than there are, so that tests are refused what the server used in production refuses. What
   * the memory server cannot do stays unsupported.
   */
  readonly features?: Partial<Features>;
}

/** Validated options. Times are milliseconds. */
export interface Settings {
  readonly clock: Clock;
  readonly leaseDuration: number;
  /** How many dead letters a channel keeps; 0 = they are dropped. */
  readonly deadLimit: number;
  readonly keepExpired: boolean;
}

const defaultDeadLimit = 100_000;

function deadLimit(value: InMemoryOptions["deadLetter"]): number {
  if (value === undefined || value === true) return defaultDeadLimit;
  if (value === false) return 0;
  if (typeof value !== "object" || value === null) {
    throw new OptionError("Expected deadLetter of inMemory to be true, false or { maxSize }.");
  }
  return integerOption("deadLetter.maxSize of inMemory", value.maxSize, { min: 1, infinite: true });
}

export function readSettings(options: InMemoryOptions): Settings {
  const settings: Settings = {
    clock: options.clock ?? systemClock,
    leaseDuration: durationOption("leaseDuration of inMemory", options.leaseDuration ?? "30s", { min: 1 }),
    deadLimit: deadLimit(options.deadLetter),
    keepExpired:
      choiceOption("onExpired of inMemory", options.onExpired ?? "drop", ["drop", "deadLetter"]) === "deadLetter",
  };
  if (settings.keepExpired && settings.deadLimit === 0) {
    throw new OptionError('inMemory cannot keep expired messages (onExpired: "deadLetter") with deadLetter: false.');
  }
  return settings;
}
