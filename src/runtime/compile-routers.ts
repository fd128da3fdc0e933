import type { ActorPlan } from "../contract/actor-plan.ts";
import type { ActorMiddleware } from "../contract/middleware.ts";
import type { Router } from "../contract/router.ts";
import { compileActor, type InheritedDefaults, type PlanEnvironment } from "./compile-actor.ts";

/** Options without those that are `undefined`, so that spreading them cannot hide an inherited value. */
function given<T extends object>(options: T): InheritedDefaults & T {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as InheritedDefaults & T;
}

/**
 * Walks the tree of routers depth first, in the order of registration. The nearest default wins; middleware adds up,
 * outermost first. A router that two others include gives its actors twice, each with its own defaults.
 */
export function compileRouters(root: Router<boolean>, environment: PlanEnvironment): ActorPlan[] {
  const plans: ActorPlan[] = [];
  const visit = (router: Router<boolean>, outer: InheritedDefaults, outside: readonly ActorMiddleware[]): void => {
    const own = router["~options"];
    const inherited: InheritedDefaults = { ...outer, ...given(own) };
    const middleware = [...outside, ...(own.middleware ?? [])];
    for (const entry of router["~entries"]) {
      if (entry.kind === "router") {
        visit(entry.router, inherited, middleware);
        continue;
      }
      const { actor } = entry;
      const chain = [...middleware, ...(actor.options.middleware ?? [])];
      plans.push(compileActor({ ...actor, options: given(actor.options) }, inherited, chain, environment));
    }
  };
  visit(root, {}, []);
  return plans;
}
