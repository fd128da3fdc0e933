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

/** A typing error in the name of a skipped case must not go unseen. Names of the other suite's groups are its concern. */
function checkSkips(cases: readonly CaseHead[], target: ServerTarget): void {
  const group = (name: string): string => name.split(":", 1)[0] ?? "";
  const groups = new Set(cases.map(({ name }) => group(name)));
  const unknown = Object.keys(target.skip ?? {}).filter(
    (name) => groups.has(group(name)) && cases.every((one) => one.name !== name),
  );
  if (unknown.length > 0) throw new TypeError(`Cannot skip cases that do not exist: ${unknown.join("; ")}`);
}

/** Makes cases that run on this target, each in a world of its own. */
export function bindCases<C extends CaseHead>(
  cases: readonly C[],
  target: ServerTarget,
  check: (one: C, world: World) => Promise<void>,
): ConformanceCase[] {
  checkSkips(cases, target);
  return cases.map((one) => bindCase(one, target, (world) => check(one, world)));
}

function bindCase(one: CaseHead, target: ServerTarget, check: (world: World) => Promise<void>): ConformanceCase {
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
        const missing = world.shrunk(one.needs);
        if (missing !== undefined) context.skip(`${target.name} found at connect that it cannot ${missing}`);
        else if (error instanceof CaseSkipped) context.skip(error.message);
        else throw error;
      } finally {
        await world.close();
      }
    },
  };
}
