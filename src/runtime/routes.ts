import type { ActorPlan } from "../contract/actor-plan.ts";
import type { RoutableMessage } from "../contract/routing.ts";
import { findHeader } from "../internal/headers.ts";
import { DuplicateNameError, OptionError } from "../server/errors.ts";

/** Finds the actor of a message: the first registered one of its channel that matches. */
export interface Routes {
  readonly channels: readonly string[];
  find(message: RoutableMessage): ActorPlan | undefined;
}

interface Lane {
  /** Index of the plan that a topic selects, under the name of the header that carries it. */
  readonly topics: Map<string, Map<string, number>>;
  /** Plans that must be tried one by one, with their place in the order of registration. */
  readonly tried: { readonly place: number; readonly plan: ActorPlan; readonly header: string | false }[];
  readonly plans: ActorPlan[];
}

function addToLane(lane: Lane, plan: ActorPlan, header: string | false, server: string): void {
  const place = lane.plans.push(plan) - 1;
  if (!plan.byTopic) {
    lane.tried.push({ place, plan, header });
    return;
  }
  if (header === false) {
    throw new OptionError(
      `Actor ${plan.name} on server ${server} has no topic header and no routing of its own: it would get nothing.`,
    );
  }
  let topics = lane.topics.get(header);
  if (topics === undefined) {
    topics = new Map();
    lane.topics.set(header, topics);
  }
  if (topics.has(plan.topic)) {
    throw new DuplicateNameError(
      `Two actors of channel ${plan.channel.address} have the topic ${plan.topic}: the second would never run.`,
    );
  }
  topics.set(plan.topic, place);
}

/** Topics are looked up, everything else is tried in order. Errors: `DuplicateNameError`, `OptionError`. */
export function createRoutes(plans: readonly ActorPlan[], server: string, topicHeader: string | false): Routes {
  const lanes = new Map<string, Lane>();
  for (const plan of plans) {
    const address = plan.channel.address;
    let lane = lanes.get(address);
    if (lane === undefined) {
      lane = { topics: new Map(), tried: [], plans: [] };
      lanes.set(address, lane);
    }
    addToLane(lane, plan, plan.topicHeader ?? topicHeader, server);
  }
  return {
    channels: [...lanes.keys()],
    find(message) {
      const lane = lanes.get(message.channel);
      if (lane === undefined) return undefined;
      let best = Number.POSITIVE_INFINITY;
      for (const [header, topics] of lane.topics) {
        const topic = findHeader(message.headers, header);
        const place = topic === undefined ? undefined : topics.get(topic);
        if (place !== undefined && place < best) best = place;
      }
      for (const { place, plan, header } of lane.tried) {
        if (place > best) break;
        if (plan.matches(message, header)) return plan;
      }
      return best === Number.POSITIVE_INFINITY ? undefined : lane.plans[best];
    },
  };
}
