import { randomUUID } from "node:crypto";
import { type AddressInfo, connect } from "node:net";
import { createServer } from "node:tls";
import { createCluster } from "@redis/client";
import { redis } from "millrace/redis";
import { afterAll, beforeAll, describe, expect, it, type TestContext, test, vi } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import { appSuite, defineTests, serverSuite } from "../../src/conformance/index.ts";
import { slotOf } from "../../src/servers/redis/slot.ts";
import { requireProgram } from "../brokers.ts";
import { createAuthority } from "./certificates.ts";
import { clusterTarget } from "./cluster-target.ts";
import { send, stage, until } from "./faults-stage.ts";
import { type RedisCluster, startCluster } from "./redis-cluster.ts";
import { type RedisProcess, startRedis } from "./redis-process.ts";
import { startTraffic } from "./traffic.ts";

const isMissing = (await requireProgram("redis")) === undefined;

describe.concurrent("conformance", { skip: isMissing }, () => {
  let cluster: RedisCluster | undefined;
  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());
  const shared = () => cluster as RedisCluster;
  const target = clusterTarget(shared, 200);
  const cases = serverSuite(target);
  const isLoad = ({ name }: { readonly name: string }): boolean => name.startsWith("load:");
  defineTests([...cases.filter((one) => !isLoad(one)), ...appSuite(target)], { describe, it });
  // Two hundred channels that each sweep five times a second have time for nothing else.
  defineTests(serverSuite(clusterTarget(shared, 5000)).filter(isLoad), { describe, it });
});

const places = (nodes: readonly RedisProcess[]) => nodes.map(({ host, port }) => ({ host, port }));

/** A channel that lives on that node of three. */
function channelOn(prefix: string, index: number): string {
  for (let i = 0; ; i += 1) {
    if (Math.floor((slotOf(`${prefix}{c${i}}`) * 3) / 16_384) === index) return `c${i}`;
  }
}

describe("faults", { skip: isMissing, timeout: 120_000, concurrent: true }, () => {
  async function own(context: TestContext, args?: readonly string[]): Promise<RedisCluster> {
    const cluster = await startCluster(args === undefined ? {} : { args });
    context.onTestFinished(() => cluster.stop());
    return cluster;
  }

  test("a node is killed and comes back: the others' channels go on, nothing is lost", async (context) => {
    const cluster = await own(context, ["--cluster-require-full-coverage", "no"]);
    const faults = stage(context);
    const keyPrefix = `k:${randomUUID()}:`;
    const options = { cluster: { nodes: places(cluster.nodes) }, keyPrefix };
    const [from, to] = [await faults.connected(options), await faults.connected(options)];
    const channels = [0, 1, 2].map((index) => channelOn(keyPrefix, index));
    const [first, second, third] = channels as [string, string, string];
    const traffic = await startTraffic(from, to, channels);
    for (const channel of channels) await traffic.flows(channel);
    await cluster.nodes[0]?.kill();
    await traffic.flows(second, 3000);
    await traffic.flows(third, 3000);
    await until("sends to the dead node fail", () => traffic.failed > 3);
    const before = traffic.confirmed.get(first) as number;
    // The connections that work are left alone meanwhile.
    expect(from.state).toBe("ready");
    await cluster.nodes[0]?.start();
    await cluster.ready();
    await traffic.flows(first, 5000);
    expect(traffic.confirmed.get(first)).toBeGreaterThan(before);
    await traffic.settle();
  });

  test("a silent master is left for its replica, a killed one too", async (context) => {
    const cluster = await own(context);
    const replica = await addReplica(context, cluster);
    const faults = stage(context);
    const keyPrefix = `k:${randomUUID()}:`;
    // Only one node is given, and it is the one that fails.
    const options = { cluster: { nodes: places(cluster.nodes.slice(0, 1)) }, keyPrefix };
    const [from, to] = [await faults.connected(options), await faults.connected(options)];
    const channel = channelOn(keyPrefix, 0);
    const other = channelOn(keyPrefix, 1);
    const traffic = await startTraffic(from, to, [channel, other]);
    await traffic.flows(channel);
    cluster.nodes[0]?.pause();
    await until("the replica is the master", () => isMaster(replica), 40_000);
    await traffic.flows(channel, 5000);
    cluster.nodes[0]?.resume();
    await until(
      "the old master follows",
      async () => (await roleOf(cluster.nodes[0] as RedisProcess)) === "slave",
      20_000,
    );
    await until("it is in step", async () => inStep(cluster.nodes[0] as RedisProcess), 20_000);
    await replica.kill();
    await until("the old master is it again", () => isMaster(cluster.nodes[0] as RedisProcess), 40_000);
    await traffic.flows(channel, 5000);
    await traffic.flows(other, 5000);
    // What was confirmed in the last moment before a master died may be lost: replication does not wait.
    await traffic.settle({ mayLose: 100 });
  });

  test("a channel moves to another node while it is used", async (context) => {
    const cluster = await own(context);
    const faults = stage(context);
    const keyPrefix = `k:${randomUUID()}:`;
    const options = { cluster: { nodes: places(cluster.nodes) }, keyPrefix };
    const [from, to] = [await faults.connected(options), await faults.connected(options)];
    const channel = channelOn(keyPrefix, 0);
    const slot = String(slotOf(`${keyPrefix}{${channel}}`));
    const traffic = await startTraffic(from, to, [channel]);
    await traffic.flows(channel);
    const [source, target] = cluster.nodes as readonly [RedisProcess, RedisProcess];
    const [sourceId, targetId] = [await idOf(source), await idOf(target)];
    await target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceId);
    await source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", targetId);
    await traffic.flows(channel);
    const moveKeys = async (): Promise<void> => {
      for (;;) {
        const keys = (await source.command("CLUSTER", "GETKEYSINSLOT", slot, "100")) as readonly string[];
        if (keys.length === 0) return;
        await source.command("MIGRATE", target.host, String(target.port), "", "0", "5000", "KEYS", ...keys);
      }
    };
    await moveKeys();
    // Half-way: the slot is still the source's, the keys are with the target.
    await traffic.flows(channel, 5000);
    await moveKeys();
    for (const node of cluster.nodes) await node.command("CLUSTER", "SETSLOT", slot, "NODE", targetId);
    await traffic.flows(channel, 5000);
    expect(from.state).toBe("ready");
    await traffic.settle();
  });
});

