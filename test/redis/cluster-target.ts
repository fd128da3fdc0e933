import type { ServerTarget } from "../../src/conformance/index.ts";
import { redis } from "../../src/servers/redis/index.ts";
import type { RedisCluster } from "./redis-cluster.ts";

/** A cluster, with a key prefix per case. */
export function clusterTarget(cluster: () => RedisCluster, sweepInterval: number): ServerTarget {
  return {
    name: "redis cluster",
    features: redis({ cluster: { nodes: [{ host: "127.0.0.1", port: 6379 }] } }).features,
    supportsSecondConnection: true,
    channel: (name) => name,
    leaseDuration: 1000,
    create: ({ leaseDuration, namespace }) =>
      redis({
        cluster: { nodes: cluster().nodes.map(({ host, port }) => ({ host, port })) },
        keyPrefix: `t:${namespace}:`,
        leaseDuration,
        sweepInterval,
      }),
  };
}
