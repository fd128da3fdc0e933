import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import {
  appSuite,
  type ConformanceCase,
  defineTests,
  runSuite,
  serverSuite,
  stress,
} from "../src/conformance/index.ts";
import { memoryTarget } from "./conformance.memory.ts";

function caseNamed(name: string, parts: Partial<ConformanceCase> = {}): ConformanceCase {
  return { name, needs: [], refuses: [], timeout: 1000, run: async () => {}, ...parts };
}

interface Defined {
  readonly name: string;
  readonly timeout: number;
  body(): Promise<string | undefined>;
}

/** Stands for the `it` of a test runner. */
function collect(cases: readonly ConformanceCase[], log: (line: string) => void): Defined[] {
  const defined: Defined[] = [];
  defineTests(cases, {
    log,
    it: (name, { timeout }, body) =>
      defined.push({
        name,
        timeout,
        body: async () => {
          let skipped: string | undefined;
          await body({ skip: (reason) => (skipped = reason) });
          return skipped;
        },
      }),
  });
  return defined;
}

test("a skip is printed with its reason, and the case not run", async () => {
  const log = vi.fn<(line: string) => void>();
  const run = vi.fn<ConformanceCase["run"]>();
  const [defined] = collect([caseNamed("a: b", { skip: "no leases", run })], log);
  expect(log).toHaveBeenCalledWith("skipped: a: b: no leases");
  expect(await defined?.body()).toBe("no leases");
  expect(run).not.toHaveBeenCalled();
});

test("a case that skips itself says so, too", async () => {
  const log = vi.fn<(line: string) => void>();
  const [defined] = collect([caseNamed("a: b", { run: async ({ skip }) => skip("found out late") })], log);
  expect(log).not.toHaveBeenCalled();
  expect(await defined?.body()).toBe("found out late");
  expect(log).toHaveBeenCalledWith("skipped: a: b: found out late");
});

test("every run has a namespace of its own, copies too", async () => {
  const seen: string[] = [];
  const one = caseNamed("a: b", { run: async ({ namespace }) => void seen.push(namespace) });
  await runSuite([one, one, ...stress([one], 10)]);
  expect(new Set(seen).size).toBe(12);
});

test("one failing copy fails the stressed case", async () => {
  let count = 0;
  const run = async (): Promise<void> => {
    count += 1;
    if (count === 3) throw new Error("the third");
  };
  const [result] = await runSuite(stress([caseNamed("a: b", { run })], 5));
  expect(count).toBe(5);
  expect(result?.status).toBe("failed");
  expect(String(result?.error)).toContain("1 of 5 copies failed: Error: the third");
});

test("a case that hangs is given up", async () => {
  const [result] = await runSuite([caseNamed("a: b", { timeout: 20, run: () => new Promise(() => {}) })]);
  expect(result).toMatchObject({ status: "failed", error: { message: "not done in 20 ms" } });
});

test("results come in the order of the cases", async () => {
  const pause = (delay: number) => (): Promise<void> => new Promise((resolve) => setTimeout(resolve, delay));
  const cases = [caseNamed("slow", { run: pause(30) }), caseNamed("fast"), caseNamed("faster")];
  const results = await runSuite(cases, { parallel: 3 });
  expect(results.map(({ case: one }) => one.name)).toEqual(["slow", "fast", "faster"]);
});

test("a skip needs an existing case", () => {
  expect(() => serverSuite({ ...memoryTarget, skip: { "settle: no such case": "because" } })).toThrow("no such case");
});

test("what a target declares unsupported is skipped with the reason, and its absence checked", () => {
  const features = { ...memoryTarget.features, delay: { level: "unsupported" } } as const;
  const cases = serverSuite({ ...memoryTarget, name: "mine", features });
  const delayed = cases.filter(({ needs }) => needs.includes("delay"));
  expect(delayed.length).toBeGreaterThan(5);
  for (const one of delayed) expect(one.skip).toContain("mine declares delay");
});

test("names of cases are unique: they are the keys of skips", () => {
  const names = [...serverSuite(memoryTarget), ...appSuite(memoryTarget)].map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("the suite runs under node:test as it does under vitest", () => {
  const file = fileURLToPath(new URL("./fixtures/conformance-node.ts", import.meta.url));
  const output = execFileSync(process.execPath, ["--test", "--test-reporter=tap", file], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    // Under vitest these would make the child report to it.
    env: { PATH: process.env["PATH"] },
  });
  expect(output).toMatch(/# fail 0/);
  expect(Number(/# pass (\d+)/.exec(output)?.[1])).toBeGreaterThan(15);
  expect(output).toMatch(/# SKIP memory declares durable unsupported/);
}, 60_000);
