import { redis } from "millrace/redis";
import { sqlite } from "millrace/sqlite";

const quick = { leaseDuration: "2s", sweepInterval: "200ms" } as const;

/** The server at an address, for sender and workers alike. */
export function serverAt(address: string): ReturnType<typeof sqlite> | ReturnType<typeof redis> {
  return address.startsWith("sqlite:")
    ? sqlite({ path: address.slice("sqlite:".length), ...quick })
    : redis({ url: address, ...quick });
}
