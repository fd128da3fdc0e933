import { basename } from "node:path";
import type { OutgoingMessage } from "../../server/delivery.ts";
import { MillraceError } from "../../server/errors.ts";
import type { BrokerServer, PublishOptions, Receipt } from "../../server/server.ts";
import type { ServerInfo } from "../../server/server-info.ts";
import { newestSeq, purgeSome, readStats } from "./channel-stats.ts";
import { Connection } from "./connection.ts";
import { SqliteDeadLetters } from "./dead-letters.ts";
import { featuresFor, type SqliteFeatures } from "./features.ts";
import { readSettings, type SqliteOptions } from "./options.ts";
import { PublishWork } from "./publish-work.ts";
import { Task } from "./work.ts";

/** A queue in an SQLite file. Made by {@link sqlite}. */
export type SqliteServer = BrokerServer<object, SqliteFeatures>;

function infoOf(options: SqliteOptions): ServerInfo {
  const { title, summary, description, tags, externalDocs, bindings, security, variables } = options;
  return {
    protocol: "sqlite",
    host: basename(options.path),
    pathname: options.path,
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
 * A durable queue in one file, without anything to install or run. Any number of processes on one machine may share it.
 *
 * `send` resolves when the message is on disk. What a killed worker held is delivered again once its lease has run out,
 * within `leaseDuration + sweepInterval` (35 s by default). Transactions are grouped: a thousand sends at once cost a few
 * disk flushes, a thousand sends one after the other cost a thousand.
 *
 * When the file is deleted or moved away, sends fail with `ServerCorruptError` and consumers wait until it is back; an
 * empty new file is made by `connect()` only. On a full disk sends fail with `ServerFullError`; receiving needs a little
 * room, too, and goes on by itself as soon as there is some.
 *
 * @example
 * const app = createApp({ server: sqlite({ path: "jobs.db" }) });
 */
export function sqlite(options: SqliteOptions): SqliteServer {
  const settings = readSettings(options);
  const connection = new Connection(settings);
  const keepsDead = settings.deadLimit > 0;

  const publish = (channel: string, message: OutgoingMessage, how?: PublishOptions): Promise<Receipt> =>
    connection.committer.add(new PublishWork(channel, message, how));

  return {
    info: infoOf(options),
    features: featuresFor(keepsDead),
    topicHeader: options.topicHeader,
    get state() {
      return connection.state;
    },
    connect: (how) => connection.connect(how),
    disconnect: () => connection.disconnect(),
    publish,
    async publishBatch(channel, messages, how) {
      if (connection.state === "closed") connection.requireOpen();
      const results = await Promise.allSettled(messages.map((message) => publish(channel, message, how)));
      return results.map((result) => (result.status === "fulfilled" ? result.value : errorOf(result.reason)));
    },
    subscribe: async (how) => connection.subscribe(how),
    ...(keepsDead ? { deadLetters: (channel: string) => new SqliteDeadLetters(connection, channel) } : {}),
    inspect: (channel) => connection.read((store) => readStats(store, channel)),
    async purge(channel) {
      const newest = await connection.read(newestSeq);
      const { batchSize } = settings;
      for (let total = 0; ; ) {
        const work = new Task((transaction) => purgeSome(transaction, channel, newest, batchSize));
        const removed = await connection.committer.add(work);
        total += removed;
        if (removed < batchSize) return total;
      }
    },
  };
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new MillraceError("PUBLISH_FAILED", String(reason));
}