describe("clients", { skip: isMissing, timeout: 60_000 }, () => {
  test("a cluster with TLS and a password, by options and by a client", async (context) => {
    const authority = await createAuthority();
    context.onTestFinished(() => authority.remove());
    const { cert, key } = await authority.issue();
    const cluster = await startCluster();
    context.onTestFinished(() => cluster.stop());
    for (const node of cluster.nodes) await node.command("ACL", "SETUSER", "u", "on", ">secret", "~*", "&*", "+@all");
    // TLS ends before the nodes, which know nothing of it: their addresses must be translated.
    const ports = await Promise.all(cluster.nodes.map((node) => startTlsFront(context, { cert, key }, node)));
    const faults = stage(context);
    const nodeAddressMap = Object.fromEntries(
      cluster.nodes.map(({ host, port }, i) => [`${host}:${port}`, { host, port: ports[i] as number }]),
    );
    const client = createCluster({
      rootNodes: [{ url: `rediss://127.0.0.1:${ports[0]}` }],
      defaults: { username: "u", password: "secret", socket: { tls: true, ca: authority.ca } },
      nodeAddressMap,
    });
    const server = await faults.connected({ client });
    const channels = [0, 1, 2].map((index) => channelOn("millrace:", index));
    const intake = await faults.consume(server, channels);
    for (const channel of channels) await send(server, channel, channel);
    await until("all came", () => intake.texts.length === 3);
    expect(server.info).toMatchObject({ protocol: "rediss", host: `127.0.0.1:${ports[0]}` });
    expect(JSON.stringify(server.info)).not.toContain("secret");
    expect(client.isOpen).toBe(false);
    const wrong = redis({ client: client.duplicate({ defaults: { socket: { tls: true, ca: authority.ca } } }) });
    await cluster.nodes[0]?.command("ACL", "SETUSER", "default", "resetpass", ">other");
    await expect(wrong.connect()).rejects.toThrow("Redis denies access: NOAUTH");
  });
});

async function startTlsFront(
  context: TestContext,
  options: { readonly cert: string; readonly key: string },
  { host, port }: RedisProcess,
): Promise<number> {
  const front = createServer(options, (client) => {
    const upstream = connect(port, host);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream).pipe(client);
  });
  context.onTestFinished(() => void front.close());
  await new Promise<void>((resolve) => front.listen(0, host, resolve));
  return (front.address() as AddressInfo).port;
}

async function idOf(node: RedisProcess): Promise<string> {
  return String(await node.command("CLUSTER", "MYID"));
}

async function roleOf(node: RedisProcess): Promise<string> {
  const role = await node.command("ROLE");
  return Array.isArray(role) ? String(role[0]) : "";
}

async function isMaster(node: RedisProcess): Promise<boolean> {
  const info = String(await node.command("CLUSTER", "INFO"));
  return (await roleOf(node)) === "master" && info.includes("cluster_state:ok");
}

async function inStep(node: RedisProcess): Promise<boolean> {
  return String(await node.command("INFO", "replication")).includes("master_link_status:up");
}

/** Of the first node. */
async function addReplica(context: TestContext, cluster: RedisCluster): Promise<RedisProcess> {
  const bus = String(await freePort());
  const [first] = cluster.nodes as readonly [RedisProcess];
  const replica = await startRedis({
    args: [
      ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"],
      // However long a slow machine takes to notice: a replica is good enough.
      ...["--cluster-replica-validity-factor", "0"],
      ...["--cluster-port", bus, "--cluster-announce-ip", "127.0.0.1"],
    ],
  });
  context.onTestFinished(() => replica.stop());
  await first.command("CLUSTER", "MEET", replica.host, String(replica.port), bus);
  const id = await idOf(first);
  // Refused until it has heard of its master.
  await vi.waitFor(() => replica.command("CLUSTER", "REPLICATE", id), { timeout: 20_000, interval: 50 });
  await until("the replica is in step", () => inStep(replica), 20_000);
  const knows = async (node: RedisProcess): Promise<boolean> =>
    String(await node.command("CLUSTER", "NODES")).includes(`127.0.0.1:${replica.port}`);
  for (const node of cluster.nodes) await until("all know the replica", () => knows(node), 20_000);
  return replica;
}
