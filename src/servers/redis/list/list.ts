import { OptionError } from "../../../server/errors.ts";
import type { BrokerServer } from "../../../server/server.ts";
import { dialOf } from "../dial.ts";
import { infoOf } from "../redis.ts";
import { ListConnection } from "./connection.ts";
import { listFeaturesFor, type RedisListFeatures } from "./features.ts";
import { type RedisListOptions, readListSettings } from "./options.ts";
import { ListPublisher } from "./publisher.ts";

/** A queue in Redis lists. Made by {@link redisList}. */
export type RedisListServer = BrokerServer<object, RedisListFeatures>;

/**
 * Queues as plain Redis lists, `RPUSH` and `BLPOP`, for lists that other programs write or read. **At most once**: a message is gone
 * from Redis when a worker takes it, so that a crash loses what the worker had (up to `concurrency + prefetch` of it), and a
 * message that fails is dropped with the event `message.dropped`. For work that must not be lost use `redis()`.
 *
 * A list has no delays, retries, priorities, expiry, deduplication, dead letters or requests: asking for them is a
 * `CapabilityError`. Needs `@redis/client` (`npm install @redis/client`) and Redis 7 or newer, or Valkey.
 *
 * @example
 * const app = createApp({ server: redisList({ url: "redis://127.0.0.1:6379" }) });
 * // What any program does with: RPUSH emails '{"id": "1", "name": "welcome", "payload": {"user": 7}, "timestamp": 1730000000.5}'
 * app.actor({ name: "welcome", channel: "emails" }, ({ payload }) => console.log(payload));
 */
export function redisList(options: RedisListOptions = {}): RedisListServer {
  const settings = readListSettings(options);
  const dial = dialOf(options, { clock: settings.clock, patience: settings.commandTimeout });
  if (dial.isCluster) {
    throw new OptionError("redisList cannot use a cluster: one BLPOP is for lists of one node. Use redis() there.");
  }
  const connection = new ListConnection(settings, dial);
  const publisher = new ListPublisher(connection);
  return {
    info: infoOf(options, dial),
    features: listFeaturesFor(settings.frame.carriesHeaders),
    topicHeader: settings.topicHeader,
    get state() {
      return connection.state;
    },
    connect: (how) => connection.connect(how),
    disconnect: () => connection.disconnect(),
    publish: (channel, message, how) => publisher.publish(channel, message, how),
    publishBatch: (channel, messages, how) => publisher.publishBatch(channel, messages, how),
    subscribe: (how) => connection.subscribe(how),
    async purge(channel) {
      const key = settings.keyOf(channel);
      const [count] = (await connection.send(key, ["EVAL", purgeScript, "1", key])) as readonly number[];
      return count ?? 0;
    },
  };
}

const purgeScript = `
local count = redis.call('LLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
return {count}
`;
