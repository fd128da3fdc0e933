import { afterAll, describe, it } from "vitest";
import { appSuite, defineTests, serverSuite, stress } from "../../src/conformance/index.ts";
import { requireBroker } from "../brokers.ts";
import { memoryTarget } from "../conformance.memory.ts";
import { listTarget, redisTarget } from "../conformance.redis.ts";
import { sqliteTarget } from "../conformance.sqlite.ts";

const copies = Number(process.env["MILLRACE_STRESS"] ?? 10);

describe("memory", () => {
  defineTests(stress([...serverSuite(memoryTarget), ...appSuite(memoryTarget)], copies), { describe, it });
});

describe("sqlite", () => {
  const target = sqliteTarget();
  afterAll(() => target.remove());
  defineTests(stress([...serverSuite(target), ...appSuite(target)], copies), { describe, it });
});

const redis = await requireBroker("redis");

for (const target of [redisTarget("redis"), listTarget()]) {
  describe(target.name, { skip: redis === undefined }, () => {
    defineTests(stress([...serverSuite(target), ...appSuite(target)], copies), { describe, it });
  });
}
