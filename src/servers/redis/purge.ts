import type { RedisConnection } from "./connection.ts";
import { purgeScript } from "./lua/inspect.ts";
import type { Reply } from "./transport.ts";

const batch = 1000;

/** Removes what nobody holds and was there when the purge began. Returns how many. */
export async function purgeChannel(connection: RedisConnection, channel: string): Promise<number> {
  const keys = connection.keysOf(channel);
  const { group, keepsSettled } = connection.settings;
  const names = [keys.delayed, keys.sequence, ...keys.streams.map(({ key }) => key)];
  let ends: readonly string[] = [];
  for (let total = 0; ; ) {
    const args = [group, keepsSettled ? "1" : "0", String(batch), ...ends];
    const [removed, more, last] = (await connection.run(purgeScript, names, args)) as readonly [
      number,
      number,
      Reply[],
    ];
    total += removed;
    if (more === 0) return total;
    ends = last.map(String);
  }
}
