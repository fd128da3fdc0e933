import { type Clock, systemClock } from "../../internal/clock.ts";
import type { Duration } from "../../internal/duration.ts";
import { OptionError } from "../../server/errors.ts";
import { choiceOption, durationOption, integerOption, nameOption } from "../../server/option.ts";
import { priority } from "../../server/priority.ts";
import type { ServerCommonOptions } from "../../server/server-info.ts";
import { levelOf } from "./levels.ts";

/** A client of `@redis/client` (or `redis`), connected or not. It is not used itself: we connect duplicates of it. */
export interface RedisClientLike {
  duplicate(overrides?: object): unknown;
}

/**
 * Options of the client: those of `RedisClientOptions` in `@redis/client`. Spelled out here without that package, so that
 * the types of millrace can be checked where it is not installed.
 */
export interface RedisClientSettings {
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  /** Of the connection, as `CLIENT LIST` shows it. */
  readonly name?: string;
  readonly url?: string;
  /** Where credentials come from; asked again at every reconnect. */
  readonly credentialsProvider?: object;
  /** Address, TLS and other options of the socket. */
  readonly socket?: object;
  readonly [option: string]: unknown;
}

/** Address of a Redis node. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** Where Sentinel tells which node is the master. */
export interface RedisSentinelOptions {
  /** Name of the master group, such as `mymaster`. */
  readonly name: string;
  /** The Sentinels, asked in this order. */
  readonly nodes: readonly RedisNode[];
  /** Credentials and TLS of the Sentinels themselves; those of Redis are in `options`. */
  readonly options?: RedisClientSettings;
}

/** Some nodes of a cluster; the others are found through them. */
export interface RedisClusterOptions {
  readonly nodes: readonly RedisNode[];
}

/** Options of {@link redis}. All have defaults. */
export interface RedisOptions extends ServerCommonOptions {
  /**
   * `redis://user:password@host:port/database`, `rediss://…` for TLS. Default `redis://127.0.0.1:6379`. At most one of
   * `url`, `client`, `sentinel` and `cluster`.
   */
  readonly url?: string;
  /**
   * A client or cluster client of `@redis/client` (also of the package `redis`) whose options we use. It is neither used nor closed:
   * millrace connects duplicates, since a blocking read needs a connection of its own.
   */
  readonly client?: RedisClientLike;
  /** Ask Sentinel for the master, again at every reconnect. */
  readonly sentinel?: RedisSentinelOptions;
  /** A Redis Cluster. Each channel lives in one slot and is read over a connection of its own. */
  readonly cluster?: RedisClusterOptions;
  /**
   * More options for the client: `username`, `password`, `database`, `credentialsProvider` (asked again at every
   * reconnect), `socket` with TLS settings. Timeouts, reconnects and the protocol version are ours.
   */
  readonly options?: RedisClientSettings;
  /**
   * What the names of all keys begin with. Default `millrace:`. Servers with different prefixes see nothing of each
   * other; after a change, messages under the old prefix wait there for a worker with the old one.
   */
  readonly keyPrefix?: string;
  /**
   * The stream of a channel, where its name is given by others. Default `millrace:{channel}`. Must be unique per channel;
   * in a cluster a `{tag}` in it decides the slot. `keyPrefix` does not apply to it.
   */
  readonly streamKey?: (channel: string) => string;
  /**
   * Consumer group. Default `millrace`. Workers of one group share the messages. A second group on the same stream gets
   * them as well only with `settled: "keep"`, since a settled message is deleted for all groups.
   */
  readonly group?: string;
  /**
   * Where a group that does not exist yet begins: `"0"` (default) with everything in the stream, `"$"` with what is sent
   * from then on. With `"$"`, messages sent before the first worker started, or while the group was lost, are never
   * delivered.
   */
  readonly groupStart?: "0" | "$" | `${number}-${number}`;
  /**
   * `"delete"` (default): settled messages leave the stream, and an idle channel takes no memory. `"keep"`: they stay, for
   * other groups or for reading again; then bound the stream with `params: { maxLength }` or it grows for ever.
   */
  readonly settled?: "delete" | "keep";
  /**
   * How long a received message is ours before another worker may take it. Workers renew it at a third. Shorter: what a
   * dead worker held comes back sooner, but a stalled event loop or network loses messages sooner. Default `"30s"`, at
   * least 100 ms.
   */
  readonly leaseDuration?: Duration;
  /**
   * How often each worker looks for messages whose lease ran out. What a killed worker held is delivered again after at
   * most `leaseDuration + sweepInterval`. Default `"5s"`, at least 10 ms.
   */
  readonly sweepInterval?: Duration;
  /**
   * How often a worker looks for delayed messages that other processes sent and that are due sooner than what it knows of. Bounds how late they
   * may come; each look costs Redis a few microseconds per channel. Default 150 ms, at least 10 ms.
   */
  readonly pollInterval?: Duration;
  /**
   * Longest time one blocking read waits. Longer ones save an idle worker a few commands; a read that is blocked when the
   * network swallows the connection is found after this time plus `commandTimeout`. Default `"5s"`, at most `"1m"`.
   */
  readonly blockTime?: Duration;
  /**
   * Most messages per read. Fewer cost more round trips; more make single replies larger, which takes memory and, with
   * payloads of hundreds of kilobytes, time in which nothing else is answered. Default 200.
   */
  readonly batchSize?: number;
  /**
   * How long a connection may leave every command unanswered before it is given up as dead and opened again. Default
   * `"7s"`, at least 100 ms. Shorter than the longest stall of the server, it cuts connections that would have recovered.
   */
  readonly commandTimeout?: Duration;
  /**
   * How long `connect()` tries before it rejects with `ConnectionError`. Default `"10s"`. With `Infinity` a worker may be started before Redis
   * is. Wrong credentials end it at once.
   */
  readonly connectTimeout?: Duration;
  /**
   * Priorities that are told apart, each a stream of its own: a message goes to the highest that it reaches. Default
   * `[100, 50, 10, 1]`, which are the named ones. Must contain 10, the priority of messages without one.
   */
  readonly priorityLevels?: readonly number[];
  /**
   * `"weighted"` (default): the highest first, but one message in sixteen comes from a lower level that has some, so that none
   * starves. `"strict"`: lower levels wait until all higher ones are empty.
   */
  readonly priorityOrder?: "weighted" | "strict";
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
  /** Source of time for local timers. Default the system's. Leases, delays and expiry are measured by Redis's clock. */
  readonly clock?: Clock;
}

