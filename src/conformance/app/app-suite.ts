import { bindCases } from "../bind-case.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import type { ServerTarget } from "../server-target.ts";
import type { AppCase } from "./app-case.ts";
import { AppWorld } from "./app-world.ts";
import { capability } from "./cases/capability.ts";
import { outcomes } from "./cases/outcomes.ts";
import { requests } from "./cases/requests.ts";
import { retries } from "./cases/retries.ts";
import { scheduling } from "./cases/scheduling.ts";
import { stopping } from "./cases/stopping.ts";
import { takeover } from "./cases/takeover.ts";
import { unrouted } from "./cases/unrouted.ts";
import { working } from "./cases/working.ts";

const groups: readonly (readonly AppCase[])[] = [
  working,
  outcomes,
  retries,
  unrouted,
  requests,
  scheduling,
  capability,
  stopping,
  takeover,
];

/**
 * What apps are promised, checked over the public surface on one server. Needs real time: a target with a virtual clock
 * cannot run it.
 *
 * @example defineTests(appSuite(target), { describe, it });
 */
export function appSuite(target: ServerTarget): ConformanceCase[] {
  return bindCases(groups.flat(), target, async (one, world) => {
    const apps = new AppWorld(world);
    await apps.open();
    try {
      await one.check(apps);
    } finally {
      await apps.close();
    }
  });
}
