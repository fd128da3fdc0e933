import type { Duration } from "../internal/duration.ts";

export const featureNames = [
  "delay",
  "retryDelay",
  "reject",
  "priority",
  "deadLetter",
  "deliveryCount",
  "lease",
  "expiry",
  "dedupe",
  "ordering",
  "broadcast",
  "requestReply",
  "atomicReply",
  "batchPublish",
  "pause",
  "inspect",
  "purge",
  "transactionalSend",
  "durable",
] as const;

export type FeatureName = (typeof featureNames)[number];

/** `native`: the broker does it. `emulated`: our adapter does it, with the same promise. `unsupported`: it is refused. */
export type FeatureLevel = "native" | "emulated" | "unsupported";

export interface Feature {
  readonly level: FeatureLevel;
  /** Longest value for features that are a length of time (`delay`, `retryDelay`, `dedupe`). */
  readonly max?: Duration;
  /** One sentence for the capability matrix. */
  readonly note?: string;
}

/** What a server can do. Literal types make asking for an unsupported feature a compile error. */
export type Features = Readonly<Record<FeatureName, Feature>>;
