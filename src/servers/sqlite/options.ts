import { type Clock, systemClock } from "../../internal/clock.ts";
import type { Duration } from "../../internal/duration.ts";
import { OptionError } from "../../server/errors.ts";
import { choiceOption, durationOption, integerOption, nameOption } from "../../server/option.ts";
import type { ServerCommonOptions } from "../../server/server-info.ts";

/** Options of {@link sqlite}. Only `path` is required. */
export interface SqliteOptions extends ServerCommonOptions {
  /**
   * The database file, relative to the working directory at `connect()`. On a local disk: SQLite's locks do not work
   * over a network. `":memory:"` is refused, since each of several connections would get a queue of its own; use
   * `inMemory()` for a queue that need not last.
   */
  readonly path: string;
  /**
   * `"full"` (default): the disk has confirmed a message before `send` resolves; it survives the end of any process and
   * a power cut. `"normal"`: about as fast as the disk cache; a message survives the end of any process, but a power
   * cut or a crash of the operating system may take back the last transactions. The file stays sound in both.
   */
  readonly synchronous?: "full" | "normal";
  /**
   * How long a received message is ours before another worker may take it. Workers renew it at a third, so that it only
   * ends when a worker dies or hangs. Default `"30s"`, at least 100 ms.
   */
  readonly leaseDuration?: Duration;
  /**
   * How often to look for leases that ran out, expired messages and old dedupe keys. What a killed worker held is
   * delivered again after at most `leaseDuration + sweepInterval`. Default `"5s"`, at least 10 ms.
   */
  readonly sweepInterval?: Duration;
  /**
   * How often an idle worker looks whether another process wrote to the file (about 3 µs each time). Messages sent by
   * the same process wake it at once. Default 50 ms, at least 1 ms.
   */
  readonly pollInterval?: Duration;
  /**
   * How long to wait for the write lock of another process before a send fails with `ServerBusyError`. The event loop
   * is not blocked meanwhile. Default `"5s"`.
   */
  readonly busyTimeout?: Duration;
  /**
   * Whether failed messages are kept for `deadLetters()`. `true` (default) keeps all, `{ maxSize }` the newest so many
   * per channel, `false` removes every failed message.
   */
  readonly deadLetter?: boolean | { readonly maxSize: number };
  /**
   * What becomes of a message whose `expiresIn` has passed: `"drop"` (default) removes it, `"deadLetter"` keeps it as
   * a dead letter with the reason `expired`. The worker logs and counts it in both cases.
   */
  readonly onExpired?: "drop" | "deadLetter";
  /** Whether `connect()` creates a missing file (never its folder). Default `true`. */
  readonly create?: boolean;
  /**
   * Most messages that one transaction sends, settles and receives (of each). More cost fewer disk flushes and longer
   * stops of the event loop, which a time limit of about 9 ms bounds as well. Default 500, 1 to 10,000.
   */
  readonly batchSize?: number;
  /**
   * Source of time for local timers. Default the system's. Leases, delays and expiry are measured with SQLite's own
   * clock, so that all processes on the file agree.
   */
  readonly clock?: Clock;
}

/** Validated options. Times are milliseconds. */
export interface Settings {
  readonly path: string;
  readonly synchronous: "full" | "normal";
  readonly leaseDuration: number;
  readonly sweepInterval: number;
  readonly pollInterval: number;
  readonly busyTimeout: number;
  /** How many dead letters a channel keeps; 0 = they are dropped. */
  readonly deadLimit: number;
  readonly keepExpired: boolean;
  readonly create: boolean;
  readonly batchSize: number;
  readonly clock: Clock;
}

function pathOption(value: unknown): string {
  const path = nameOption("path of sqlite", value);
  if (path === ":memory:") {
    throw new OptionError(
      'sqlite needs a file: path ":memory:" cannot be shared. Use inMemory() from millrace/memory.',
    );
  }
  if (path.startsWith("file:") || path.includes("\0")) {
    throw new OptionError("Expected path of sqlite to be a plain file path, without file: and NUL.");
  }
  return path;
}

function deadLimit(value: SqliteOptions["deadLetter"]): number {
  if (value === undefined || value === true) return Number.POSITIVE_INFINITY;
  if (value === false) return 0;
  if (typeof value !== "object" || value === null) {
    throw new OptionError("Expected deadLetter of sqlite to be true, false or { maxSize }.");
  }
  return integerOption("deadLetter.maxSize of sqlite", value.maxSize, { min: 1, infinite: true });
}

export function readSettings(options: SqliteOptions): Settings {
  const settings: Settings = {
    path: pathOption(options.path),
    synchronous: choiceOption("synchronous of sqlite", options.synchronous ?? "full", ["full", "normal"]),
    leaseDuration: durationOption("leaseDuration of sqlite", options.leaseDuration ?? "30s", { min: 100 }),
    sweepInterval: durationOption("sweepInterval of sqlite", options.sweepInterval ?? "5s", { min: 10 }),
    pollInterval: durationOption("pollInterval of sqlite", options.pollInterval ?? 50, { min: 1 }),
    busyTimeout: durationOption("busyTimeout of sqlite", options.busyTimeout ?? "5s"),
    deadLimit: deadLimit(options.deadLetter),
    keepExpired:
      choiceOption("onExpired of sqlite", options.onExpired ?? "drop", ["drop", "deadLetter"]) === "deadLetter",
    create: options.create ?? true,
    batchSize: integerOption("batchSize of sqlite", options.batchSize ?? 500, { min: 1, max: 10_000 }),
    clock: options.clock ?? systemClock,
  };
  if (settings.keepExpired && settings.deadLimit === 0) {
    throw new OptionError('sqlite cannot keep expired messages (onExpired: "deadLetter") with deadLetter: false.');
  }
  return settings;
}
