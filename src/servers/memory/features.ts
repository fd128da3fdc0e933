import { type Feature, type FeatureName, type Features, featureNames } from "../../server/features.ts";

type Missing = "broadcast" | "transactionalSend" | "durable";

/** What the memory server can do: everything but three. */
export type MemoryFeatures = Readonly<
  Record<Exclude<FeatureName, Missing>, Feature & { readonly level: "native" }> &
    Record<Missing, Feature & { readonly level: "unsupported" }>
>;

const memoryFeatures: MemoryFeatures = {
  delay: { level: "native" },
  retryDelay: { level: "native" },
  reject: { level: "native" },
  priority: { level: "native", note: "All of 0 to 100 are told apart; first in, first out inside one priority." },
  deadLetter: { level: "native", note: "Kept in the same process, 100,000 per channel unless said otherwise." },
  deliveryCount: { level: "native" },
  lease: { level: "native" },
  expiry: { level: "native", note: "An expired message is removed when it is its turn to be delivered." },
  dedupe: { level: "native", note: "Keys count per channel." },
  ordering: {
    level: "native",
    note: "First in, first out inside one channel and priority; rejected and delayed messages join at the end.",
  },
  broadcast: { level: "unsupported", note: "Subscriptions of one channel compete for its messages." },
  requestReply: { level: "native" },
  atomicReply: { level: "native" },
  batchPublish: { level: "native" },
  pause: { level: "native" },
  inspect: { level: "native" },
  purge: { level: "native" },
  transactionalSend: { level: "unsupported", note: "There is no database to share a transaction with." },
  durable: { level: "unsupported", note: "Everything dies with the process." },
};

/** Features may only shrink: what the memory server cannot do stays unsupported, whatever the override says. */
export function shrinkFeatures(override: Partial<Features> | undefined, keepsDead: boolean): MemoryFeatures {
  if (override === undefined && keepsDead) return memoryFeatures;
  const features: Record<string, Feature> = {};
  for (const name of featureNames) {
    const own: Feature = memoryFeatures[name];
    features[name] = own.level === "unsupported" ? own : (override?.[name] ?? own);
  }
  if (!keepsDead) features["deadLetter"] = { level: "unsupported", note: "Turned off: deadLetter is false." };
  // The literal type is the upper bound by contract; a smaller set has no type of its own.
  return features as Features as MemoryFeatures;
}
