import { afterAll, describe, it } from "vitest";
import { appSuite, defineTests, serverSuite } from "../src/conformance/index.ts";
import { requireBroker, requireProgram } from "./brokers.ts";
import { meagreMemoryTarget, memoryTarget, virtualMemoryTarget } from "./conformance.memory.ts";
import { listTarget, ownRedisTarget, redisTarget } from "./conformance.redis.ts";
import { sqliteTarget } from "./conformance.sqlite.ts";

// Most cases wait for a lease or a delay: several at once take no longer than one.
describe.concurrent("memory", () => {
  defineTests([...serverSuite(memoryTarget), ...appSuite(memoryTarget)], { describe, it });
});

describe.concurrent("sqlite", () => {
  const target = sqliteTarget();
  afterAll(() => target.remove());
  defineTests([...serverSuite(target), ...appSuite(target)], { describe, it });
});

for (const name of ["redis", "redis8", "valkey"] as const) {
  const there = await requireBroker(name);
  describe.concurrent(name, { skip: there === undefined }, () => {
    const target = redisTarget(name);
    defineTests([...serverSuite(target), ...appSuite(target)], { describe, it });
  });
}

const redisThere = await requireBroker("redis");
describe.concurrent("redis list", { skip: redisThere === undefined }, () => {
  const target = listTarget();
  defineTests([...serverSuite(target), ...appSuite(target)], { describe, it });
});

// A restart would be one for all cases of a shared server.
const program = await requireProgram("redis");
describe.concurrent("redis, restarted", { skip: program === undefined }, () => {
  const cases = serverSuite(ownRedisTarget()).filter(({ name }) => name.includes("restart of the broker"));
  defineTests(cases, { describe, it });
});

// Only for apps: the methods of the server itself are all there.
describe.concurrent("memory with few features", () => {
  defineTests(appSuite(meagreMemoryTarget), { describe, it });
});

// A virtual clock waits until nothing is under way in the process, so these run one after the other.
describe("memory, virtual time", () => {
  defineTests(serverSuite(virtualMemoryTarget), { describe, it });
});