/** Validated options. Times are milliseconds. */
export interface Settings {
  readonly keyPrefix: string;
  readonly streamKey: ((channel: string) => string) | undefined;
  readonly group: string;
  readonly groupStart: string;
  readonly keepsSettled: boolean;
  readonly leaseDuration: number;
  readonly sweepInterval: number;
  readonly pollInterval: number;
  readonly blockTime: number;
  readonly batchSize: number;
  readonly commandTimeout: number;
  readonly connectTimeout: number;
  /** The highest first. */
  readonly levels: readonly number[];
  /** The level of messages without a priority. */
  readonly normalLevel: number;
  readonly strict: boolean;
  /** How many dead letters a channel keeps; 0 = they are dropped. */
  readonly deadLimit: number;
  readonly keepExpired: boolean;
  readonly clock: Clock;
}

function readLevels(given: RedisOptions["priorityLevels"]): readonly number[] {
  const named = Object.values(priority);
  const levels = [...(given ?? named)].sort((a, b) => b - a);
  for (const level of levels) integerOption("priorityLevels of redis", level, { min: 0, max: 100 });
  if (new Set(levels).size !== levels.length) throw new OptionError("priorityLevels of redis names a level twice.");
  if (!levels.includes(priority["normal"] as number)) {
    throw new OptionError("priorityLevels of redis must contain 10, the priority of messages without one.");
  }
  return levels;
}

function readDeadLimit(value: RedisOptions["deadLetter"]): number {
  if (value === undefined || value === true) return Number.POSITIVE_INFINITY;
  if (value === false) return 0;
  if (typeof value !== "object" || value === null) {
    throw new OptionError("Expected deadLetter of redis to be true, false or { maxSize }.");
  }
  return integerOption("deadLetter.maxSize of redis", value.maxSize, { min: 1, infinite: true });
}

function readGroupStart(value: unknown): string {
  if (typeof value === "string" && /^(0|\$|\d+-\d+)$/.test(value)) return value;
  throw new OptionError('Expected groupStart of redis to be "0", "$" or the id of an entry such as "1730000000000-0".');
}

export function readSettings(options: RedisOptions): Settings {
  const levels = readLevels(options.priorityLevels);
  const blockTime = durationOption("blockTime of redis", options.blockTime ?? "5s", { min: 10 });
  if (blockTime > 60_000) throw new OptionError('Expected blockTime of redis to be at most "1m".');
  if (options.streamKey !== undefined && typeof options.streamKey !== "function") {
    throw new OptionError("Expected streamKey of redis to be a function from channel to key.");
  }
  const settings: Settings = {
    keyPrefix: options.keyPrefix === "" ? "" : nameOption("keyPrefix of redis", options.keyPrefix ?? "millrace:"),
    streamKey: options.streamKey,
    group: nameOption("group of redis", options.group ?? "millrace"),
    groupStart: readGroupStart(options.groupStart ?? "0"),
    keepsSettled: choiceOption("settled of redis", options.settled ?? "delete", ["delete", "keep"]) === "keep",
    leaseDuration: durationOption("leaseDuration of redis", options.leaseDuration ?? "30s", { min: 100 }),
    sweepInterval: durationOption("sweepInterval of redis", options.sweepInterval ?? "5s", { min: 10 }),
    pollInterval: durationOption("pollInterval of redis", options.pollInterval ?? 150, { min: 10 }),
    blockTime,
    batchSize: integerOption("batchSize of redis", options.batchSize ?? 200, { min: 1, max: 10_000 }),
    commandTimeout: durationOption("commandTimeout of redis", options.commandTimeout ?? "7s", { min: 100 }),
    connectTimeout: durationOption("connectTimeout of redis", options.connectTimeout ?? "10s", { infinite: true }),
    levels,
    normalLevel: levelOf(priority["normal"] as number, levels),
    strict:
      choiceOption("priorityOrder of redis", options.priorityOrder ?? "weighted", ["weighted", "strict"]) === "strict",
    deadLimit: readDeadLimit(options.deadLetter),
    keepExpired:
      choiceOption("onExpired of redis", options.onExpired ?? "drop", ["drop", "deadLetter"]) === "deadLetter",
    clock: options.clock ?? systemClock,
  };
  if (settings.keepExpired && settings.deadLimit === 0) {
    throw new OptionError('redis cannot keep expired messages (onExpired: "deadLetter") with deadLetter: false.');
  }
  const places = [options.url, options.client, options.sentinel, options.cluster].filter((one) => one !== undefined);
  if (places.length > 1) throw new OptionError("redis takes one of url, client, sentinel and cluster, not several.");
  return settings;
}
