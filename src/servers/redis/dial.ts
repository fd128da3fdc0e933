import type { RedisClientOptions } from "@redis/client";
import { systemClock } from "../../internal/clock.ts";
import { OptionError } from "../../server/errors.ts";
import { dialCluster, dialClusterClient, isClusterClient, type WatchOptions } from "./cluster-dial.ts";
import type { RedisOptions } from "./options.ts";
import { dialSentinel } from "./sentinel-dial.ts";
import { dialClient, dialUrl } from "./single-dial.ts";
import type { Dial } from "./transport.ts";

type Places = Pick<RedisOptions, "url" | "client" | "options" | "sentinel" | "cluster">;

const systemWatch: WatchOptions = { clock: systemClock, patience: 8000 };

/** The way to Redis that the options name. */
export function dialOf(places: Places, watch: WatchOptions = systemWatch): Dial {
  const { url, client, sentinel, cluster } = places;
  // Spelled out without the client's types in the public options, and passed on to it as they are.
  const options = places.options as RedisClientOptions | undefined;
  if (client !== undefined) {
    if (options !== undefined) throw new OptionError("redis got client and options: give the client these options.");
    if (typeof client?.duplicate !== "function" || "getSentinelNode" in client) {
      throw new OptionError(
        "Expected client of redis to be a client or cluster client of @redis/client; for Sentinel there is the option sentinel.",
      );
    }
    return isClusterClient(client) ? dialClusterClient(client, watch) : dialClient(client);
  }
  if ((sentinel ?? cluster) !== undefined && options?.url !== undefined) {
    throw new OptionError("redis takes no options.url with sentinel or cluster.");
  }
  if (sentinel !== undefined) return dialSentinel(sentinel, options, watch.clock);
  if (cluster !== undefined) return dialCluster(cluster, options, watch);
  return dialUrl(url, options);
}
