import type { FeatureName } from "../server/features.ts";

/** What the one who runs a case gives it. */
export interface RunContext {
  /** Unique among all runs that reach the same broker. */
  readonly namespace: string;
  /** Called when the case finds out while running that it does not apply; the case then ends. */
  skip(reason: string): void;
}

/** One promise of the contract, checked. Made by `serverSuite` and `appSuite`, run by any test runner. */
export interface ConformanceCase {
  readonly name: string;
  /** Features that the case exercises. When it passes they count as proven. */
  readonly needs: readonly FeatureName[];
  /** Features whose absence the case checks. When it passes it is proven that they are not faked. */
  readonly refuses: readonly FeatureName[];
  /** Milliseconds after which a runner should give up. */
  readonly timeout: number;
  /** Why this case does not run on this server. */
  readonly skip?: string;
  run(context: RunContext): Promise<void>;
}

/** Thrown by a case to end itself without a verdict; never leaves `run`. */
export class CaseSkipped extends Error {}
