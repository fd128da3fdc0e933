import { nameOption } from "../server/option.ts";
import { type AnySchema, checkSchemas, type In, type MaybeSchema } from "../server/schema.ts";
import type { ExternalDocs, Tag } from "../server/server-info.ts";
import { type Channel, defaultChannel, toChannel } from "./channel.ts";
import type { Codec } from "./codec.ts";
import { topicHeaderOption, topicOption } from "./topic.ts";
import type { MessageTrait, OperationTrait } from "./trait.ts";

/** One example of a message, for the documentation. */
export interface MessageExample {
  readonly name?: string;
  readonly summary?: string;
  readonly payload?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A runtime expression that names where a correlation id is, such as `$message.header#/correlation-id`. */
export interface CorrelationId {
  readonly location: string;
  readonly description?: string;
}

/** What documentation can say of a message apart from its operation. */
export interface MessageDocs {
  /** Default: the name of the operation or actor. */
  readonly name?: string;
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly (string | Tag)[];
  readonly externalDocs?: ExternalDocs;
}

/** What documentation can say of an operation or an actor. */
export interface OperationDocs {
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly (string | Tag)[];
  readonly externalDocs?: ExternalDocs;
  /** Of the message. */
  readonly examples?: readonly MessageExample[];
  /** Of the operation, by protocol (`amqp`, `kafka`, …). They win over what the server knows by itself. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  readonly messageBindings?: Readonly<Record<string, unknown>>;
  /** Security schemes of AsyncAPI, such as `{ type: "userPassword" }`. Never put secrets into them. */
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  /** Nobody should send it any more; it is still received. */
  readonly deprecated?: boolean;
  readonly correlationId?: CorrelationId;
  readonly message?: MessageDocs;
  /** What it has in common with other operations. Its own values win. */
  readonly traits?: readonly OperationTrait[];
  /** What its message has in common with other messages. */
  readonly messageTraits?: readonly MessageTrait[];
}

/** Headers that `send` takes: typed by a schema, otherwise free and optional. */
export type HeadersIn<S> = S extends AnySchema ? In<S> : Readonly<Record<string, string>> | undefined;

/** What `send` accepts: only types, so that operations and actors are interchangeable. */
export interface Sendable<P = unknown, H = unknown, R = unknown> {
  readonly name: string;
  readonly "~types"?: { readonly payload: P; readonly headers: H; readonly reply: R };
}

export interface OperationConfig<P extends MaybeSchema, H extends MaybeSchema, R extends MaybeSchema>
  extends OperationDocs {
  /** Unique in an app; the operation id in the documentation. */
  readonly name: string;
  /** Default `"default"`. */
  readonly channel?: string | Channel;
  /** Value of the topic header that selects the actor. Default: the name. */
  readonly topic?: string;
  /** Header that carries the topic, `false` = none. Default: the server's or the app's. */
  readonly topicHeader?: string | false;
  readonly payload?: P;
  readonly headers?: H;
  /** With it, the return value of the actor is the reply, and `app.request()` returns it. */
  readonly reply?: R;
  readonly codec?: Codec;
}

/** A contract as a plain value: import it in producers and consumers alike. */
export interface Operation<
  P extends MaybeSchema = MaybeSchema,
  H extends MaybeSchema = MaybeSchema,
  R extends MaybeSchema = MaybeSchema,
> extends Sendable<In<P>, HeadersIn<H>, R extends AnySchema ? R : unknown> {
  readonly "~kind": "operation";
  readonly channel: Channel;
  readonly topic: string;
  readonly topicHeader: string | false | undefined;
  readonly schemas: { readonly payload: P; readonly headers: H; readonly reply: R };
  readonly codec: Codec | undefined;
  readonly docs: OperationDocs;
}

/**
 * Defines what is sent where, without any runtime. Errors: `OptionError` for an empty name or channel.
 *
 * @example
 * export const sendWelcome = defineOperation({
 *   name: "sendWelcome", channel: "email", payload: z.object({ userId: z.int() }),
 * });
 */
export function defineOperation<
  P extends MaybeSchema = undefined,
  H extends MaybeSchema = undefined,
  R extends MaybeSchema = undefined,
>(config: OperationConfig<P, H, R>): Operation<P, H, R> {
  const { name, channel, topic, topicHeader, payload, headers, reply, codec, ...docs } = config;
  checkSchemas(`operation ${name}`, { payload, headers, reply });
  return {
    "~kind": "operation",
    name: nameOption("operation name", name),
    channel: toChannel(channel ?? defaultChannel),
    topic: topicOption("operation topic", topic ?? name),
    topicHeader: topicHeaderOption(`topicHeader of operation ${name}`, topicHeader),
    // An absent schema is `undefined`, which is what P, H and R then are.
    schemas: { payload: payload as P, headers: headers as H, reply: reply as R },
    codec,
    docs,
  };
}
