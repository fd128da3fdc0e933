import { afterAll, describe, it } from "vitest";
import { defineTests, serverSuite, stress } from "../../src/conformance/index.ts";
import { memoryTarget } from "../conformance.memory.ts";
import { sqliteTarget } from "../conformance.sqlite.ts";

const copies = Number(process.env["MILLRACE_STRESS"] ?? 10);

describe("memory", () => {
  defineTests(stress(serverSuite(memoryTarget), copies), { describe, it });
});

describe("sqlite", () => {
  const target = sqliteTarget();
  afterAll(() => target.remove());
  defineTests(stress(serverSuite(target), copies), { describe, it });
});
