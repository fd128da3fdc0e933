import type { FeatureName } from "../server/features.ts";
import type { World } from "./world.ts";

export interface ServerCaseOptions {
  /** Run with the target's short lease, because the case waits for one to run out. */
  readonly lease?: "short";
  /** Needs a way for a worker to vanish: leases, or the target's `crash`. */
  readonly crash?: boolean;
  /** Needs storage that a second server object reaches. */
  readonly second?: boolean;
  /** Needs the target's `restart`. */
  readonly restart?: boolean;
  /** Milliseconds; default 30 s. */
  readonly timeout?: number;
  /** See `ConformanceCase`. */
  readonly refuses?: readonly FeatureName[];
}

/** A case before it is bound to a target. */
export interface ServerCase extends ServerCaseOptions {
  readonly name: string;
  readonly needs: readonly FeatureName[];
  check(world: World): Promise<void>;
}

export function serverCase(
  name: string,
  needs: readonly FeatureName[],
  check: (world: World) => Promise<void>,
  options: ServerCaseOptions = {},
): ServerCase {
  return { ...options, name, needs, check };
}
