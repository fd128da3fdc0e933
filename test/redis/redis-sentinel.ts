import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { untilAnswered } from "../../dev/launch.ts";
import type { Place } from "../../dev/recipes.ts";
import { requireProgram } from "../brokers.ts";
import { type RedisName, type RedisProcess, startRedis } from "./redis-process.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export interface SentinelOptions {
  /** Default "redis". */
  readonly broker?: RedisName;
  /** One decides alone; of three, two must agree. Default 1. */
  readonly sentinels?: 1 | 3;
  /** Further arguments for master and replica. */
  readonly args?: readonly string[];
}

/** A master and a replica, watched by sentinels: half a second without an answer is down. */
export interface RedisSentinel {
  /** Of the group, as a client must give it. */
  readonly name: string;
  /** Master and replica, as they were at the start. */
  readonly servers: readonly [RedisProcess, RedisProcess];
  readonly sentinels: readonly ServerProcess[];
  /** Which of `servers` the sentinels name as the master. Rejects if they disagree, or it does not answer as one. */
  master(): Promise<RedisProcess>;
  /** Makes the sentinels change the roles, without any fault. Resolves when the new master serves. */
  failOver(): Promise<RedisProcess>;
  /** Resolves when another than `old` is the master: after `kill()` or `pause()`. Rejects after 20 s. */
  masterOtherThan(old: RedisProcess): Promise<RedisProcess>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const group = "millrace-test";

export async function startSentinel({
  broker = "redis",
  sentinels: count = 1,
  args = [],
}: SentinelOptions = {}): Promise<RedisSentinel> {
  const program = await requireProgram(broker);
  const started: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const add = async <T extends ServerProcess>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  try {
    const first = await add(startRedis({ broker, args }));
    const replica = ["--replicaof", "127.0.0.1", String(first.port)];
    const second = await add(startRedis({ broker, args: [...replica, ...args] }));
    await untilAnswered(() => replicates(second), 20_000);
    const sentinels: ServerProcess[] = [];
    for (let index = 0; index < count; index += 1) {
      const command = (place: Place): readonly string[] => {
        const path = join(place.folder, "sentinel.conf");
        // Once: the sentinel keeps in it what it has learnt.
        if (!existsSync(path)) writeFileSync(path, sentinelConfig(place, first.port, count === 1 ? 1 : 2));
        return [...(program?.command ?? []), path, "--sentinel"];
      };
      sentinels.push(await add(startServer({ name: "sentinel", command, url: (port) => `redis://127.0.0.1:${port}` })));
    }
    for (const sentinel of sentinels) await untilAnswered(() => knowsAll(sentinel, count), 20_000);

    const servers = [first, second] as const;
    const master = () => masterOf(sentinels, servers);
    const masterOtherThan = async (old: RedisProcess): Promise<RedisProcess> => {
      let now = old;
      await untilAnswered(async () => {
        now = await master();
        if (now === old) throw new Error(`${old.url} is still the master`);
      }, 20_000);
      return now;
    };
    const failOver = async (): Promise<RedisProcess> => {
      const old = await master();
      // Refused while the sentinel does not know the replica well enough.
      await untilAnswered(async () => void (await sentinels[0]?.command("SENTINEL", "FAILOVER", group)), 20_000);
      return masterOtherThan(old);
    };
    return { name: group, servers, sentinels, master, failOver, masterOtherThan, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const sentinelConfig = ({ port, folder }: Place, master: number, quorum: number): string => `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${group} 127.0.0.1 ${master} ${quorum}
sentinel down-after-milliseconds ${group} 500
sentinel failover-timeout ${group} 5000
`;

async function replicates(replica: RedisProcess): Promise<void> {
  const info = String(await replica.command("INFO", "replication"));
  if (!info.includes("master_link_status:up")) throw new Error("the replica is not in step yet");
}

async function knowsAll(sentinel: ServerProcess, count: number): Promise<void> {
  const replicas = await sentinel.command("SENTINEL", "REPLICAS", group);
  const others = await sentinel.command("SENTINEL", "SENTINELS", group);
  if (!Array.isArray(replicas) || replicas.length !== 1) throw new Error("the sentinel does not know the replica");
  if (!Array.isArray(others) || others.length !== count - 1) throw new Error("the sentinels do not know each other");
}

async function masterOf(sentinels: readonly ServerProcess[], servers: readonly RedisProcess[]): Promise<RedisProcess> {
  const ports = new Set<string>();
  for (const sentinel of sentinels) {
    const address = await sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group);
    ports.add(Array.isArray(address) ? String(address[1]) : "none");
  }
  const master = servers.find(({ port }) => ports.has(String(port)));
  if (ports.size !== 1 || master === undefined) throw new Error(`the sentinels name ${[...ports].join(" and ")}`);
  const role = await master.command("ROLE");
  if (!Array.isArray(role) || role[0] !== "master") throw new Error(`${master.url} is not a master`);
  return master;
}
