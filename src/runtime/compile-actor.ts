import type { ActorDefaults, ActorDefinition, Context, ErasedOptions } from "../contract/actor.ts";
import type { ActorPlan, RunnableMessage } from "../contract/actor-plan.ts";
import { type Channel, defaultChannel, toChannel } from "../contract/channel.ts";
import { createDecoder } from "../contract/content-type.ts";
import type { Dependencies, Dependency, DependencyDefinition } from "../contract/dependency.ts";
import { jsonCodec } from "../contract/json-codec.ts";
import { type ActorCall, type ActorInfo, type ActorMiddleware, composeActor } from "../contract/middleware.ts";
import { compileRetry, type RetryOption } from "../contract/retry.ts";
import { byTopic } from "../contract/routing.ts";
import type { Send } from "../contract/send.ts";
import { type Awaitable, isPromise, silence } from "../internal/awaitable.ts";
import type { MessageHeaders } from "../internal/headers.ts";
import { OptionError } from "../server/errors.ts";
import { durationOption } from "../server/option.ts";
import { type MaybeSchema, validate } from "../server/schema.ts";
import { DependencyScope, noDependencies } from "./dependency-scope.ts";
import { readHeaders, readPayload, validatePayload } from "./message-input.ts";

/** What plans need of the app they are compiled for. */
export interface PlanEnvironment {
  readonly appScope: DependencyScope;
  readonly overrides: ReadonlyMap<Dependency, DependencyDefinition["resolve"]>;
  readonly maxPayloadBytes: number;
  onDisposeError(error: unknown): void;
}

/** Defaults with everything that the routers around an actor said, nearest first already applied. */
export interface InheritedDefaults extends ActorDefaults {
  readonly retry?: RetryOption;
}

/** Lazily gives what most handlers never look at, so that the common ones cost nothing per message. */
class HandlerContext implements Context {
  readonly payload: unknown;
  readonly headers: MessageHeaders;
  readonly deps: unknown;
  readonly message: RunnableMessage;
  readonly #reply: MaybeSchema;

  constructor(payload: unknown, headers: MessageHeaders, deps: unknown, message: RunnableMessage, reply: MaybeSchema) {
    this.payload = payload;
    this.headers = headers;
    this.deps = deps;
    this.message = message;
    this.#reply = reply;
  }

  get signal(): AbortSignal {
    return this.message.signal;
  }
  get attempt(): number {
    return this.message.attempt;
  }
  get deliveries(): number {
    return this.message.deliveries;
  }
  get send(): Send {
    return this.message.send;
  }
  get reply(): Context["reply"] {
    const schema = this.#reply;
    const { message } = this;
    return async function reply(value, options) {
      if (schema !== undefined) await validate(schema, value, "reply");
      await message.replyValue(value, options);
    };
  }
}

class Call implements ActorCall {
  readonly message: RunnableMessage;
  readonly actor: ActorInfo;
  constructor(message: RunnableMessage, actor: ActorInfo) {
    this.message = message;
    this.actor = actor;
  }
  get signal(): AbortSignal {
    return this.message.signal;
  }
}

/** Whether anything that lives as long as a message wants to be disposed of after it. */
function wantDisposal(deps: Dependencies): boolean {
  return Object.values(deps).some((dependency) => {
    const { scope, dispose, deps: inner } = dependency["~definition"];
    return scope === "message" && (dispose !== undefined || wantDisposal(inner));
  });
}

function compileLeaf(
  definition: ActorDefinition,
  options: ErasedOptions,
  environment: PlanEnvironment,
): (message: RunnableMessage) => Awaitable<unknown> {
  const { payload: payloadSchema, headers: headersSchema, reply } = definition.schemas;
  const { deps } = definition;
  const hasDeps = Object.keys(deps).length > 0;
  const disposes = wantDisposal(deps);
  const decoder = createDecoder(options.codec);
  const { maxPayloadBytes } = environment;

  function handle(message: RunnableMessage, payload: unknown, headers: unknown, resolved: unknown): Awaitable<unknown> {
    if (message.isOver) throw message.stopReason;
    return definition.handler(new HandlerContext(payload, headers as MessageHeaders, resolved, message, reply));
  }

  return function runLeaf(message) {
    const decoded = readPayload(message, decoder, maxPayloadBytes);
    const payload = payloadSchema === undefined ? decoded : validatePayload(message, payloadSchema, decoded);
    const headers = headersSchema === undefined ? message.headers : headersBeside(payload, message);
    if (isPromise(payload) || isPromise(headers)) return runWhenValid(message, decoded, payload, headers);
    return runWithDependencies(message, decoded, payload, headers);
  };

  /** Headers that are refused at once leave a payload behind that may be refused later. */
  function headersBeside(payload: unknown, message: RunnableMessage): Awaitable<unknown> {
    try {
      return readHeaders(message, headersSchema);
    } catch (error) {
      silence(payload);
      throw error;
    }
  }

  async function runWhenValid(
    message: RunnableMessage,
    decoded: unknown,
    payload: unknown,
    headers: unknown,
  ): Promise<unknown> {
    const [validPayload, validHeaders] = await Promise.all([payload, headers]);
    return runWithDependencies(message, decoded, validPayload, validHeaders);
  }

  function runWithDependencies(
    message: RunnableMessage,
    decoded: unknown,
    payload: unknown,
    headers: unknown,
  ): Awaitable<unknown> {
    const resolved = hasDeps ? resolveFor(message, decoded, deps, disposes, environment) : noDependencies;
    if (!isPromise(resolved)) return handle(message, payload, headers, resolved);
    return resolved.then((all) => handle(message, payload, headers, all));
  }
}

