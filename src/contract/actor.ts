import type { Awaitable } from "../internal/awaitable.ts";
import type { Duration } from "../internal/duration.ts";
import type { MessageHeaders, Outcome } from "../server/delivery.ts";
import type { DecodeError, ValidationError } from "../server/errors.ts";
import type { AnySchema, In, MaybeSchema, Out } from "../server/schema.ts";
import type { Channel } from "./channel.ts";
import type { Codec } from "./codec.ts";
import type { Dependencies, Needs, Resolved } from "./dependency.ts";
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

/** What the handler returns: an outcome in explicit mode, the reply where there is a reply schema, else anything. */
export type Result<C, R> = C extends "explicit"
  ? Outcome | "none"
  : R extends AnySchema
    ? // biome-ignore lint/suspicious/noConfusingVoidType: a handler that has already replied returns nothing
      In<R> | undefined | void
    : unknown;

export type HeadersOut<H> = H extends AnySchema ? Out<H> : MessageHeaders;

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

export interface ActorOptions<D, C, Y, YD> extends ActorDefaults, OperationDocs {
  readonly deps?: D;
  readonly confirmation?: C;
  /** Which messages of the channel are for this actor. Default `byTopic`. */
  readonly routing?: Routing;
  /** Runs again after a failure. Default: inherited, else none: the first error dead-letters. */
  readonly retry?: Y;
  /** Outcome of a failed run. Default: `"retry"` with a policy, otherwise `"nack"`; `"none"` in manual modes. */
  readonly onError?: OnError<C, Y extends RetryOption ? true : YD>;
  /** Outcome of a message that cannot be decoded or does not fit its schema. Default `"nack"`. */
  readonly onInvalid?: OnInvalid<C>;
  /** Outcome of a run that took too long. Default: `"retry"` with a policy, otherwise `"reject"`. */
  readonly onTimeout?: OnTimeout<C, Y extends RetryOption ? true : YD>;
}

export interface CodeFirst<P, H, R, D, C, Y, YD> extends ActorOptions<D, C, Y, YD> {
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

export interface ContractFirst<P extends MaybeSchema, H extends MaybeSchema, R extends MaybeSchema, D, C, Y, YD>
  extends ActorOptions<D, C, Y, YD> {
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

/** Fails at `operation` when a dependency wants a field of the payload that the contract does not promise. */
export type Missing<P, D> = [keyof D] extends [never]
  ? unknown
  : In<P> extends Needs<D, "payload">
    ? unknown
    : {
        readonly operation: {
          readonly "a dependency needs payload fields this operation lacks": Exclude<
            keyof Needs<D, "payload">,
            keyof In<P>
          >;
        };
      };

type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** What `send` takes for an actor: its own fields and those of its dependencies. */
export type ActorPayload<P, D> = [keyof D] extends [never] ? In<P> : Simplify<In<P> & Needs<D, "payload">>;
export type ActorHeaders<H, D> = [keyof D] extends [never]
  ? HeadersIn<H>
  : H extends AnySchema
    ? Simplify<In<H> & Needs<D, "headers">>
    : keyof Needs<D, "headers"> extends never
      ? HeadersIn<H>
      : Simplify<Needs<D, "headers">>;

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

export type ContextOf<P, H, R, D> = Context<Out<P>, HeadersOut<H>, Resolved<D>, R extends AnySchema ? In<R> : unknown>;
