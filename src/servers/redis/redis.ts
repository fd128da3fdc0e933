import type { BrokerServer } from "../../server/server.ts";
import type { ServerInfo, ServerMetadata } from "../../server/server-info.ts";
import { readStats } from "./channel-stats.ts";
import { RedisConnection } from "./connection.ts";
import { RedisDeadLetters } from "./dead-letters.ts";
import { dialOf } from "./dial.ts";
import { featuresFor, type RedisFeatures } from "./features.ts";
import { type RedisOptions, readSettings } from "./options.ts";
import type { RedisParams } from "./publisher.ts";
import { purgeChannel } from "./purge.ts";
import type { Dial } from "./transport.ts";

/** A queue in Redis Streams. Made by {@link redis}. */
export type RedisServer = BrokerServer<RedisParams, RedisFeatures>;

/** What is shown of the server. */
export function infoOf(options: ServerMetadata, { host, isSecure, database }: Dial): ServerInfo {
  const { title, summary, description, tags, externalDocs, bindings, security, variables } = options;
  return {
    protocol: isSecure ? "rediss" : "redis",
    host,
    ...(database === undefined ? {} : { pathname: `/${database}` }),
    ...(title === undefined ? {} : { title }),
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
    ...(externalDocs === undefined ? {} : { externalDocs }),
    ...(bindings === undefined ? {} : { bindings }),
    ...(security === undefined ? {} : { security }),
    ...(variables === undefined ? {} : { variables }),
  };
}

/**
 * Queues in Redis 7 or newer, or Valkey, as streams with a consumer group. Needs `@redis/client` (`npm install @redis/client`).
 *
 * `send` resolves when Redis has answered: whether the message then survives a crash of Redis is a setting of Redis
 * (`appendfsync always`: yes; `everysec`: the last second may be lost; none: all since the last snapshot). What a killed worker held is delivered again
 * once its lease has run out, within `leaseDuration + sweepInterval` (35 s by default). Sends, settles and renewals of one turn of
 * the event loop travel together.
 *
 * While Redis cannot be reached, sends fail at once with `PublishError` and workers wait; a connection is opened again by itself, however long that takes.
 *
 * @example
 * const app = createApp({ server: redis({ url: "redis://127.0.0.1:6379" }) });
 */
export function redis(options: RedisOptions = {}): RedisServer {
  const settings = readSettings(options);
  const dial = dialOf(options, { clock: settings.clock, patience: settings.commandTimeout });
  const connection = new RedisConnection(settings, dial);
  const { publisher } = connection;
  const keepsDead = settings.deadLimit > 0;

  return {
    info: infoOf(options, dial),
    features: featuresFor(keepsDead, dial.isCluster),
    topicHeader: options.topicHeader,
    get state() {
      return connection.state;
    },
    connect: (how) => connection.connect(how),
    disconnect: () => connection.disconnect(),
    publish: (channel, message, how) => publisher.publish(channel, message, how),
    async publishBatch(channel, messages, how) {
      if (connection.state === "closed") connection.requireOpen();
      return publisher.publishBatch(channel, messages, how);
    },
    subscribe: (how) => connection.subscribe(how),
    ...(keepsDead ? { deadLetters: (channel: string) => new RedisDeadLetters(connection, channel) } : {}),
    inspect: (channel) => readStats(connection, channel),
    purge: (channel) => purgeChannel(connection, channel),
  };
}
