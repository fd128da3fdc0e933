import { afterAll, describe, it } from "vitest";
import { appSuite, defineTests, serverSuite } from "../src/conformance/index.ts";
import { meagreMemoryTarget, memoryTarget, virtualMemoryTarget } from "./conformance.memory.ts";
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

// Only for apps: the methods of the server itself are all there.
describe.concurrent("memory with few features", () => {
  defineTests(appSuite(meagreMemoryTarget), { describe, it });
});

// A virtual clock waits until nothing is under way in the process, so these run one after the other.
describe("memory, virtual time", () => {
  defineTests(serverSuite(virtualMemoryTarget), { describe, it });
});
