import { respCommands } from "../dev/resp.ts";
import type { ServerTarget } from "../src/conformance/index.ts";
import { redis, redisList } from "../src/servers/redis/index.ts";
import { requireBroker } from "./brokers.ts";
import { type RedisName, type RedisProcess, startRedis } from "./redis/redis-process.ts";

const prefix = (namespace: string): string => `t:${namespace}:`;

const common = {
  features: redis().features,
  supportsSecondConnection: true,
  channel: (name: string): string => name,
  leaseDuration: 1000,
} as const;

const server = (url: string, namespace: string, leaseDuration: number) =>
  redis({ url, keyPrefix: prefix(namespace), leaseDuration, sweepInterval: 200 });

async function urlOf(name: RedisName): Promise<string> {
  const broker = await requireBroker(name);
  if (broker?.url === undefined) throw new Error(`${name} is not there`);
  return broker.url;
}

/** The broker of that name, with a key prefix per case. Rejects at the first case if there is none: see `requireBroker`. */
export function redisTarget(name: RedisName): ServerTarget {
  return {
    ...common,
    name,
    create: async ({ leaseDuration, namespace }) => server(await urlOf(name), namespace, leaseDuration),
    cleanUp: async (namespace) => removeKeys(await urlOf(name), prefix(namespace)),
  };
}

/** Plain lists in the same broker. */
export function listTarget(name: RedisName = "redis"): ServerTarget {
  return {
    ...redisTarget(name),
    name: `${name} list`,
    features: redisList().features,
    create: async ({ namespace }) => redisList({ url: await urlOf(name), keyPrefix: prefix(namespace) }),
  };
}

/** A Redis for each case, which the case may restart: by SIGKILL, so that nothing is saved that was not before. */
export function ownRedisTarget(broker: RedisName = "redis"): ServerTarget {
  const servers = new Map<string, Promise<RedisProcess>>();
  const ofCase = (namespace: string): Promise<RedisProcess> => {
    const starting = servers.get(namespace) ?? startRedis({ broker });
    servers.set(namespace, starting);
    return starting;
  };
  return {
    ...common,
    name: `own ${broker}`,
    create: async ({ leaseDuration, namespace }) => server((await ofCase(namespace)).url, namespace, leaseDuration),
    async restart(namespace) {
      const process = await ofCase(namespace);
      await process.kill();
      await process.start();
    },
    async cleanUp(namespace) {
      const starting = servers.get(namespace);
      servers.delete(namespace);
      await (await starting)?.stop();
    },
  };
}

async function removeKeys(url: string, start: string): Promise<void> {
  const pattern = `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const [reply] = await respCommands(url, [["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"]]);
    const [next, keys] = reply as readonly [string, readonly string[]];
    if (keys.length > 0) await respCommands(url, [["UNLINK", ...keys]]);
    cursor = next;
  } while (cursor !== "0");
}
