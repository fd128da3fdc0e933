import type { RedisClusterOptions as ClientOptions, RedisClientOptions } from "@redis/client";
import type { Clock } from "../../internal/clock.ts";
import { OptionError } from "../../server/errors.ts";
import { addressIn, readUrl } from "./address.ts";
import { loadClient, ownOptions } from "./client.ts";
import { type Cluster, ClusterTransport, type ClusterTransportOptions } from "./cluster-transport.ts";
import type { RedisClientLike, RedisClusterOptions, RedisNode } from "./options.ts";
import type { Dial } from "./transport.ts";

/** Milliseconds in which a node must say how the cluster looks: one that hangs must not keep us from asking the next. */
const discoveryTimeout = 1000;

/** How a cluster is watched. */
export interface WatchOptions {
  readonly clock: Clock;
  /** Milliseconds without any answer of a node, while some are due, after which its connection counts as dead. */
  readonly patience: number;
}

type Roots = ClientOptions["rootNodes"];

/** Those that are asked first, with a limit to their silence. Other settings of theirs count for nothing else. */
function limited(roots: Roots): Roots {
  const limits = { connectTimeout: discoveryTimeout, socketTimeout: discoveryTimeout };
  return roots.map((root) => ({ ...root, socket: { ...root.socket, ...limits } }) as Roots[number]);
}

/** What is ours to decide for a cluster. */
function clusterOptions(defaults: RedisClientOptions | undefined, roots: Roots): ClientOptions {
  const { commandOptions, ...rest } = ownOptions(defaults);
  const own = {
    ...{ RESP: 2, commandOptions, rootNodes: limited(roots), defaults: { ...rest, commandOptions } },
    // One that is down must not keep the others from being used.
    minimizeConnections: true,
    useReplicas: false,
    clientSideCache: undefined,
  };
  return own as object as ClientOptions;
}

interface Target {
  readonly place: Pick<Dial, "host" | "isSecure">;
  readonly roots: Roots;
  make(roots: Roots): Promise<Cluster>;
  /** Where to reach a node that the cluster names. */
  translate(node: RedisNode): RedisNode;
}

function dialTarget({ place, roots, make, translate }: Target, watch: WatchOptions): Dial {
  // Those that were found since, for when none of the given ones is left.
  let found: readonly RedisNode[] = [];
  const discover: ClusterTransportOptions["make"] = () =>
    make([...roots, ...found.map((node) => ({ socket: { ...node } }))]);
  const onFound = (nodes: readonly RedisNode[]): void => {
    found = nodes.map(translate).filter(({ host, port }) => !place.host.split(",").includes(`${host}:${port}`));
  };
  return {
    ...place,
    database: undefined,
    isCluster: true,
    async create(onLost, usage) {
      return new ClusterTransport({ ...watch, make: discover, usage, onLost, onFound });
    },
  };
}

/** A cluster by some of its nodes. */
export function dialCluster(
  { nodes }: RedisClusterOptions,
  options: RedisClientOptions | undefined,
  watch: WatchOptions,
): Dial {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new OptionError("Expected cluster.nodes of redis to be a list of { host, port }.");
  }
  if ((options?.database ?? 0) !== 0)
    throw new OptionError("A Redis Cluster has only one database: leave database out.");
  const { isSecure } = addressIn(options);
  const roots = nodes.map(({ host, port }: RedisNode) => ({ socket: { host, port } }) as Roots[number]);
  const host = nodes.map((node: RedisNode) => `${node.host}:${node.port}`).join(",");
  return dialTarget(
    {
      ...{ place: { host, isSecure }, roots },
      async make(all) {
        const { createCluster } = await loadClient();
        return createCluster(clusterOptions(options, all)) as object as Cluster;
      },
      translate: (node) => node,
    },
    watch,
  );
}

/** Whether a user's client is one of a cluster. */
export function isClusterClient(given: RedisClientLike): boolean {
  return "slots" in given && "nodeByAddress" in given;
}

/** The cluster that a user's client goes to. */
export function dialClusterClient(given: RedisClientLike, watch: WatchOptions): Dial {
  const { _options: options } = given as { readonly _options?: ClientOptions };
  if (options === undefined)
    throw new OptionError("This version of @redis/client is not known: use the option cluster.");
  const defaults = options.defaults as RedisClientOptions | undefined;
  const addresses = options.rootNodes.map(({ url, socket }) =>
    url === undefined ? addressIn({ socket } as RedisClientOptions) : readUrl(url),
  );
  const place = {
    host: addresses.map(({ host }) => host).join(","),
    isSecure: addressIn(defaults).isSecure || addresses.some((address) => address.isSecure),
  };
  const { nodeAddressMap: map } = options;
  return dialTarget(
    {
      ...{ place, roots: options.rootNodes },
      make: async (all) => given.duplicate(clusterOptions(defaults, all)) as Cluster,
      translate(node) {
        const address = `${node.host}:${node.port}`;
        return (typeof map === "function" ? map(address) : map?.[address]) ?? node;
      },
    },
    watch,
  );
}
