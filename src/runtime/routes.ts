import type { ActorPlan } from "../contract/actor-plan.ts";
import { fillAddress } from "../contract/channel.ts";
import type { RoutableMessage } from "../contract/routing.ts";
import { findHeader } from "../internal/headers.ts";
import { DuplicateNameError, OptionError } from "../server/errors.ts";

/** Finds the actor of a message: the first registered one of its channel that matches. */
export interface Routes {
  readonly channels: readonly string[];
  find(message: RoutableMessage): ActorPlan | undefined;
}

interface Lane {
  /** Index of the plan that a topic selects, by the header that carries it; nearly always there is one header. */
  readonly topics: { readonly header: string; readonly places: Map<string, number> }[];
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
  let topics = lane.topics.find((candidate) => candidate.header === header);
  if (topics === undefined) {
    topics = { header, places: new Map() };
    lane.topics.push(topics);
  }
  if (topics.places.has(plan.topic)) {
    throw new DuplicateNameError(
      `Two actors of channel ${plan.channel.address} have the topic ${plan.topic}: the second would never run.`,
    );
  }
  topics.places.set(plan.topic, place);
}

/** A routing function that throws wants nothing; it must keep the message neither from other actors nor in the channel. */
function isFor(
  plan: ActorPlan,
  message: RoutableMessage,
  header: string | false,
  onError: (plan: ActorPlan, error: unknown) => void,
): boolean {
  try {
    return plan.matches(message, header);
  } catch (error) {
    onError(plan, error);
    return false;
  }
}

/** Topics are looked up, everything else is tried in order. Errors: `DuplicateNameError`, `OptionError`. */
export function createRoutes(
  plans: readonly ActorPlan[],
  server: string,
  topicHeader: string | false,
  onError: (plan: ActorPlan, error: unknown) => void,
): Routes {
  const lanes = new Map<string, Lane>();
  for (const plan of plans) {
    const address = fillAddress(plan.channel, undefined);
    let lane = lanes.get(address);
    if (lane === undefined) {
      lane = { topics: [], tried: [], plans: [] };
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
      for (let i = 0; i < lane.topics.length; i += 1) {
        const { header, places } = lane.topics[i] as Lane["topics"][number];
        const topic = findHeader(message.headers, header);
        const place = topic === undefined ? undefined : places.get(topic);
        if (place !== undefined && place < best) best = place;
      }
      for (let i = 0; i < lane.tried.length; i += 1) {
        const { place, plan, header } = lane.tried[i] as Lane["tried"][number];
        if (place > best) break;
        if (isFor(plan, message, header, onError)) return plan;
      }
      return best === Number.POSITIVE_INFINITY ? undefined : lane.plans[best];
    },
  };
}
