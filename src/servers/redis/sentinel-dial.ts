import type { RedisClientOptions } from "@redis/client";
import { type Clock, inTime, type TimerHandle } from "../../internal/clock.ts";
import { ConnectionError, OptionError } from "../../server/errors.ts";
import { addressIn } from "./address.ts";
import { type Client, loadClient, ownOptions, singleTransport } from "./client.ts";
import type { RedisNode, RedisSentinelOptions } from "./options.ts";
import { openSession, type SentinelSession } from "./sentinel-session.ts";
import type { Dial, Reply, Transport } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** Milliseconds for the master to answer: it may hang, and another one be named soon. */
const masterPatience = 2000;
/** Milliseconds between two questions whether it still is the master. */
const watchInterval = 1000;

type Create = (options: RedisClientOptions) => Client;

function at({ host, port }: RedisNode, options: RedisClientOptions | undefined): RedisClientOptions {
  return ownOptions({ ...options, socket: { ...options?.socket, host, port } } as RedisClientOptions);
}

function requireNodes({ name, nodes }: RedisSentinelOptions): void {
  if (typeof name !== "string" || name === "") {
    throw new OptionError("Expected sentinel.name of redis to be the name of the master group, such as mymaster.");
  }
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new OptionError("Expected sentinel.nodes of redis to be a list of { host, port }.");
  }
}

/** One that was the master must not be written to: Sentinel may be behind. */
async function requireMaster(transport: Transport, { host, port }: RedisNode): Promise<void> {
  try {
    const role = (await transport.send("", ["ROLE"])) as readonly Reply[];
    if (String(role[0]) === "master") return;
  } catch (error) {
    // Without the right to ask, the first write tells.
    if (toTrouble(error).kind === "denied" && /NOPERM/.test(String(error))) return;
    throw error;
  }
  throw new ConnectionError(`Sentinel names ${host}:${port} as the master, which is a replica.`);
}

/**
 * The master that Sentinel names, asked again for every new connection. Not by the client's own Sentinel support: that one
 * keeps connections of its own, sends commands again that may have been executed, and has no place for our supervision.
 */
export function dialSentinel(
  sentinel: RedisSentinelOptions,
  options: RedisClientOptions | undefined,
  clock: Clock,
): Dial {
  requireNodes(sentinel);
  const { nodes } = sentinel;
  const { isSecure, database } = addressIn(options);
  return {
    host: nodes.map(({ host, port }) => `${host}:${port}`).join(","),
    isSecure,
    database,
    isCluster: false,
    async create(onLost) {
      const { createClient } = await loadClient();
      return new SentinelTransport(sentinel, options, clock, (all) => createClient(all) as unknown as Client, onLost);
    },
  };
}

/** A connection to the master, for as long as it is the master. */
class SentinelTransport implements Transport {
  readonly isOrdered = true;
  readonly #sentinel: RedisSentinelOptions;
  readonly #options: RedisClientOptions | undefined;
  readonly #clock: Clock;
  readonly #create: Create;
  readonly #onLost: (error: unknown) => void;
  #master: RedisNode | undefined;
  #transport: Transport | undefined;
  #session: SentinelSession | undefined;
  /** Which of the Sentinels is asked. */
  #turn = 0;
  #watch: TimerHandle | undefined;
  #isOver = false;

  constructor(
    sentinel: RedisSentinelOptions,
    options: RedisClientOptions | undefined,
    clock: Clock,
    create: Create,
    onLost: (error: unknown) => void,
  ) {
    this.#sentinel = sentinel;
    this.#options = options;
    this.#clock = clock;
    this.#create = create;
    this.#onLost = onLost;
  }

  async connect(): Promise<void> {
    let failure: unknown;
    // One that is cut off from the others may name the old master for ever: then the next one is asked.
    for (let i = 0; i < this.#sentinel.nodes.length && !this.#isOver; i += 1) {
      try {
        await this.#reach(await this.#ask());
        this.#startWatch();
        return;
      } catch (error) {
        // Wrong credentials explain more than a Sentinel that is down.
        if (failure === undefined || toTrouble(failure).kind !== "denied") failure = error;
        this.#nextSentinel();
      }
    }
    throw failure ?? new ConnectionError("The connection to Redis was closed.");
  }

  send(key: string, args: Parameters<Transport["send"]>[1]): Promise<Reply> {
    const transport = this.#transport;
    if (transport === undefined) return Promise.reject(new ConnectionError("There is no connection to Redis."));
    return transport.send(key, args);
  }

  destroy(): void {
    this.#isOver = true;
    this.#clock.clearTimer(this.#watch);
    this.#session?.close();
    this.#session = undefined;
    this.#transport?.destroy();
  }

  #ask(): Promise<RedisNode> {
    const { nodes, name, options } = this.#sentinel;
    const node = nodes[this.#turn] as RedisNode;
    this.#session ??= openSession(
      this.#create,
      at(node, options as RedisClientOptions | undefined),
      node,
      name,
      this.#clock,
    );
    return this.#session.ask();
  }

  #nextSentinel(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#turn = (this.#turn + 1) % this.#sentinel.nodes.length;
  }

  async #reach(master: RedisNode): Promise<void> {
    const client = this.#create(at(master, this.#options));
    const transport = singleTransport(client, addressIn(this.#options).isSecure, (error) => {
      if (this.#transport === transport) this.#lose(error);
    });
    try {
      const reached = transport.connect().then(() => requireMaster(transport, master));
      reached.catch(() => {}); // After the time limit nobody waits for it any more.
      if (!(await inTime(this.#clock, reached, masterPatience))) {
        throw new ConnectionError(`${master.host}:${master.port} did not answer within ${masterPatience} ms.`);
      }
      await reached;
      if (this.#isOver) throw new ConnectionError("The connection to Redis was closed.");
    } catch (error) {
      transport.destroy();
      throw error;
    }
    this.#master = master;
    this.#transport = transport;
  }

  #lose(error: unknown): void {
    if (this.#isOver) return;
    this.destroy();
    this.#onLost(error);
  }

  /** After a change of roles the old master goes on for seconds, and what is written to it by then is lost. */
  #startWatch(): void {
    if (this.#isOver) return;
    this.#watch = this.#clock.setTimer(() => void this.#look(), watchInterval, { unref: true });
  }

  async #look(): Promise<void> {
    try {
      const { host, port } = await this.#ask();
      if (host !== this.#master?.host || port !== this.#master.port) {
        this.#lose(new ConnectionError(`Sentinel names another master now: ${host}:${port}.`));
      }
    } catch {
      // As long as the connection works, it matters little which Sentinel tells.
      if (!this.#isOver) this.#nextSentinel();
    }
    this.#startWatch();
  }
}
