import { type Clock, systemClock } from "../../../internal/clock.ts";
import type { Duration } from "../../../internal/duration.ts";
import { OptionError } from "../../../server/errors.ts";
import { durationOption, integerOption, nameOption } from "../../../server/option.ts";
import type { ServerCommonOptions } from "../../../server/server-info.ts";
import type { RedisOptions } from "../options.ts";
import { type ListFrame, readFrame } from "./frame.ts";

/** Options of {@link redisList}. All have defaults. */
export interface RedisListOptions
  extends ServerCommonOptions,
    Pick<RedisOptions, "url" | "client" | "sentinel" | "options"> {
  /**
   * What the names of all lists begin with. Default none: the list has the name of its channel, as others know it. In a Redis that
   * is shared, a channel named like somebody's key is an error (`WRONGTYPE`).
   */
  readonly keyPrefix?: string;
  /**
   * How a message is written. `"json"` (default): an object `{ id, name, payload, timestamp }`, where `name` is the topic and `timestamp`
   * counts seconds; headers, a reply address and a content type other than JSON, if there are any, are further members. `"raw"`: the
   * bytes of the payload and nothing else, so that actors need a `routing`, headers are refused, and a message that an
   * actor rejects is dropped. Or a frame of your own.
   */
  readonly frame?: "json" | "raw" | ListFrame;
  /**
   * Longest time one `BLPOP` waits. Longer ones save an idle worker a few commands; while the network has swallowed a
   * connection without a word, Redis may still give it one message per channel list within this time, which is lost. Default `"5s"`, at most
   * `"1m"`.
   */
  readonly blockTime?: Duration;
  /** Most messages that are taken at once, if there is room for them. What a killed worker had taken is lost. Default 100. */
  readonly batchSize?: number;
  /** As that of `redis()`: how long a silent connection is waited for. Default `"8s"`, at least 100 ms. */
  readonly commandTimeout?: Duration;
  /** As that of `redis()`: how long `connect()` tries. Default `"10s"`. */
  readonly connectTimeout?: Duration;
  /** Source of time for timers and timestamps. Default the system's. */
  readonly clock?: Clock;
}

/** Validated options. Times are milliseconds. */
export interface ListSettings {
  readonly frame: ListFrame;
  /** Header that carries the topic, `false` = none. */
  readonly topicHeader: string | false;
  readonly blockTime: number;
  readonly batchSize: number;
  readonly commandTimeout: number;
  readonly connectTimeout: number;
  readonly clock: Clock;
  keyOf(channel: string): string;
}

export function readListSettings(options: RedisListOptions): ListSettings {
  const frame = readFrame(options.frame);
  const prefix = options.keyPrefix ?? "";
  if (prefix !== "") nameOption("keyPrefix of redisList", prefix);
  const blockTime = durationOption("blockTime of redisList", options.blockTime ?? "5s", { min: 10 });
  if (blockTime > 60_000) throw new OptionError('Expected blockTime of redisList to be at most "1m".');
  const places = [options.url, options.client, options.sentinel].filter((one) => one !== undefined);
  if (places.length > 1) throw new OptionError("redisList takes one of url, client and sentinel, not several.");
  return {
    frame,
    topicHeader: options.topicHeader ?? (frame.carriesHeaders ? "topic" : false),
    blockTime,
    batchSize: integerOption("batchSize of redisList", options.batchSize ?? 100, { min: 1, max: 10_000 }),
    commandTimeout: durationOption("commandTimeout of redisList", options.commandTimeout ?? "8s", { min: 100 }),
    connectTimeout: durationOption("connectTimeout of redisList", options.connectTimeout ?? "10s", { infinite: true }),
    clock: options.clock ?? systemClock,
    keyOf: (channel) => prefix + channel,
  };
}
