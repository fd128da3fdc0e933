import type { Feature, FeatureName, Features } from "../../../server/features.ts";

type Native = "ordering" | "batchPublish" | "pause" | "purge" | "durable";

/** What a list can do. `reject` is unsupported where the frame carries no headers. */
export type RedisListFeatures = Readonly<
  Record<Native, Feature & { readonly level: "native" }> &
    Record<"reject", Feature & { readonly level: "emulated" }> &
    Record<Exclude<FeatureName, Native | "reject">, Feature & { readonly level: "unsupported" }>
>;

const missing = { level: "unsupported" } as const;

const listFeatures: RedisListFeatures = {
  delay: missing,
  retryDelay: missing,
  reject: { level: "emulated", note: "The message is pushed to the end of its list again." },
  priority: missing,
  deadLetter: { level: "unsupported", note: "A failed message is dropped, with the event message.dropped." },
  deliveryCount: missing,
  lease: { level: "unsupported", note: "A message is gone from the list when it is handed out: at most once." },
  expiry: missing,
  dedupe: missing,
  ordering: {
    level: "native",
    note: "First in, first out; rejected messages join at the end, those nobody started go back to the front.",
  },
  broadcast: { level: "unsupported", note: "Workers of one list compete for the messages." },
  requestReply: missing,
  atomicReply: missing,
  batchPublish: { level: "native", note: "One RPUSH: all or none." },
  pause: { level: "native" },
  inspect: { level: "unsupported", note: "Redis does not know what workers hold. LLEN tells what waits." },
  purge: { level: "native" },
  transactionalSend: missing,
  durable: { level: "native", note: "While it waits, as durable as Redis is. What a killed worker had taken is lost." },
};

export function listFeaturesFor(carriesHeaders: boolean): RedisListFeatures {
  if (carriesHeaders) return listFeatures;
  const note = "The frame has no place for counts: a rejected message is dropped, unless nobody had started it.";
  const features: Features = { ...listFeatures, reject: { level: "unsupported", note } };
  // The literal type is the upper bound by contract; a smaller set has no type of its own.
  return features as RedisListFeatures;
}
