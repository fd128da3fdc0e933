import { freePort } from "../../dev/free-port.ts";
import { untilAnswered } from "../../dev/launch.ts";
import { type RedisName, type RedisProcess, startRedis } from "./redis-process.ts";

export interface ClusterOptions {
  /** Default "redis". */
  readonly broker?: RedisName;
  /** Further arguments for each node. */
  readonly args?: readonly string[];
}

/** Three masters without replicas, each with a third of the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisProcess[];
  /** Of the first node. */
  readonly url: string;
  /** Resolves when every node knows all others and serves its slots; after 20 s it rejects. */
  ready(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const slots = 16_384;

export async function startCluster({ broker = "redis", args = [] }: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes: RedisProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const buses: string[] = [];
  const ready = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => untilAnswered(() => healthy(node, nodes.length), 20_000)));
  };
  try {
    for (let index = 0; index < 3; index += 1) {
      const bus = String(await freePort());
      const node = await startRedis({ broker, args: [...clusterArgs(bus), ...args] });
      buses.push(bus);
      nodes.push(node);
    }
    for (const [index, node] of nodes.entries()) {
      const [from, to] = [0, 1].map((more) => Math.floor(((index + more) * slots) / nodes.length)) as [number, number];
      await node.command("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
      await node.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(to - 1));
    }
    const [first, ...others] = nodes as [RedisProcess, ...RedisProcess[]];
    for (const [index, { host, port }] of others.entries()) {
      await first.command("CLUSTER", "MEET", host, String(port), buses[index + 1] as string);
    }
    await ready();
    return { nodes, url: first.url, ready, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const clusterArgs = (bus: string): readonly string[] => [
  ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"],
  // However long a slow machine takes to notice: a replica is good enough.
  ...["--cluster-replica-validity-factor", "0"],
  // The default, ten thousand above the port, may be taken or above all ports.
  ...["--cluster-port", bus, "--cluster-announce-ip", "127.0.0.1"],
];

async function healthy(node: RedisProcess, size: number): Promise<void> {
  const info = String(await node.command("CLUSTER", "INFO"));
  for (const line of ["cluster_state:ok", `cluster_known_nodes:${size}`, `cluster_slots_ok:${slots}`]) {
    if (!info.includes(`${line}\r`)) throw new Error(`${node.url}: not ${line}`);
  }
}
