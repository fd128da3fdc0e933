import { randomUUID } from "node:crypto";
import { redis } from "millrace/redis";
import { describe, expect, type TestContext, test } from "vitest";
import { requireProgram } from "../brokers.ts";
import { stage, until } from "./faults-stage.ts";
import { type RedisSentinel, type SentinelOptions, startSentinel } from "./redis-sentinel.ts";
import { startTraffic } from "./traffic.ts";

const isMissing = (await requireProgram("redis")) === undefined;

async function group(context: TestContext, options?: SentinelOptions): Promise<RedisSentinel> {
  const made = await startSentinel(options);
  context.onTestFinished(() => made.stop());
  return made;
}

const optionsFor = ({ name, sentinels }: RedisSentinel) => ({
  sentinel: { name, nodes: sentinels.map(({ host, port }) => ({ host, port })) },
  keyPrefix: `s:${randomUUID()}:`,
});

// Nearly all of it is waiting for sentinels.
describe("sentinel", { skip: isMissing, timeout: 60_000, concurrent: true }, () => {
  test.for(["killed", "demoted"] as const)("a %s master is left for the new one", async (how, context) => {
    const sentinel = await group(context);
    const faults = stage(context);
    const options = optionsFor(sentinel);
    const [from, to] = [await faults.connected(options), await faults.connected(options)];
    const traffic = await startTraffic(from, to, ["c"]);
    await traffic.flows("c");
    const old = await sentinel.master();
    if (how === "demoted") await sentinel.failOver();
    else await old.kill();
    await sentinel.masterOtherThan(old);
    // For seconds after a change of roles both are masters.
    await until("both have left the old master", () => faults.logs.of("server.connected").length === 2, 5000);
    await traffic.flows("c", 5000);
    // Replication does not wait: what a master confirmed in its last moment may be lost.
    await traffic.settle({ mayLose: 100 });
  });

  test("a silent master is left for the new one", async (context) => {
    const sentinel = await group(context);
    const faults = stage(context);
    const options = optionsFor(sentinel);
    const [from, to] = [await faults.connected(options), await faults.connected(options)];
    const traffic = await startTraffic(from, to, ["c"]);
    await traffic.flows("c");
    const old = await sentinel.master();
    old.pause();
    await sentinel.masterOtherThan(old);
    await traffic.flows("c", 5000);
    old.resume();
    await traffic.flows("c", 5000);
    await traffic.settle({ mayLose: 100 });
  });

  test("sentinels that are down, silent or wrong are passed over", async (context) => {
    const sentinel = await group(context);
    const wrong = await group(context);
    const [, replica] = sentinel.servers;
    const silent = await group(context);
    const faults = stage(context);
    silent.sentinels[0]?.pause();
    await wrong.sentinels[0]?.command("SENTINEL", "REMOVE", wrong.name);
    // It names a replica, as one does that is cut off from the others.
    await wrong.sentinels[0]?.command("SENTINEL", "MONITOR", wrong.name, replica.host, String(replica.port), "2");
    const { host, port } = optionsFor(sentinel).sentinel.nodes[0] as { host: string; port: number };
    const nodeOf = ({ sentinels }: RedisSentinel) => ({ host, port: sentinels[0]?.port as number });
    const nodes = [{ host, port: 1 }, nodeOf(silent), nodeOf(wrong), { host, port }];
    const server = await faults.connected({ sentinel: { name: sentinel.name, nodes } });
    expect(server.state).toBe("ready");
    expect(server.info.host).toBe(nodes.map((node) => `${host}:${node.port}`).join(","));

    const unknown = redis({ sentinel: { name: "other", nodes: [{ host, port }] }, connectTimeout: 100 });
    await expect(unknown.connect()).rejects.toThrow(`Sentinel ${host}:${port}: It knows no master named "other".`);
  });
});

test("what is no sentinel is refused at once", () => {
  expect(() => redis({ sentinel: { name: "", nodes: [] } })).toThrow("Expected sentinel.name of redis");
  expect(() => redis({ sentinel: { name: "m", nodes: [] } })).toThrow("Expected sentinel.nodes of redis");
});
