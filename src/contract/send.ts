import type { Duration } from "../internal/duration.ts";
import type { Features } from "../server/features.ts";
import type { AnySchema, Out } from "../server/schema.ts";
import type { BrokerServer } from "../server/server.ts";
import type { Sendable } from "./operation.ts";

/**
 * Servers by name. `never` as bound of the parameters lets servers of any parameter type in without `any`, since
 * `publish` is a method.
 */
export type ServerMap = Readonly<Record<string, BrokerServer<never, Features>>>;

/** What only this server understands: anything where the server is not known by type, nothing where it declares none. */
export type ParamsOf<S> =
  S extends BrokerServer<infer P, Features>
    ? [P] extends [never]
      ? object
      : [keyof P] extends [never]
        ? Readonly<Record<string, never>>
        : P
    : never;
export type FeaturesOf<S> = S extends { readonly features: infer F } ? F : Features;

/** An option that is there unless the server's type says that it cannot do it. */
type Gate<F, K extends keyof Features, T> =
  F extends Readonly<Record<K, { readonly level: "unsupported" }>> ? never : T;

export interface DedupeOption {
  readonly key: string;
  /** How long a second message with the key is a duplicate. */
  readonly window: Duration;
  /** `"ignore"` (default): `send` resolves with the id of the earlier message. `"throw"`: `DuplicateMessageError`. */
  readonly onDuplicate?: "ignore" | "throw";
}

/** Options that depend on what the server can do. */
export interface Handling<F> {
  /** 0…100, default 10, higher runs sooner. `priority.high` and others are names for some. */
  readonly priority?: Gate<F, "priority", number>;
  /** Dropped when not started by then (event `message.expired`). */
  readonly expiresIn?: Gate<F, "expiry", Duration>;
  readonly dedupe?: Gate<F, "dedupe", DedupeOption>;
}

export interface Scheduling<F> extends Handling<F> {
  /** Not before this time has passed, by the broker's clock. 0 = now. */
  readonly delay?: Gate<F, "delay", Duration>;
  /** Not before this moment; in the past = now. Not together with `delay`. */
  readonly at?: Gate<F, "delay", Date | number>;
}

/** Options of everything that is sent. */
export interface CommonSendOptions {
  /** Default: a version 7 UUID. */
  readonly id?: string;
  /** Values for the declared parameters of the channel's address. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Time for the broker's confirmation. Default: the app's `publishTimeout` (10 s). */
  readonly publishTimeout?: Duration;
  /** Gives up waiting. The message may be sent all the same: the error's `outcome` tells. */
  readonly signal?: AbortSignal;
  /** Where a reply shall go; the receiver finds it as `message.replyTo`. */
  readonly replyTo?: string;
}

/** The server and what only it understands. */
export type Target<S, D extends keyof S> =
  | { [K in keyof S]: { readonly server: K; readonly params?: ParamsOf<S[K]> } & Scheduling<FeaturesOf<S[K]>> }[keyof S]
  | ({ readonly server?: undefined; readonly params?: ParamsOf<S[D]> } & Scheduling<FeaturesOf<S[D]>>);

export type PayloadOf<T> = T extends Sendable<infer P, unknown, unknown> ? P : never;
export type HeadersOf<T> = T extends Sendable<unknown, infer H, unknown> ? H : never;
export type ReplyOf<T> =
  T extends Sendable<unknown, unknown, infer R> ? (R extends AnySchema ? Out<R> : unknown) : never;

// biome-ignore lint/complexity/noBannedTypes: asks whether no headers at all would do
type HeadersOptional<T> = {} extends HeadersOf<T> ? true : false;

type HeadersOption<T> =
  HeadersOptional<T> extends true ? { readonly headers?: HeadersOf<T> } : { readonly headers: HeadersOf<T> };

export type SendOptions<T, S extends ServerMap = ServerMap, D extends keyof S = keyof S> = HeadersOption<T> &
  Target<S, D> &
  CommonSendOptions & {
    /** `false`: send the value without validating it. Default true. */
    readonly validate?: boolean;
  };

/** Options can be left out unless the headers must be given. */
export type SendArguments<T, S extends ServerMap, D extends keyof S> =
  HeadersOptional<T> extends true ? [options?: SendOptions<T, S, D>] : [options: SendOptions<T, S, D>];

/** Names of the servers that can answer, as far as their types tell. */
type Answering<S extends ServerMap> = {
  [K in keyof S]: FeaturesOf<S[K]> extends Readonly<Record<"requestReply", { readonly level: "unsupported" }>>
    ? never
    : K;
}[keyof S];

type RequestTarget<S extends ServerMap, D extends keyof S> =
  | {
      [K in Answering<S>]: { readonly server: K; readonly params?: ParamsOf<S[K]> } & Handling<FeaturesOf<S[K]>>;
    }[Answering<S>]
  | ([D & Answering<S>] extends [never]
      ? never
      : { readonly server?: undefined; readonly params?: ParamsOf<S[D]> } & Handling<FeaturesOf<S[D]>>);

/** A request is sent at once, and its reply comes to the app. Where the default server cannot answer, another is named. */
export type RequestOptions<T, S extends ServerMap = ServerMap, D extends keyof S = keyof S> = HeadersOption<T> &
  RequestTarget<S, D> &
  Omit<CommonSendOptions, "replyTo"> & {
    /** `false`: send the value without validating it. Default true. */
    readonly validate?: boolean;
    /** How long to wait for the reply. Default 30 s. */
    readonly timeout?: Duration;
  };

export type RequestArguments<T, S extends ServerMap, D extends keyof S> = [D & Answering<S>] extends [never]
  ? [options: RequestOptions<T, S, D>]
  : HeadersOptional<T> extends true
    ? [options?: RequestOptions<T, S, D>]
    : [options: RequestOptions<T, S, D>];

/** Where a message went. */
export interface SendResult {
  readonly id: string;
  readonly server: string;
  readonly channel: string;
  /** The broker's own id of the entry, where it has one. */
  readonly brokerId?: string;
  /** It was a duplicate and ignored; `id` is that of the earlier message. */
  readonly duplicate?: boolean;
  /** A producer middleware chose not to send it. */
  readonly suppressed?: boolean;
}

export type Send<S extends ServerMap = ServerMap, D extends keyof S = keyof S> = <T extends Sendable>(
  to: T,
  payload: PayloadOf<T>,
  ...options: SendArguments<T, S, D>
) => Promise<SendResult>;

/** Options of `publishJson`, which neither validates nor adds a topic. */
export type PublishJsonOptions<S extends ServerMap = ServerMap, D extends keyof S = keyof S> = Target<S, D> &
  Omit<CommonSendOptions, "parameters"> & {
    readonly headers?: Readonly<Record<string, string>>;
  };

/** Options of `publish`, which sends bytes as they are. */
export type PublishBytesOptions<S extends ServerMap = ServerMap, D extends keyof S = keyof S> = PublishJsonOptions<
  S,
  D
> & { readonly contentType?: string };
