import { deadLetters } from "./cases/deadletters.ts";
import { dedupe } from "./cases/dedupe.ts";
import { delay } from "./cases/delay.ts";
import { expiry } from "./cases/expiry.ts";
import { flow } from "./cases/flow.ts";
import { headers } from "./cases/headers.ts";
import { honesty } from "./cases/honesty.ts";
import { inspect } from "./cases/inspect.ts";
import { lease } from "./cases/lease.ts";
import { lifecycle } from "./cases/lifecycle.ts";
import { load } from "./cases/load.ts";
import { priority } from "./cases/priority.ts";
import { publish } from "./cases/publish.ts";
import { redeliver } from "./cases/redeliver.ts";
import { reply } from "./cases/reply.ts";
import { settle } from "./cases/settle.ts";
import { CaseSkipped, type ConformanceCase, type RunContext } from "./conformance-case.ts";
import type { ServerCase } from "./server-case.ts";
import type { ServerTarget } from "./server-target.ts";
import { World } from "./world.ts";

const groups: readonly (readonly ServerCase[])[] = [
  honesty,
  lifecycle,
  publish,
  headers,
  settle,
  redeliver,
  flow,
  lease,
  delay,
  priority,
  expiry,
  dedupe,
  deadLetters,
  reply,
  inspect,
  load,
];

/** Long enough that no lease runs out in a case that is not about leases. */
const longLease = 60_000;

/** Why a case does not run on this target, decided by what the server declares. */
function skipReason(one: ServerCase, target: ServerTarget): string | undefined {
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

function bindCase(one: ServerCase, target: ServerTarget): ConformanceCase {
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
        await one.check(world);
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

/**
 * The promises of the adapter contract as cases, for any test runner. A server that passes all that are not skipped
 * can stand behind `createApp`.
 *
 * @example defineTests(serverSuite(target), { describe, it });
 */
export function serverSuite(target: ServerTarget): ConformanceCase[] {
  const cases = groups.flat();
  const unknown = Object.keys(target.skip ?? {}).filter((name) => cases.every((one) => one.name !== name));
  if (unknown.length > 0) throw new TypeError(`Cannot skip cases that do not exist: ${unknown.join("; ")}`);
  return cases.map((one) => bindCase(one, target));
}
