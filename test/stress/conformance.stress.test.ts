import { afterAll, describe, it } from "vitest";
import { appSuite, defineTests, serverSuite, stress } from "../../src/conformance/index.ts";
import { memoryTarget } from "../conformance.memory.ts";
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
