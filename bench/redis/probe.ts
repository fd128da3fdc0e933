import { createClient } from "@redis/client";

/** What Redis says of itself. */
export interface Probe {
  /** Microseconds of the processor that the server has used. */
  cpu(): Promise<number>;
  /** Bytes that the server has allocated. */
  memory(): Promise<number>;
  keys(): Promise<number>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openProbe(url: string): Promise<Probe> {
  const client = createClient({ url });
  client.on("error", (error: unknown) => console.error(String(error)));
  await client.connect();
  async function info(section: string, name: RegExp): Promise<number> {
    const text = await client.info(section);
    return [...text.matchAll(name)].reduce((sum, [, value]) => sum + Number(value), 0);
  }
  return {
    cpu: async () => (await info("cpu", /^used_cpu_(?:sys|user):([\d.]+)/gm)) * 1e6,
    memory: () => info("memory", /^used_memory:(\d+)/gm),
    keys: () => client.dbSize(),
    async clear() {
      await client.flushAll("SYNC");
    },
    close: () => client.close(),
  };
}
