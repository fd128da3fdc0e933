import type { RedisClientOptions } from "@redis/client";
import { addressIn, addressOf } from "./address.ts";
import { type Client, loadClient, ownOptions, singleTransport } from "./client.ts";
import type { RedisClientLike } from "./options.ts";
import type { Dial } from "./transport.ts";

/** One server, by its address. */
export function dialUrl(url: string | undefined, options: RedisClientOptions | undefined): Dial {
  const address = addressOf(url, options);
  return {
    ...address,
    isCluster: false,
    async create(onLost) {
      const { createClient } = await loadClient();
      // An undefined `url` counts as one.
      const all = { ...(url === undefined ? {} : { url }), ...ownOptions(options) };
      return singleTransport(createClient(all) as unknown as Client, address.isSecure, onLost);
    },
  };
}

/** The server that a user's client goes to. */
export function dialClient(given: RedisClientLike): Dial {
  const { options } = given as { readonly options?: RedisClientOptions };
  const address = addressIn(options);
  return {
    ...address,
    isCluster: false,
    async create(onLost) {
      // Its options are at hand as they were read from a URL, and a URL would be read again, over ours.
      const client = given.duplicate({ ...ownOptions(options), url: undefined });
      return singleTransport(client as Client, address.isSecure, onLost);
    },
  };
}
