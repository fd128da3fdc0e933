import { randomUUID } from "node:crypto";
import type { ConformanceCase } from "./conformance-case.ts";

/** What a runner hands to a test; both vitest and node:test have it. */
export interface TestContext {
  skip(reason?: string): unknown;
}

export interface TestOptions {
  readonly timeout: number;
}

type Test = (name: string, options: TestOptions, body: (context: TestContext) => Promise<void>) => unknown;
type Group = (name: string, body: () => void) => unknown;

export interface Bindings {
  /** `it` or `test` of vitest or node:test. */
  readonly it: Test;
  /** With it cases are grouped by the part of their name before the colon. */
  readonly describe?: Group;
  /** Where skips and their reasons are printed; default: one line each on stderr. */
  readonly log?: (line: string) => void;
}

/** Short, and unique also between processes that share a broker. */
export function newNamespace(): string {
  return `c${randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

/** Runs one case, says why if it skips itself. */
export async function runCase(one: ConformanceCase): Promise<string | undefined> {
  let skipped: string | undefined;
  await one.run({
    namespace: newNamespace(),
    skip: (reason) => {
      skipped = reason;
    },
  });
  return skipped;
}

/** Hands the cases to a test runner. No skip is silent: each is printed with its reason. */
export function defineTests(cases: readonly ConformanceCase[], bindings: Bindings): void {
  const log = bindings.log ?? ((line: string): void => void process.stderr.write(`${line}\n`));
  const define = (one: ConformanceCase, name: string): void => {
    if (one.skip !== undefined) log(`skipped: ${one.name}: ${one.skip}`);
    bindings.it(name, { timeout: one.timeout }, async (context) => {
      const reason = one.skip ?? (await runCase(one));
      if (reason === undefined) return;
      if (one.skip === undefined) log(`skipped: ${one.name}: ${reason}`);
      context.skip(reason);
    });
  };
  const { describe } = bindings;
  if (describe === undefined) {
    for (const one of cases) define(one, one.name);
    return;
  }
  for (const [group, members] of Map.groupBy(cases, (one) => one.name.split(":", 1)[0] ?? "")) {
    describe(group, () => {
      for (const one of members) define(one, one.name.slice(group.length + 1).trim());
    });
  }
}
