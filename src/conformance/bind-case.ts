import type { FeatureName } from "../server/features.ts";
import { CaseSkipped, type ConformanceCase, type RunContext } from "./conformance-case.ts";
import type { ServerCaseOptions } from "./server-case.ts";
import type { ServerTarget } from "./server-target.ts";
import { World } from "./world.ts";

interface CaseHead extends ServerCaseOptions {
  readonly name: string;
  readonly needs: readonly FeatureName[];
}

/** Long enough that no lease runs out in a case that is not about leases. */
const longLease = 60_000;

/** Why a case does not run on this target, decided by what the server declares. */
function skipReason(one: CaseHead, target: ServerTarget): string | undefined {
  const stated = target.skip?.[one.name];
  if (stated !== undefined) return stated;
  const missing = one.needs.filter((feature) => target.features[feature].level === "unsupported");
  if (missing.length > 0) return `${target.name} declares ${missing.join(", ")} unsupported`;
  if (one.crash === true && target.crash === undefined && target.features.lease.level === "unsupported") {
    return `${target.name} has no leases and its target has no crash()`;
  }
  if (one.second === true && !target.supportsSecondConnection) {
    return `the messages of ${target.name} live in one server object`;
  }
  if (one.restart === true && target.restart === undefined) return `the target of ${target.name} has no restart()`;
  return undefined;
}

/** Makes a case that runs on this target with a world of its own. */
export function bindCase(one: CaseHead, target: ServerTarget, check: (world: World) => Promise<void>): ConformanceCase {
  const reason = skipReason(one, target);
  return {
    name: one.name,
    needs: one.needs,
    refuses: (one.refuses ?? []).filter((feature) => target.features[feature].level === "unsupported"),
    timeout: one.timeout ?? 30_000,
    ...(reason === undefined ? {} : { skip: reason }),
    async run(context: RunContext): Promise<void> {
      const duration = one.lease === "short" ? (target.leaseDuration ?? 1000) : longLease;
      const world = new World(target, context.namespace, duration);
      try {
        await check(world);
        world.end();
      } catch (error) {
        if (!(error instanceof CaseSkipped)) throw error;
        context.skip(error.message);
      } finally {
        await world.close();
      }
    },
  };
}
