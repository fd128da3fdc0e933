import { createClient } from "@redis/client";
import type { RedisSide } from "./side.ts";

/**
 * The ceiling: what a queue on a Redis stream costs without a library, on the same client with its command timeout off.
 * It batches all that can be batched and has no leases, no retries, no errors that anyone would hear of.
 */
const key = "thin";
const group = "workers";

async function open(url: string) {
  const client = createClient({ url, commandOptions: { timeout: 0 } });
  client.on("error", (error: unknown) => console.error(String(error)));
  return await client.connect();
}

type Batch = Readonly<
  Record<string, readonly (readonly [id: string, fields: readonly [name: string, json: string]])[]>
>;

export const side: RedisSide = {
  pipeline: 100,
  async connect({ url }) {
    const client = await open(url);
    const add = (value: unknown): string[] => ["XADD", key, "*", "p", JSON.stringify(value)];
    return {
      send: (value) => client.sendCommand(add(value)),
      sendMany(values) {
        const pipeline = client.multi();
        for (const value of values) pipeline.addCommand(add(value));
        return pipeline.execAsPipeline();
      },
      left: () => client.xLen(key),
      close: () => client.close(),
    };
  },
  async work({ url }, concurrency, handler) {
    const reader = await open(url);
    // With more than one message at a time some are done while a read blocks. One connection, where it is enough, sends
    // the settles and the next read in one packet.
    const settler = concurrency === 1 ? reader : await open(url);
    await settler.xGroupCreate(key, group, "0", { MKSTREAM: true }).catch(() => {});
    let [free, unconfirmed, closing] = [concurrency, 0, false];
    let done: string[] = [];
    let wake = (): void => {};

    function settle(): void {
      const ids = done;
      done = [];
      free += ids.length; // A slot is free when its settle is written; so many may be unconfirmed, and no more.
      unconfirmed += ids.length;
      void settler.sendCommand(["XACK", key, group, ...ids]);
      void settler.sendCommand(["XDEL", key, ...ids]).then(() => {
        unconfirmed -= ids.length;
        wake();
      });
      wake();
    }
    async function run(id: string, json: string): Promise<void> {
      await handler(JSON.parse(json));
      if (done.push(id) === 1) setImmediate(settle);
    }
    async function loop(): Promise<void> {
      const enough = Math.ceil(concurrency / 10);
      while (!closing) {
        while (free < enough || unconfirmed > concurrency) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const options = ["GROUP", group, "one", "COUNT", String(free), "BLOCK", "100", "STREAMS", key, ">"];
        const batch = (await reader.sendCommand(["XREADGROUP", ...options])) as Batch | null;
        for (const [id, [, json]] of batch?.[key] ?? []) {
          free -= 1;
          void run(id, json);
        }
      }
    }
    const ended = loop();
    return {
      async close() {
        closing = true;
        await ended;
        while (free < concurrency || unconfirmed > 0) await new Promise((resolve) => setTimeout(resolve, 1));
        await reader.close();
        if (settler !== reader) await settler.close();
      },
    };
  },
};
