import type { DedupeOption } from "../contract/send.ts";
import type { Clock } from "../internal/clock.ts";
import { type Duration, parseDuration } from "../internal/duration.ts";
import { CapabilityError, OptionError } from "../server/errors.ts";
import type { FeatureName, Features } from "../server/features.ts";
import { choiceOption, durationOption, integerOption, nameOption, shownValue } from "../server/option.ts";
import type { PublishOptions } from "../server/server.ts";

/** Scheduling options as the caller gave them, types erased. */
export interface GivenScheduling {
  readonly delay?: Duration;
  readonly at?: Date | number;
  readonly priority?: number;
  readonly expiresIn?: Duration;
  readonly dedupe?: DedupeOption;
  readonly params?: object | undefined;
}

const alternatives: Partial<Record<FeatureName, string>> = {
  delay: "Send it later yourself, or use a server that can delay (memory, sqlite).",
  retryDelay: 'Leave `retry` out and use onError "reject", or use a server that can delay.',
  priority: "Use one channel per priority, or a server with priorities.",
  expiry: "Put a deadline into the payload and check it in the actor, or use a server with expiry.",
  dedupe: "Make the actor idempotent, or use a server that removes duplicates.",
  requestReply: "Send with `replyTo` to a channel that you read yourself.",
  deadLetter: "Use a server that keeps dead letters.",
};

/** Refuses what a server cannot do, at the call and by name, instead of ignoring it. */
export function requireFeature(server: string, features: Features, name: FeatureName, what: string): void {
  if (features[name].level !== "unsupported") return;
  const hint = alternatives[name] ?? "Use a server that supports it.";
  throw new CapabilityError(server, name, `Server ${server} cannot do this: ${what} needs "${name}". ${hint}`);
}

export function requireWithin(
  server: string,
  features: Features,
  name: FeatureName,
  what: string,
  given: number,
): void {
  requireFeature(server, features, name, what);
  const { max } = features[name];
  const limit = max === undefined ? undefined : parseDuration(max);
  if (limit !== undefined && given > limit) {
    throw new CapabilityError(server, name, `Server ${server} allows ${what} up to ${limit} ms, got ${given} ms.`);
  }
}

function delayOf(given: GivenScheduling, clock: Clock): number | undefined {
  if (given.at === undefined) return given.delay === undefined ? undefined : durationOption("delay", given.delay);
  if (given.delay !== undefined) throw new OptionError("Give either delay or at, not both.");
  const at: unknown = given.at instanceof Date ? given.at.getTime() : given.at;
  if (typeof at !== "number" || !Number.isFinite(at)) {
    throw new OptionError(`Expected at to be a Date or milliseconds since 1970, got ${shownValue(given.at)}.`);
  }
  return Math.max(0, Math.ceil(at - clock.now()));
}

/** Refuses options, already in their final form, that the server cannot honour. */
export function checkOptions(server: string, features: Features, options: PublishOptions): void {
  const { delay, priority, expiresIn, dedupe } = options;
  if (delay !== undefined && delay > 0) requireWithin(server, features, "delay", "delay", delay);
  if (priority !== undefined) {
    requireFeature(server, features, "priority", "priority");
    integerOption("priority", priority, { min: 0, max: 100 });
  }
  if (expiresIn !== undefined) requireWithin(server, features, "expiry", "expiresIn", expiresIn);
  if (dedupe !== undefined) requireWithin(server, features, "dedupe", "dedupe.window", dedupe.window);
}

/** Checks scheduling options against the server; `undefined` when there is nothing to say, which is the common case. */
export function publishOptions(
  server: string,
  features: Features,
  given: GivenScheduling | undefined,
  clock: Clock,
): PublishOptions | undefined {
  if (given === undefined) return undefined;
  const { priority, expiresIn, dedupe, params } = given;
  const delay = delayOf(given, clock);
  if (delay === undefined && priority === undefined && expiresIn === undefined && dedupe === undefined) {
    return params === undefined ? undefined : { params };
  }
  const options: { -readonly [K in keyof PublishOptions]: PublishOptions[K] } = {};
  if (delay !== undefined && delay > 0) options.delay = delay;
  if (priority !== undefined) options.priority = priority;
  if (expiresIn !== undefined) options.expiresIn = durationOption("expiresIn", expiresIn, { min: 1 });
  if (dedupe !== undefined) {
    const window = durationOption("dedupe.window", dedupe.window, { min: 1 });
    const onDuplicate = choiceOption("dedupe.onDuplicate", dedupe.onDuplicate ?? "ignore", ["ignore", "throw"]);
    options.dedupe = { key: nameOption("dedupe.key", dedupe.key), window, onDuplicate };
  }
  checkOptions(server, features, options);
  if (params !== undefined) options.params = params;
  return options;
}
