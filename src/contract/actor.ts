import type { Awaitable } from "../internal/awaitable.ts";
import type { Duration } from "../internal/duration.ts";
import type { MessageHeaders, Outcome } from "../server/delivery.ts";
import type { DecodeError, ValidationError } from "../server/errors.ts";
import type { AnySchema, In, MaybeSchema, Out } from "../server/schema.ts";
import type { Channel } from "./channel.ts";
import type { Codec } from "./codec.ts";
import type { Dependencies, Needs } from "./dependency.ts";
import type { Message } from "./message.ts";
import type { ActorMiddleware } from "./middleware.ts";
import type { HeadersIn, Operation, OperationDocs, Sendable } from "./operation.ts";
import type { RetryOption } from "./retry.ts";
import type { Routing } from "./routing.ts";
import type { Send } from "./send.ts";

/**
 * When a message is settled. `auto` (default): by the outcome of the run. `alwaysAck`: acked whatever happens.
 * `ackFirst`: acked before the run, so at most once. `manual`: only by `message.ack()` and its like. `explicit`: by the
 * outcome that the handler returns.
 */
export type Confirmation = "auto" | "alwaysAck" | "ackFirst" | "manual" | "explicit";

/** What `onError` may choose. */
export type ErrorOutcome = Outcome | "retry" | "none" | { readonly retryAfter: Duration };

type Allowed<C, Y> =
  | Outcome
  | { readonly retryAfter: Duration }
  | (Y extends true ? "retry" : never)
  | (C extends "manual" | "explicit" ? "none" : never);

export type OnError<C, Y> = C extends "auto" | "manual" | "explicit"
  ? Allowed<C, Y> | ((error: unknown, message: Message) => Allowed<C, Y>)
  : never;

export type OnInvalid<C> = C extends "ackFirst"
  ? never
  : Outcome | ((error: DecodeError | ValidationError, message: Message) => Outcome);

export type OnTimeout<C, Y> = C extends "auto" | "manual" | "explicit"
  ? Outcome | (Y extends true ? "retry" : never)
  : never;

/** The type parameter keeps a literal that an async function returns, which would be widened to `string` without it. */
type Returning<X, T> = <const Literal>(context: X) => Awaitable<T | Literal>;

/** A reply, or nothing where it has been sent before. An object without type parameter fails at the very property. */
type Replying<X, T> = [T] extends [object]
  ? (context: X) => Awaitable<T | undefined | void>
  : Returning<X, T | undefined | void>;

/** A handler returns an outcome in explicit mode, the reply where there is a reply schema, else anything. */
export type Handler<C, R, X> = C extends "explicit"
  ? Returning<X, Outcome | "none">
  : R extends AnySchema
    ? Replying<X, In<R>>
    : (context: X) => unknown;

export type ReturnOf<F> = F extends (context: never) => infer Returned ? Returned : never;

export type HeadersOut<H> = H extends AnySchema ? Out<H> : MessageHeaders;

export type ReplyIn<R> = R extends AnySchema ? In<R> : unknown;

export interface Context<P = unknown, H = MessageHeaders, D = unknown, R = unknown> {
  readonly payload: P;
  readonly headers: H;
  readonly deps: D;
  readonly message: Message;
  /** Aborts on timeout, lost lease and at the end of a graceful stop. Pass it on. */
  readonly signal: AbortSignal;
  /** Which run of an actor this is, 1 = the first. */
  readonly attempt: number;
  /** How often the broker handed the message out, this time included. */
  readonly deliveries: number;
  /** Replies now, which also acks; what the handler returns later is then ignored. */
  reply(value: R, options?: { readonly headers?: Readonly<Record<string, string>> }): Promise<void>;
  /** Sends to the same server unless another is named. */
  readonly send: Send;
}

/** Options that an actor inherits from its router, that from the router around it, and that from the app. */
export interface ActorDefaults {
  /** Default `"default"`. */
  readonly channel?: string | Channel;
  /**
   * Longest run: decoding, dependencies, middleware and handler, not the wait for a slot. Default none; `0` and
   * `Infinity` are none, too. Too short a one turns slow days into redeliveries.
   */
  readonly timeout?: Duration;
  readonly codec?: Codec;
  /** Name of the server that the actor reads from. Default: every server that the worker runs on. */
  readonly server?: string;
  /**
   * Renewal of the lease while a message is held. `true` (default): at a third of the lease. A duration: that often.
   * `false`: never, so that the message goes to another worker when the lease ends; set only to bound work by it.
   */
  readonly keepAlive?: boolean | Duration;
  /** Deliveries after which a message is dead-lettered as poison, runs of the retry policy not counted. Default 20. */
  readonly deliveryLimit?: number;
  /** Outermost first; always added to, never replacing, what is inherited. */
  readonly middleware?: readonly ActorMiddleware[];
}

/** `Y` = whether there is a retry policy, its own or an inherited one. */
export interface ActorOptions<D, C, Y> extends ActorDefaults, OperationDocs {
  readonly deps?: D;
  readonly confirmation?: C;
  /** Which messages of the channel are for this actor. Default `byTopic`. */
  readonly routing?: Routing;
  /** Runs again after a failure. Default: inherited, else none: the first error dead-letters. */
  readonly retry?: RetryOption;
  /** Outcome of a failed run. Default: `"retry"` with a policy, otherwise `"nack"`; `"none"` in manual modes. */
  readonly onError?: OnError<C, Y>;
  /** Outcome of a message that cannot be decoded or does not fit its schema. Default `"nack"`. */
  readonly onInvalid?: OnInvalid<C>;
  /** Outcome of a run that took too long. Default: `"retry"` with a policy, otherwise `"reject"`. */
  readonly onTimeout?: OnTimeout<C, Y>;
}

