import type { ActorPlan } from "../contract/actor-plan.ts";
import { CapabilityError } from "../server/errors.ts";
import type { BrokerServer } from "../server/server.ts";
import { requireWithin } from "./publish-options.ts";

/** Refuses at the start what would fail at the first bad message: actors that ask for what their server cannot do. */
export function checkPlans(plans: readonly ActorPlan[], name: string, server: BrokerServer): void {
  const { features } = server;
  for (const plan of plans) {
    if (plan.policy.retry !== undefined && plan.policy.retry.attempts > 1) {
      const what = `the retry policy of actor ${plan.name}`;
      requireWithin(name, features, "retryDelay", what, plan.policy.retry.backoff.longest ?? 0);
    }
    if (plan.keepAlive !== undefined && plan.keepAlive > 0 && features.lease.level === "unsupported") {
      throw new CapabilityError(
        name,
        "lease",
        `Server ${name} does not lease messages: leave keepAlive of actor ${plan.name} out.`,
      );
    }
  }
}
