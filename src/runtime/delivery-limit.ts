import type { ActorPlan } from "../contract/actor-plan.ts";

/** Deliveries beyond the attempts of a retry policy that are no reason to call a message poison yet. */
const lostWorkers = 3;

/** A retry policy must be able to use up its attempts, even when a few workers are lost on the way. */
export function deliveryLimitOf(plan: ActorPlan, fallback: number): number {
  const limit = plan.deliveryLimit ?? fallback;
  const { retry } = plan.policy;
  return retry === undefined ? limit : Math.max(limit, retry.attempts + lostWorkers);
}
