import type { RedisClientOptions } from "@redis/client";
import { type Clock, inTime } from "../../internal/clock.ts";
import { ConnectionError, OptionError } from "../../server/errors.ts";
import { addressIn } from "./address.ts";
import { type Client, loadClient, ownOptions, singleTransport } from "./client.ts";
import type { RedisNode, RedisSentinelOptions } from "./options.ts";
import type { Dial, Reply, Transport } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** Milliseconds for one Sentinel to say who is the master: a silent one shall not keep us from asking the next. */
const patience = 1500;

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
  const { name, nodes } = sentinel;
  const { isSecure, database } = addressIn(options);

  /** @returns the address of the master */
  async function ask(create: Create, node: RedisNode): Promise<RedisNode> {
    const place = `Sentinel ${node.host}:${node.port}`;
    const client = create(at(node, sentinel.options));
    client.on("error", () => {}); // What waits for an answer rejects with it.
    try {
      const asked = client.connect().then(() => client.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]));
      asked.catch(() => {}); // After the time limit nobody waits for it any more.
      if (!(await inTime(clock, asked, patience))) throw new Error(`It did not answer within ${patience} ms.`);
      const address = (await asked) as readonly Reply[] | null;
      if (address === null) throw new Error(`It knows no master named ${JSON.stringify(name)}.`);
      return { host: String(address[0]), port: Number(address[1]) };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new ConnectionError(`${place}: ${text}`, { cause: error });
    } finally {
      client.destroy();
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

  return {
    host: nodes.map(({ host, port }) => `${host}:${port}`).join(","),
    isSecure,
    database,
    isCluster: false,
    async create(onLost) {
      const { createClient } = await loadClient();
      const create: Create = (all) => createClient(all) as unknown as Client;
      let current: Transport | undefined;
      let isOver = false;

      async function reach(master: RedisNode): Promise<void> {
        const transport = singleTransport(create(at(master, options)), isSecure, (error) => {
          if (current === transport) onLost(error);
        });
        try {
          await transport.connect();
          await requireMaster(transport, master);
          if (isOver) throw new ConnectionError("The connection to Redis was closed.");
        } catch (error) {
          transport.destroy();
          throw error;
        }
        current = transport;
      }

      return {
        isOrdered: true,
        async connect() {
          let failure: unknown;
          // One that is cut off from the others may name the old master for ever: then the next one is asked.
          for (const node of nodes) {
            if (isOver) break;
            try {
              return await reach(await ask(create, node));
            } catch (error) {
              // Wrong credentials explain more than a Sentinel that is down.
              if (toTrouble(failure).kind !== "denied") failure = error;
            }
          }
          throw failure ?? new ConnectionError("The connection to Redis was closed.");
        },
        send: (key, args) =>
          current?.send(key, args) ?? Promise.reject(new ConnectionError("There is no connection to Redis.")),
        destroy() {
          isOver = true;
          current?.destroy();
        },
      };
    },
  };
}