function resolveFor(
  message: RunnableMessage,
  decoded: unknown,
  deps: Dependencies,
  disposes: boolean,
  environment: PlanEnvironment,
): Awaitable<Readonly<Record<string, unknown>>> {
  const scope = new DependencyScope(
    {
      message,
      get signal() {
        return message.signal;
      },
      payload: (schema) => (schema === undefined ? decoded : validatePayload(message, schema, decoded)),
      headers: (schema) => readHeaders(message, schema),
    },
    { parent: environment.appScope, overrides: environment.overrides, onDisposeError: environment.onDisposeError },
  );
  if (disposes) message.onFinish(() => (scope.hasDisposals ? scope.dispose() : undefined));
  return scope.resolveAll(deps);
}

/** Options without those that are `undefined`, so that spreading them cannot hide an inherited value. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function keepAliveOf(option: ErasedOptions["keepAlive"]): number | undefined {
  if (option === undefined || option === true) return undefined;
  return option === false ? 0 : durationOption("keepAlive", option, { min: 50 });
}

function nameOf(tag: string | { readonly name: string }): string {
  return typeof tag === "string" ? tag : tag.name;
}

/** Compiles one actor: defaults, middleware onion and decision policy, once, before any message. */
export function compileActor(
  definition: ActorDefinition,
  inherited: InheritedDefaults,
  middleware: readonly ActorMiddleware[],
  environment: PlanEnvironment,
): ActorPlan {
  const options: ErasedOptions = { ...inherited, ...given(definition.options) };
  const channel: Channel = toChannel(definition.channel ?? inherited.channel ?? defaultChannel);
  const retry = definition.options.retry ?? inherited.retry;
  const timeout = durationOption("timeout", options.timeout ?? 0, { infinite: true });
  const routing = definition.options.routing ?? byTopic;
  const tags = (definition.docs.tags ?? []).map(nameOf);
  if (retry === undefined && (options.onError === "retry" || options.onTimeout === "retry")) {
    throw new OptionError(
      `Actor ${definition.name} wants "retry" but has no retry policy: add retry: 5, or one to its router.`,
    );
  }
  const limit = timeout === 0 ? Infinity : timeout;
  const info: ActorInfo = {
    name: definition.name,
    topic: definition.topic,
    channel: channel.address,
    timeout: limit,
    tags,
  };
  const leaf = compileLeaf(definition, options, environment);
  const compiled =
    middleware.length === 0
      ? undefined
      : composeActor<Call>(
          middleware,
          (call) => leaf(call.message),
          (call, patch) => call.message.patch(patch),
        );
  const matchers = new Map<string | false, ReturnType<typeof routing>>();
  return {
    name: definition.name,
    topic: definition.topic,
    topicHeader: definition.topicHeader,
    channel,
    server: options.server,
    timeout: limit,
    keepAlive: keepAliveOf(options.keepAlive),
    deliveryLimit: options.deliveryLimit,
    policy: {
      actor: definition.name,
      confirmation: options.confirmation ?? "auto",
      onError: options.onError,
      onInvalid: options.onInvalid,
      onTimeout: options.onTimeout,
      retry: retry === undefined ? undefined : compileRetry(retry),
    },
    schemas: definition.schemas,
    codec: options.codec ?? jsonCodec,
    info,
    definition,
    byTopic: routing === byTopic,
    matches(message, topicHeader) {
      let matcher = matchers.get(topicHeader);
      if (matcher === undefined) {
        matcher = routing({ topic: definition.topic, topicHeader });
        matchers.set(topicHeader, matcher);
      }
      return matcher(message);
    },
    run: compiled === undefined ? leaf : (message) => compiled(new Call(message, info)),
  };
}
