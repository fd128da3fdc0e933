import type { ChannelStats } from "../../server/server.ts";
import type { RedisConnection } from "./connection.ts";
import { statsScript } from "./lua/inspect.ts";

/** How a channel is doing. What is due but not moved yet, since no worker runs, counts as ready. */
export async function readStats(connection: RedisConnection, channel: string): Promise<ChannelStats> {
  const keys = connection.keysOf(channel);
  const { group, keepsSettled } = connection.settings;
  const names = [keys.delayed, keys.dead, ...keys.streams.map(({ key }) => key)];
  const reply = await connection.run(statsScript, names, [group, keepsSettled ? "1" : "0"]);
  const [now, ready, inFlight, delayed, overdue, dead, ...oldest] = (reply as readonly unknown[]).map((value) =>
    value === null || String(value) === "" ? Number.NaN : Number(value),
  ) as [number, number, number, number, number, number, ...number[]];
  const times = oldest.filter((time) => !Number.isNaN(time));
  return {
    ready: ready + overdue,
    inFlight,
    delayed: delayed - overdue,
    dead,
    oldestAge: times.length === 0 ? undefined : Math.max(0, now - Math.min(...times)),
  };
}
