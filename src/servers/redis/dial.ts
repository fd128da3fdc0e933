import type { RedisClientOptions } from "@redis/client";
import { MissingPeerError, OptionError } from "../../server/errors.ts";
import type { RedisClientLike, RedisOptions } from "./options.ts";
import type { Argument, Dial, Reply, Transport } from "./transport.ts";

/** What we use of a client. */
interface Client {
  connect(): Promise<unknown>;
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
  destroy(): void;
  on(event: "error" | "terminated", listener: (error: unknown) => void): unknown;
}

async function load(): Promise<typeof import("@redis/client")> {
  try {
    return await import("@redis/client");
  } catch (error) {
    throw new MissingPeerError("npm install @redis/client", "millrace/redis", { cause: error });
  }
}

/** What is ours to decide, whatever client or options we were given. */
function ours(given: RedisClientOptions | undefined): RedisClientOptions {
  const own = {
    RESP: 2,
    // Watched by us: the client's own timer per command costs four times as much as the command (decided by measuring).
    commandOptions: { timeout: undefined, typeMapping: { 36: Buffer } },
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    socket: { connectTimeout: 5000, noDelay: true, ...given?.socket, reconnectStrategy: false },
  };
  // The type of the options names version 3 of the protocol, although they take either.
  return own as object as RedisClientOptions;
}

function singleTransport(client: Client, onLost: (error: unknown) => void): Transport {
  let isOver = false;
  const lose = (error: unknown): void => {
    if (isOver) return;
    isOver = true;
    onLost(error);
  };
  // Without a listener for `error` the process would end.
  client.on("error", lose);
  client.on("terminated", lose);
  return {
    isOrdered: true,
    async connect() {
      await client.connect();
    },
    send: (_, args) => client.sendCommand(args) as Promise<Reply>,
    destroy() {
      isOver = true;
      try {
        client.destroy();
      } catch {
        // It is closed already.
      }
    },
  };
}

/** Host and port of a URL, without credentials. Throws for what is no Redis URL. */
export function hostOf(url: string): { readonly host: string; readonly database: string | undefined } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw new OptionError("Expected url of redis to be redis://host:port or rediss://host:port.", { cause: error });
  }
  if (parsed.protocol !== "redis:" && parsed.protocol !== "rediss:") {
    throw new OptionError(`Expected url of redis to begin with redis:// or rediss://, got ${parsed.protocol}//.`);
  }
  const database = parsed.pathname.length > 1 ? parsed.pathname.slice(1) : undefined;
  return { host: parsed.port === "" ? parsed.hostname : parsed.host, database };
}

/** Where a user's client goes to. */
function hostOfClient(client: RedisClientLike): string {
  const { options } = client as { readonly options?: RedisClientOptions };
  if (options?.url !== undefined) return hostOf(options.url).host;
  const socket = options?.socket as { readonly host?: string; readonly port?: number } | undefined;
  return `${socket?.host ?? "127.0.0.1"}:${socket?.port ?? 6379}`;
}

function fromClient(given: RedisClientLike): Dial {
  if (typeof given.duplicate !== "function") {
    throw new OptionError("Expected client of redis to be a client of @redis/client.");
  }
  const { options } = given as { readonly options?: RedisClientOptions };
  return {
    host: hostOfClient(given),
    isCluster: false,
    async create(onLost) {
      return singleTransport(given.duplicate(ours(options)) as Client, onLost);
    },
  };
}

function fromUrl(url: string, options: RedisClientOptions | undefined): Dial {
  return {
    host: hostOf(url).host,
    isCluster: false,
    async create(onLost) {
      const { createClient } = await load();
      return singleTransport(createClient({ url, ...options, ...ours(options) }) as unknown as Client, onLost);
    },
  };
}

export function dialOf({ url, client, options, sentinel, cluster }: RedisOptions): Dial {
  if (client !== undefined) return fromClient(client);
  if (sentinel !== undefined || cluster !== undefined) throw new OptionError("Not yet.");
  return fromUrl(url ?? "redis://127.0.0.1:6379", options);
}
