import type { Feature, FeatureName, Features } from "../../server/features.ts";

type Missing = "broadcast" | "transactionalSend";

export type SqliteFeatures = Readonly<
  Record<Exclude<FeatureName, Missing>, Feature & { readonly level: "native" }> &
    Record<Missing, Feature & { readonly level: "unsupported" }>
>;

/** What the SQLite server can do. `deadLetter: false` turns the dead letters of an instance off. */
const sqliteFeatures: SqliteFeatures = {
  delay: { level: "native" },
  retryDelay: { level: "native" },
  reject: { level: "native" },
  priority: { level: "native", note: "All of 0 to 100 are told apart; first in, first out inside one priority." },
  deadLetter: { level: "native", note: "A state of the same row: no second write that could get lost." },
  deliveryCount: { level: "native" },
  lease: { level: "native", note: "A column of the row; taken over by any process on the file once it has run out." },
  expiry: { level: "native", note: "An expired message is removed when it is its turn, or by the sweep." },
  dedupe: { level: "native", note: "Keys count per channel." },
  ordering: {
    level: "native",
    note: "First in, first out inside one channel and priority; rejected and delayed messages join at the end.",
  },
  broadcast: { level: "unsupported", note: "Subscriptions of one channel compete for its messages." },
  requestReply: { level: "native", note: "Replies that nobody fetched are removed after an hour." },
  atomicReply: { level: "native", note: "Reply and removal of the request are one transaction." },
  batchPublish: { level: "native" },
  pause: { level: "native" },
  inspect: { level: "native" },
  purge: { level: "native" },
  transactionalSend: {
    level: "unsupported",
    note: "The server has a connection and a file of its own; a transaction of yours cannot span both.",
  },
  durable: {
    level: "native",
    note: 'Confirmed messages survive the end of any process, and a power cut with synchronous: "full" (the default).',
  },
};

const withoutDeadLetters: Features = {
  ...sqliteFeatures,
  deadLetter: { level: "unsupported", note: "Turned off: deadLetter is false." },
};

export function featuresFor(keepsDead: boolean): SqliteFeatures {
  // The literal type is the upper bound by contract; a smaller set has no type of its own.
  return keepsDead ? sqliteFeatures : (withoutDeadLetters as Features as SqliteFeatures);
}
