import type { Feature, FeatureName, Features } from "../../server/features.ts";

type Emulated = "delay" | "retryDelay" | "priority" | "deadLetter" | "expiry" | "dedupe" | "requestReply" | "purge";
type Missing = "broadcast" | "transactionalSend";

export type RedisFeatures = Readonly<
  Record<Emulated, Feature & { readonly level: "emulated" }> &
    Record<Missing, Feature & { readonly level: "unsupported" }> &
    Record<Exclude<FeatureName, Emulated | Missing>, Feature & { readonly level: "native" }>
>;

/** What the Redis server can do. `deadLetter: false` turns the dead letters of an instance off. */
const redisFeatures: RedisFeatures = {
  delay: { level: "emulated", note: "A sorted set; any worker of the channel moves what is due, atomically." },
  retryDelay: { level: "emulated", note: "As delay." },
  reject: { level: "native", note: "The message joins the end of its stream, one step with the settling." },
  priority: {
    level: "emulated",
    note: "A stream per level, by default those of the named priorities; lower ones get one message in sixteen.",
  },
  deadLetter: { level: "emulated", note: "A stream of its own; written in one step with the settling." },
  deliveryCount: { level: "native" },
  lease: { level: "native", note: "Idle time of the pending entry; any worker takes over what is not renewed." },
  expiry: { level: "emulated", note: "An expired message is removed when it is its turn." },
  dedupe: { level: "emulated", note: "A key per dedupe key, which expires. Keys count per channel." },
  ordering: {
    level: "native",
    note: "First in, first out inside one channel and level; rejected and delayed messages join at the end.",
  },
  broadcast: { level: "unsupported", note: "Workers of one group compete for the messages." },
  requestReply: { level: "emulated", note: "A stream per requester, which expires after an hour without use." },
  atomicReply: { level: "native", note: "Reply and settling of the request are one script." },
  batchPublish: { level: "native", note: "One pipeline." },
  pause: { level: "native" },
  inspect: { level: "native" },
  purge: { level: "emulated" },
  transactionalSend: { level: "unsupported" },
  durable: {
    level: "native",
    note: "As durable as Redis is: with appendonly yes and appendfsync always nothing confirmed is lost.",
  },
};

/** What a server with these options can do. */
export function featuresFor(keepsDead: boolean, isCluster: boolean): RedisFeatures {
  const features: Features = {
    ...redisFeatures,
    ...(keepsDead ? {} : { deadLetter: { level: "unsupported", note: "Turned off: deadLetter is false." } }),
    ...(isCluster
      ? { atomicReply: { level: "unsupported", note: "Request and reply live on different nodes of a cluster." } }
      : {}),
  };
  // The literal type is the upper bound by contract; a smaller set has no type of its own.
  return features as RedisFeatures;
}
