import { describe, expect, test, vi } from "vitest";
import { requireProgram } from "../brokers.ts";
import { startCluster } from "./redis-cluster.ts";
import type { RedisName } from "./redis-process.ts";
import { startSentinel } from "./redis-sentinel.ts";

const brokers: readonly RedisName[] = ["redis", "redis8", "valkey"];
const programs = new Map(await Promise.all(brokers.map(async (name) => [name, await requireProgram(name)] as const)));
const without = (broker: RedisName): boolean => programs.get(broker) === undefined;
// Nearly all of it is waiting for others' timeouts.
const atOnce = { concurrent: true, timeout: 60_000 };

for (const broker of brokers) {
  describe(broker, { ...atOnce, skip: without(broker) }, () => {
    test("a cluster of three serves its slots and sends clients on", async () => {
      await using cluster = await startCluster({ broker });
      const [first, , third] = cluster.nodes;
      // CRC16 of "a" is slot 15495, so it is the third node's.
      await expect(first?.command("SET", "a", "1")).rejects.toThrow(`MOVED 15495 127.0.0.1:${third?.port}`);
      expect(await third?.command("SET", "a", "1")).toBe("OK");
    });

    test("a sentinel changes the roles", async () => {
      await using sentinel = await startSentinel({ broker });
      const [first, second] = sentinel.servers;
      expect(await sentinel.master()).toBe(first);
      expect(await sentinel.failOver()).toBe(second);
      expect(await second.command("SET", "a", "1")).toBe("OK");
    });
  });
}

describe("when a server is gone", { ...atOnce, skip: without("redis") }, () => {
  test("a cluster is down, and whole again when the server is back", async () => {
    await using cluster = await startCluster();
    const [first, , third] = cluster.nodes;
    await third?.command("SET", "a", "1");
    await third?.kill();
    await vi.waitFor(() => expect(first?.command("GET", "foo{b}")).rejects.toThrow("CLUSTERDOWN"), 20_000);
    await third?.start();
    await cluster.ready();
    expect(await third?.command("GET", "a")).toBe("1");
  });

  test("a sentinel makes the replica the master", async () => {
    await using sentinel = await startSentinel();
    const [first, second] = sentinel.servers;
    await first.command("SET", "a", "1");
    await vi.waitFor(async () => expect(await second.command("GET", "a")).toBe("1"), 5000);
    await first.kill();
    expect(await sentinel.masterOtherThan(first)).toBe(second);
    expect(await second.command("GET", "a")).toBe("1");
  });

  test("three sentinels agree on a new master", async () => {
    await using sentinel = await startSentinel({ sentinels: 3 });
    const [first, second] = sentinel.servers;
    first.pause();
    expect(await sentinel.masterOtherThan(first)).toBe(second);
  });
});
