import type { ActorPlan } from "../contract/actor-plan.ts";
import type { ActorMiddleware } from "../contract/middleware.ts";
import type { Router } from "../contract/router.ts";
import { compileActor, given, type InheritedDefaults, type PlanEnvironment } from "./compile-actor.ts";

/**
 * Walks the tree of routers depth first, in the order of registration. The nearest default wins; middleware adds up,
 * outermost first. A router that two others include gives its actors twice, each with its own defaults.
 */
export function compileRouters(root: Router<boolean>, environment: PlanEnvironment): ActorPlan[] {
  const plans: ActorPlan[] = [];
  const visit = (router: Router<boolean>, outer: InheritedDefaults, outside: readonly ActorMiddleware[]): void => {
    const own = router["~options"];
    const inherited: InheritedDefaults = { ...outer, ...given(own as InheritedDefaults) };
    const middleware = [...outside, ...(own.middleware ?? [])];
    for (const entry of router["~entries"]) {
      if (entry.kind === "router") {
        visit(entry.router, inherited, middleware);
        continue;
      }
      const { actor } = entry;
      const chain = [...middleware, ...(actor.options.middleware ?? [])];
      plans.push(compileActor(actor, inherited, chain, environment));
    }
  };
  visit(root, {}, []);
  return plans;
}
