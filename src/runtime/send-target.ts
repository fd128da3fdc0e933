import type { ActorPlan } from "../contract/actor-plan.ts";
import type { Channel } from "../contract/channel.ts";
import type { Codec } from "../contract/codec.ts";
import type { Dependencies } from "../contract/dependency.ts";
import type { Operation } from "../contract/operation.ts";
import type { AnySchema, MaybeSchema } from "../server/schema.ts";

/** What the producer needs to know of an operation or actor; computed once for each. */
export interface SendTarget {
  readonly name: string;
  readonly channel: Channel;
  readonly topic: string;
  readonly topicHeader: string | false | undefined;
  readonly payloads: readonly AnySchema[];
  readonly headers: readonly AnySchema[];
  readonly reply: MaybeSchema;
  readonly codec: Codec | undefined;
  /** The server that the actor is bound to. */
  readonly server: string | undefined;
}

function collect(deps: Dependencies, part: "payload" | "headers", into: Set<AnySchema>): void {
  for (const dependency of Object.values(deps)) {
    const definition = dependency["~definition"];
    const schema = definition[part];
    if (schema !== undefined) into.add(schema);
    collect(definition.deps, part, into);
  }
}

function schemas(own: MaybeSchema, deps: Dependencies, part: "payload" | "headers"): readonly AnySchema[] {
  const all = new Set<AnySchema>(own === undefined ? [] : [own]);
  collect(deps, part, all);
  return [...all];
}

export function targetOfOperation(operation: Operation): SendTarget {
  const { name, channel, topic, topicHeader, codec } = operation;
  return {
    name,
    channel,
    topic,
    topicHeader,
    payloads: schemas(operation.schemas.payload, {}, "payload"),
    headers: schemas(operation.schemas.headers, {}, "headers"),
    reply: operation.schemas.reply,
    codec,
    server: undefined,
  };
}

export function targetOfPlan(plan: ActorPlan): SendTarget {
  const { deps } = plan.definition;
  return {
    name: plan.name,
    channel: plan.channel,
    topic: plan.topic,
    topicHeader: plan.topicHeader,
    payloads: schemas(plan.schemas.payload, deps, "payload"),
    headers: schemas(plan.schemas.headers, deps, "headers"),
    reply: plan.schemas.reply,
    codec: plan.codec,
    server: plan.server,
  };
}
