import type { Awaitable } from "../internal/awaitable.ts";
import type { Envelope } from "../server/envelope.ts";
import type { MaybeSchema } from "../server/schema.ts";
import type { ActorDefinition, Confirmation, ErasedOptions } from "./actor.ts";
import type { Channel } from "./channel.ts";
import type { Codec } from "./codec.ts";
import type { Message } from "./message.ts";
import type { ActorInfo, MessagePatch } from "./middleware.ts";
import type { CompiledRetry } from "./retry.ts";
import type { RoutableMessage } from "./routing.ts";

/** What the runner hands to a plan: the message, with what only core may touch. */
export interface RunnableMessage extends Message {
  /** The error of reading the input (decoding, validation), to tell it from errors of the handler. */
  inputError: unknown;
  /** Header that carries the topic on its server. */
  readonly topicHeader: string | false;
  /** What its server writes around messages. */
  readonly envelope: Envelope | undefined;
  /** Timed out, lost, or given up: a handler must not start any more. `stopReason` says why. */
  readonly isOver: boolean;
  readonly stopReason: unknown;
  patch(patch: MessagePatch): void;
  /** Runs once the message is settled and its handler has ended. */
  onFinish(cleanup: () => Awaitable<void>): void;
}

/** How the outcome of a run is decided; pure data. */
export interface DecisionPolicy {
  readonly actor: string;
  readonly confirmation: Confirmation;
  readonly onError: ErasedOptions["onError"];
  readonly onInvalid: ErasedOptions["onInvalid"];
  readonly onTimeout: ErasedOptions["onTimeout"];
  readonly retry: CompiledRetry | undefined;
}

/**
 * An actor with all its defaults applied and its middleware compiled. Nothing in it is generic: the types end at
 * registration, in the closure of `run`.
 */
export interface ActorPlan {
  readonly name: string;
  readonly topic: string;
  readonly topicHeader: string | false | undefined;
  readonly channel: Channel;
  /** The only server it reads from; `undefined` = all that the worker runs on. */
  readonly server: string | undefined;
  /** Milliseconds; `Infinity` = none. */
  readonly timeout: number;
  /** Milliseconds between renewals; `undefined` = by the lease, 0 = never. */
  readonly keepAlive: number | undefined;
  readonly deliveryLimit: number | undefined;
  readonly policy: DecisionPolicy;
  readonly schemas: { readonly payload: MaybeSchema; readonly headers: MaybeSchema; readonly reply: MaybeSchema };
  readonly codec: Codec;
  readonly info: ActorInfo;
  readonly definition: ActorDefinition;
  /** Whether the topic alone selects it, so that it can be looked up instead of tried. */
  readonly byTopic: boolean;
  matches(message: RoutableMessage, topicHeader: string | false): boolean;
  run(message: RunnableMessage): Awaitable<unknown>;
}
