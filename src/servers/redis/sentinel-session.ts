import type { RedisClientOptions } from "@redis/client";
import { type Clock, inTime } from "../../internal/clock.ts";
import { ConnectionError } from "../../server/errors.ts";
import type { Client } from "./client.ts";
import type { RedisNode } from "./options.ts";
import type { Reply } from "./transport.ts";

/** Milliseconds for a Sentinel to say who is the master: a silent one shall not keep us from asking the next. */
const patience = 1500;

/** A connection to one Sentinel. */
export interface SentinelSession {
  /** @returns the address of the master */
  ask(): Promise<RedisNode>;
  close(): void;
}

export function openSession(
  create: (options: RedisClientOptions) => Client,
  options: RedisClientOptions,
  { host, port }: RedisNode,
  name: string,
  clock: Clock,
): SentinelSession {
  const client = create(options);
  client.on("error", () => {}); // What waits for an answer rejects with it.
  let connecting: Promise<unknown> | undefined;

  async function question(): Promise<unknown> {
    connecting ??= client.connect();
    await connecting;
    return client.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]);
  }

  return {
    async ask() {
      try {
        const asked = question();
        asked.catch(() => {}); // After the time limit nobody waits for it any more.
        if (!(await inTime(clock, asked, patience))) throw new Error(`It did not answer within ${patience} ms.`);
        const address = (await asked) as readonly Reply[] | null;
        if (address === null) throw new Error(`It knows no master named ${JSON.stringify(name)}.`);
        return { host: String(address[0]), port: Number(address[1]) };
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new ConnectionError(`Sentinel ${host}:${port}: ${text}`, { cause: error });
      }
    },
    close: () => client.destroy(),
  };
}
