import type { FeatureName } from "../../server/features.ts";
import type { ServerCaseOptions } from "../server-case.ts";
import type { AppWorld } from "./app-world.ts";

/** A case over the public surface, before it is bound to a target. */
export interface AppCase extends ServerCaseOptions {
  readonly name: string;
  readonly needs: readonly FeatureName[];
  check(world: AppWorld): Promise<void>;
}

export function appCase(
  name: string,
  needs: readonly FeatureName[],
  check: (world: AppWorld) => Promise<void>,
  options: ServerCaseOptions = {},
): AppCase {
  return { ...options, name, needs, check };
}
