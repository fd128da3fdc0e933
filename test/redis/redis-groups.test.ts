import { describe, expect, test, vi } from "vitest";
import { requireProgram } from "../brokers.ts";
import { startCluster } from "./redis-cluster.ts";
import type { RedisName } from "./redis-process.ts";
import { startSentinel } from "./redis-sentinel.ts";

const brokers: readonly RedisName[] = ["redis", "redis8", "valkey"];
const programs = new Map(await Promise.all(brokers.map(async (name) => [name, await requireProgram(name)] as const)));

/** Waits for a reply, through the errors of a change of roles. */
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 50 });

for (const broker of brokers) {
  const skip = programs.get(broker) === undefined;
  // Nearly all of it is waiting for others' timeouts.
  describe(broker, { concurrent: true, skip, timeout: 60_000 }, () => {
    test("a cluster of three serves its slots, sends clients on, and is whole again after a restart", async () => {
      const cluster = await startCluster({ broker });
      try {
        // CRC16 of "a" is slot 15495, so it is the third node's.
        await expect(cluster.nodes[0]?.command("SET", "a", "1")).rejects.toThrow(
          `MOVED 15495 127.0.0.1:${cluster.nodes[2]?.port}`,
        );
        expect(await cluster.nodes[2]?.command("SET", "a", "1")).toBe("OK");
        await cluster.nodes[2]?.kill();
        await eventually(async () => {
          await expect(cluster.nodes[0]?.command("GET", "foo{b}")).rejects.toThrow("CLUSTERDOWN");
        });
        await cluster.nodes[2]?.start();
        await cluster.ready();
        expect(await cluster.nodes[2]?.command("GET", "a")).toBe("1");
      } finally {
        await cluster.stop();
      }
    });

    test("a sentinel changes the roles on demand, and when the master is gone", async () => {
      const sentinel = await startSentinel({ broker });
      try {
        const [first, second] = sentinel.servers;
        expect(await sentinel.master()).toBe(first);
        await first.command("SET", "a", "1");
        expect(await sentinel.failOver()).toBe(second);
        await eventually(async () => expect(await second.command("GET", "a")).toBe("1"));
        await eventually(async () => expect(await first.command("ROLE")).toContain("connected"));
        await eventually(async () => {
          await expect(first.command("SET", "a", "2")).rejects.toThrow("READONLY");
        });
        await second.kill();
        expect(await sentinel.masterOtherThan(second)).toBe(first);
        expect(await first.command("SET", "a", "3")).toBe("OK");
      } finally {
        await sentinel.stop();
      }
    });
  });
}

test.concurrent("three sentinels agree on a new master", {
  skip: programs.get("redis") === undefined,
  timeout: 60_000,
}, async () => {
  const sentinel = await startSentinel({ sentinels: 3 });
  try {
    const [first, second] = sentinel.servers;
    first.pause();
    expect(await sentinel.masterOtherThan(first)).toBe(second);
    first.resume();
    await eventually(async () => expect(await first.command("ROLE")).toContain("slave"));
  } finally {
    await sentinel.stop();
  }
});
