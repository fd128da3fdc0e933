import { afterAll, describe, it } from "vitest";
import { defineTests, serverSuite } from "../src/conformance/index.ts";
import { memoryTarget, virtualMemoryTarget } from "./conformance.memory.ts";
import { sqliteTarget } from "./conformance.sqlite.ts";

describe("memory", () => {
  defineTests(serverSuite(memoryTarget), { describe, it });
});

describe("memory, virtual time", () => {
  defineTests(serverSuite(virtualMemoryTarget), { describe, it });
});

describe("sqlite", () => {
  const target = sqliteTarget();
  afterAll(() => target.remove());
  defineTests(serverSuite(target), { describe, it });
});
