import type { Awaitable } from "../internal/awaitable.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { Delivery, OutgoingMessage } from "./delivery.ts";
import type { Envelope } from "./envelope.ts";
import type { Features } from "./features.ts";
import type { Logger } from "./logger.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { ServerInfo } from "./server-info.ts";

export type { Dedupe, PublishOptions } from "./publish-options.ts";

/** `failed`: given up, only a new `connect()` helps. `closed`: not connected, by our own wish. */
export type ConnectionState = "closed" | "connecting" | "ready" | "reconnecting" | "failed";

/** Bindings by protocol key of AsyncAPI (`amqp`, `kafka`, …). */
export interface DerivedBindings {
  readonly channel?: Readonly<Record<string, unknown>>;
  readonly operation?: Readonly<Record<string, unknown>>;
  readonly message?: Readonly<Record<string, unknown>>;
}

export interface Receipt {
  /** Id of the message that is now in the channel: of the earlier one when this was an ignored duplicate. */
  readonly id: string;
  readonly brokerId?: string;
  /** Present and true when the message was an ignored duplicate. */
  readonly duplicate?: boolean;
}

export interface ChannelSpec {
  readonly name: string;
}

export interface SubscribeOptions {
  readonly channels: readonly ChannelSpec[];
  /** The subscription never holds more unsettled messages than this, over all its channels. */
  readonly maxUnsettled: number;
  /** Called once per received message; never throws and never waits. */
  onDelivery(delivery: Delivery): void;
  /** The consuming side became ready, lost its connection, or failed for good. */
  onStateChange(state: ConnectionState, error?: unknown): void;
  /** A message was removed because it had expired. Core logs and counts it. */
  onExpired?(channel: string, id: string | undefined): void;
}

export interface Subscription {
  /** No new deliveries until `resume()`; those already handed up stay ours. */
  pause(): Awaitable<void>;
  resume(): Awaitable<void>;
  /** No new deliveries any more; links stay, so that what is held can be settled. */
  drain(): Awaitable<void>;
  /** Flushes pending settles and ends the subscription. What is still held goes back to its channel. */
  close(): Promise<void>;
  /** Monotonic milliseconds of the last broker round trip on the consuming connection. */
  readonly lastContact: number;
}

/** How a channel is doing. Times are milliseconds. */
export interface ChannelStats {
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
  /** Age of the oldest ready message. */
  readonly oldestAge: number | undefined;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/**
 * What an adapter implements. Each sentence is a promise that `millrace/conformance` checks.
 *
 * - `connect` and `disconnect` may be called again; `disconnect` closes open subscriptions first.
 * - `publish` resolves when the broker has durably accepted the message, and rejects with `PublishError` otherwise.
 * - `subscribe` delivers messages of all given channels until it is paused, drained or closed.
 * - Nothing happens in the constructor or at import.
 */
export interface BrokerServer<Params extends object = object, F extends Features = Features> {
  readonly info: ServerInfo;
  readonly features: F;
  /** Header that carries the topic on this server, `false` = none. Absent: the app's. */
  readonly topicHeader?: string | false | undefined;
  readonly state: ConnectionState;
  /** What the server writes around every message. Absent: nothing. */
  readonly envelope?: Envelope<BrokerServer> | undefined;
  connect(options?: ConnectOptions): Promise<void>;
  disconnect(): Promise<void>;
  publish(channel: string, message: OutgoingMessage, options?: PublishOptions<Params>): Awaitable<Receipt>;
  /** Sends several messages to one channel at once. One result each, in order; a failed one is an error, not a throw. */
  publishBatch?(
    channel: string,
    messages: readonly OutgoingMessage[],
    options?: PublishOptions<Params>,
  ): Awaitable<readonly (Receipt | Error)[]>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  deadLetters?(channel: string): DeadLetterStore;
  inspect?(channel: string): Promise<ChannelStats>;
  /** Removes all messages that nobody holds, delayed ones included; dead letters stay. Returns how many. */
  purge?(channel: string): Promise<number>;
  /** What the options of the server say of a channel, for documents. Needs no connection; no credentials in it. */
  bindingsOf?(channel: string, action: "send" | "receive"): DerivedBindings;
}
