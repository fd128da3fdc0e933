import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@redis/client";
import { inMemory } from "millrace/memory";
import { redis } from "millrace/redis";
import { sqlite } from "millrace/sqlite";
import type { Options } from "./options.ts";

/** Where the messages wait and where their results are kept. */
export interface Place {
  readonly server: ReturnType<typeof sqlite> | ReturnType<typeof redis> | ReturnType<typeof inMemory>;
  /** File of the results; two databases, because the queue's file belongs to millrace alone. */
  readonly results: string;
  /** For people. */
  readonly title: string;
  /** Whether another process finds the messages again. */
  readonly durable: boolean;
}

const defaultFile = fileURLToPath(new URL(".data/webhooks.db", import.meta.url));

/**
 * A killed process holds its messages until their leases end. The default of 30 s suits a production system, where a pause of
 * some seconds must not look like a death; here somebody is watching.
 */
const quick = { leaseDuration: "3s", sweepInterval: "500ms" } as const;

/** Adapters are interchangeable: the rest of the example does not know which one it runs on. */
export async function openPlace({ server, fresh }: Options): Promise<Place> {
  const address = server ?? `sqlite:${defaultFile}`;
  const [scheme] = address.split(":", 1);
  if (scheme === "memory") return { server: inMemory(), results: ":memory:", title: "memory", durable: false };
  if (scheme === "sqlite") {
    const path = resolve(address.slice("sqlite:".length).replace(/^\/\//, "") || defaultFile);
    const results = `${path.replace(/\.db$/, "")}.results.db`;
    if (fresh) for (const file of [path, results]) removeDatabase(file);
    mkdirSync(dirname(path), { recursive: true });
    const queue = sqlite({ path, ...quick });
    return { server: queue, results, title: `sqlite, ${shortest(path)}`, durable: true };
  }
  if (scheme === "redis" || scheme === "rediss") return openRedis(address, fresh);
  throw new TypeError(`--server: expected sqlite:<path>, redis://<host>:<port> or memory:, got ${address}`);
}

/** Several runs may share a Redis that is used by others, too: all keys of the example begin with this. */
const keyPrefix = "millrace-demo:";

async function openRedis(url: string, fresh: boolean): Promise<Place> {
  const { host } = new URL(url);
  const results = join(
    dirname(defaultFile),
    `redis-${createHash("sha1").update(url).digest("hex").slice(0, 8)}.results.db`,
  );
  if (fresh) {
    removeDatabase(results);
    await removeKeys(url);
  }
  mkdirSync(dirname(results), { recursive: true });
  return { server: redis({ url, keyPrefix, ...quick }), results, title: `redis, ${host}`, durable: true };
}

/** Messages, dead letters and dedupe keys of earlier runs. */
async function removeKeys(url: string): Promise<void> {
  const client = await createClient({ url }).connect();
  for await (const keys of client.scanIterator({ MATCH: `${keyPrefix}*`, COUNT: 1000 })) {
    if (keys.length > 0) await client.unlink(keys);
  }
  await client.close();
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
