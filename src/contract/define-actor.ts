import type { Awaitable } from "../internal/awaitable.ts";
import type { Duration } from "../internal/duration.ts";
import { OptionError } from "../server/errors.ts";
import { choiceOption, durationOption, integerOption, nameOption, shownValue } from "../server/option.ts";
import { checkSchemas, type MaybeSchema } from "../server/schema.ts";
import type { ActorDefaults, ActorDefinition, Confirmation, Context, ErasedOptions } from "./actor.ts";
import type { Channel } from "./channel.ts";
import type { Dependencies, Dependency } from "./dependency.ts";
import type { Operation, OperationDocs } from "./operation.ts";
import { compileRetry, type RetryOption } from "./retry.ts";
import { topicHeaderOption, topicOption } from "./topic.ts";

const confirmations: readonly Confirmation[] = ["auto", "alwaysAck", "ackFirst", "manual", "explicit"];
const outcomes = ["ack", "nack", "reject"] as const;

interface GivenConfig extends OperationDocs {
  readonly name?: string | undefined;
  readonly topic?: string | undefined;
  readonly topicHeader?: string | false | undefined;
  readonly channel?: string | Channel | undefined;
  readonly payload?: MaybeSchema;
  readonly headers?: MaybeSchema;
  readonly reply?: MaybeSchema;
  readonly operation?: unknown;
  readonly deps?: unknown;
}

/** Checks the options that actors and routers share. */
export function checkActor(what: string, options: ActorDefaults & { readonly retry?: RetryOption | undefined }): void {
  const { timeout, keepAlive, deliveryLimit, retry } = options;
  if (timeout !== undefined) durationOption(`timeout of ${what}`, timeout, { infinite: true });
  if (typeof keepAlive === "number" || typeof keepAlive === "string") {
    durationOption(`keepAlive of ${what}`, keepAlive, { min: 50 });
  }
  if (deliveryLimit !== undefined) {
    integerOption(`deliveryLimit of ${what}`, deliveryLimit, { min: 1, infinite: true });
  }
  if (retry !== undefined) compileRetry(retry);
}

function checkOutcomes(name: string, options: ErasedOptions): void {
  const { confirmation = "auto", onError, onInvalid, onTimeout } = options;
  choiceOption(`confirmation of actor ${name}`, confirmation, confirmations);
  if ((confirmation === "alwaysAck" || confirmation === "ackFirst") && (onError ?? onTimeout) !== undefined) {
    throw new OptionError(`Actor ${name}: onError and onTimeout have no effect with confirmation "${confirmation}".`);
  }
  if (confirmation === "ackFirst" && onInvalid !== undefined) {
    throw new OptionError(`Actor ${name}: onInvalid has no effect with confirmation "ackFirst".`);
  }
  if (typeof onError === "string") {
    const manual = confirmation === "manual" || confirmation === "explicit";
    choiceOption(`onError of actor ${name}`, onError, [...outcomes, "retry", ...(manual ? (["none"] as const) : [])]);
  }
  if (typeof onError === "object")
    durationOption(`onError.retryAfter of actor ${name}`, onError?.retryAfter as Duration);
  else if (onError !== undefined && typeof onError !== "string" && typeof onError !== "function") {
    throw new OptionError(
      `Expected onError of actor ${name} to be an outcome or a function, got ${shownValue(onError)}.`,
    );
  }
  if (typeof onInvalid === "string") choiceOption(`onInvalid of actor ${name}`, onInvalid, outcomes);
  if (onTimeout !== undefined) choiceOption(`onTimeout of actor ${name}`, onTimeout, [...outcomes, "retry"]);
}

/** Writes an actor down with its types erased: from here on nothing is generic. */
export function defineActor(config: object, handler: (context: never) => Awaitable<unknown>): ActorDefinition {
  // The public signature has typed these; the names of the fields are the same in all its variants.
  const { name, topic, topicHeader, channel, payload, headers, reply, deps, ...rest } = config as GivenConfig;
  const operation = (config as GivenConfig).operation as Operation | undefined;
  const options = config as ErasedOptions;
  const { title, summary, description, tags, externalDocs, examples, bindings } = rest;
  const { messageBindings, security, deprecated, correlationId, message, traits, messageTraits } = rest;
  const given = { title, summary, description, tags, externalDocs, examples, bindings };
  const more = { messageBindings, security, deprecated, correlationId, message, traits, messageTraits };
  const actorName = nameOption("actor name", name ?? operation?.name);
  if (typeof handler !== "function") {
    throw new OptionError(`Actor ${actorName} needs a function as second argument, got ${typeof handler}.`);
  }
  if (operation !== undefined && (channel ?? payload ?? headers ?? reply ?? topic) !== undefined) {
    throw new OptionError(`Actor ${actorName}: channel, topic, payload, headers and reply come from its operation.`);
  }
  checkActor(`actor ${actorName}`, options);
  checkSchemas(`actor ${actorName}`, { payload, headers, reply });
  for (const [key, one] of Object.entries(deps ?? {})) {
    if ((one as Partial<Dependency> | undefined)?.["~kind"] !== "dependency") {
      throw new OptionError(`${key} of actor ${actorName} is not a dependency: make it with defineDependency().`);
    }
  }
  if (channel === "") nameOption(`channel of actor ${actorName}`, channel);
  checkOutcomes(actorName, options);
  const docs = Object.fromEntries(Object.entries({ ...given, ...more }).filter(([, value]) => value !== undefined));
  return {
    name: actorName,
    topic: operation?.topic ?? topicOption(`topic of actor ${actorName}`, topic ?? actorName),
    topicHeader: operation?.topicHeader ?? topicHeaderOption(`topicHeader of actor ${actorName}`, topicHeader),
    operation,
    channel: operation?.channel ?? channel,
    schemas: operation?.schemas ?? { payload, headers, reply },
    deps: (deps as Dependencies | undefined) ?? {},
    options:
      operation?.codec !== undefined && options.codec === undefined ? { ...options, codec: operation.codec } : options,
    docs: { ...operation?.docs, ...docs },
    // The leaf of the plan gives it a context made from these very schemas and dependencies.
    handler: handler as (context: Context) => Awaitable<unknown>,
  };
}
