import { systemClock } from "../internal/clock.ts";
import { runCase } from "./bind.ts";
import type { ConformanceCase } from "./conformance-case.ts";

export interface CaseResult {
  readonly case: ConformanceCase;
  readonly status: "passed" | "failed" | "skipped";
  /** Why it was skipped. */
  readonly reason?: string;
  readonly error?: unknown;
  readonly duration: number;
}

export interface RunOptions {
  /** How many cases run at once; default 1. */
  readonly parallel?: number;
  onResult?(result: CaseResult): void;
}

async function verdict(one: ConformanceCase): Promise<Omit<CaseResult, "case" | "duration">> {
  if (one.skip !== undefined) return { status: "skipped", reason: one.skip };
  const timeout = Promise.withResolvers<never>();
  const timer = systemClock.setTimer(() => timeout.reject(new Error(`not done in ${one.timeout} ms`)), one.timeout);
  try {
    const reason = await Promise.race([runCase(one), timeout.promise]);
    return reason === undefined ? { status: "passed" } : { status: "skipped", reason };
  } catch (error) {
    return { status: "failed", error };
  } finally {
    systemClock.clearTimer(timer);
  }
}

/** Runs cases without any test runner; for scripts that want the results. In the order of the cases. */
export async function runSuite(cases: readonly ConformanceCase[], options: RunOptions = {}): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next; index < cases.length; index = next) {
      next += 1;
      const one = cases[index] as ConformanceCase;
      const start = systemClock.monotonic();
      const result = { case: one, ...(await verdict(one)), duration: systemClock.monotonic() - start };
      results[index] = result;
      options.onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: options.parallel ?? 1 }, lane));
  return results;
}