export interface CodeFirst<P, H, R, D, C, Y> extends ActorOptions<D, C, Y> {
  readonly name: string;
  /** Value of the topic header that selects the actor. Default: the name. */
  readonly topic?: string;
  /** Header that carries the topic, `false` = none. Default: the server's or the app's. */
  readonly topicHeader?: string | false;
  readonly payload?: P;
  readonly headers?: H;
  readonly reply?: R;
  readonly operation?: never;
}

export interface ContractFirst<P extends MaybeSchema, H extends MaybeSchema, R extends MaybeSchema, D, C, Y>
  extends ActorOptions<D, C, Y> {
  readonly operation: Operation<P, H, R>;
  /** Default: the operation's name. */
  readonly name?: string;
  readonly topic?: never;
  readonly topicHeader?: never;
  readonly payload?: never;
  readonly headers?: never;
  readonly reply?: never;
  readonly channel?: never;
}

type FromOperation = "channel" | "topic" | "topicHeader" | "payload" | "headers" | "reply";

/** Makes an option fail that stands beside an operation and belongs to it. */
export type Exclusive<K> = "operation" extends K ? { readonly [Name in FromOperation]?: never } : unknown;

/** Which options are given, by name: a type that looks at this needs not infer from their values. */
export type Given<K extends PropertyKey> = { readonly [Name in K]?: unknown };
export type ActorOptionName = keyof CodeFirst<unknown, unknown, unknown, unknown, unknown, unknown> | "operation";

type Checked<Problem, Token extends string, Text extends string> = [Problem] extends [never]
  ? unknown
  : { readonly [T in Token]: { readonly [_ in Text]: Problem } };

type Simplify<T> = { [K in keyof T]: T[K] } & {};
type Fields<S, None> = S extends AnySchema ? In<S> : None;

/** Names of the fields of `Need` that `Have` does not promise. */
type Lacking<Have, Need> = [keyof Need] extends [never]
  ? never
  : [Have] extends [Have & Need]
    ? never
    : { [K in keyof Need]-?: [Have] extends [Have & Pick<Need, K>] ? never : K }[keyof Need];

/** Names of the fields of `Need` that no value of `All` can have, because their types exclude each other. */
type Impossible<Need, All> = [keyof Need] extends [never]
  ? never
  : [All] extends [never]
    ? keyof Need
    : { [K in keyof Need]-?: K extends keyof All ? ([All[K]] extends [never] ? K : never) : never }[keyof Need];

/** Fails at `operation` when a dependency wants fields that the contract does not promise. */
export type Missing<P, H, D> = [keyof D] extends [never]
  ? unknown
  : Checked<
      Lacking<In<P>, Needs<D, "payload">>,
      "operation",
      "a dependency needs payload fields this operation lacks"
    > &
      Checked<
        Lacking<Fields<H, object>, Needs<D, "headers">>,
        "operation",
        "a dependency needs headers this operation lacks"
      >;

/**
 * Fails at `deps` when dependencies and schemas want different types of one field, so that nothing could be sent. With a
 * contract it is `Missing` that fails.
 */
export type Conflicting<K, P, H, D> = [keyof D] extends [never]
  ? unknown
  : "operation" extends K
    ? unknown
    : Checked<
        Impossible<Needs<D, "payload">, ActorPayload<P, D>>,
        "deps",
        "no value fits what is wanted of these payload fields"
      > &
        Checked<
          Impossible<Needs<D, "headers">, ActorHeaders<H, D>>,
          "deps",
          "no value fits what is wanted of these headers"
        >;

/** What `send` takes for an actor: its own fields and those of its dependencies. */
export type ActorPayload<P, D> = [keyof Needs<D, "payload">] extends [never]
  ? In<P>
  : Simplify<In<P> & Needs<D, "payload">>;
export type ActorHeaders<H, D> = [keyof Needs<D, "headers">] extends [never]
  ? HeadersIn<H>
  : Simplify<Fields<H, unknown> & Needs<D, "headers">>;

/** A registered actor: something to send to, with the plain function for unit tests. */
export interface Actor<P = unknown, H = unknown, R = unknown, F = unknown> extends Sendable<P, H, R> {
  readonly "~kind": "actor";
  readonly handler: F;
  readonly "~definition": ActorDefinition;
}

/** An actor as written down, types erased. */
export interface ActorDefinition {
  readonly name: string;
  readonly topic: string;
  readonly topicHeader: string | false | undefined;
  readonly operation: Operation | undefined;
  readonly channel: string | Channel | undefined;
  readonly schemas: { readonly payload: MaybeSchema; readonly headers: MaybeSchema; readonly reply: MaybeSchema };
  readonly deps: Dependencies;
  readonly options: ErasedOptions;
  readonly docs: OperationDocs;
  handler(context: Context): Awaitable<unknown>;
}

/** The options of an actor without their types; `decide` checks at run time what the types checked before. */
export interface ErasedOptions extends ActorDefaults {
  readonly confirmation?: Confirmation;
  readonly routing?: Routing;
  readonly retry?: RetryOption;
  readonly onError?: ErrorOutcome | ((error: unknown, message: Message) => ErrorOutcome);
  readonly onInvalid?: Outcome | ((error: DecodeError | ValidationError, message: Message) => Outcome);
  readonly onTimeout?: Outcome | "retry";
}
