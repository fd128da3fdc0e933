import { fillAddress } from "../contract/channel.ts";
import type { Codec } from "../contract/codec.ts";
import { jsonCodec } from "../contract/json-codec.ts";
import {
  composeProducer,
  type ProducerCall,
  type ProducerLeaf,
  type ProducerMiddleware,
} from "../contract/middleware.ts";
import type { Sendable } from "../contract/operation.ts";
import type { CommonSendOptions, SendResult } from "../contract/send.ts";
import { orAborted } from "../internal/abort.ts";
import { type Awaitable, isPromise, silence } from "../internal/awaitable.ts";
import { type Clock, sleep } from "../internal/clock.ts";
import type { OutgoingMessage } from "../server/delivery.ts";
import { ConnectionError, MillraceError, OptionError, PublishError, ServerBusyError } from "../server/errors.ts";
import { durationOption, nameOption } from "../server/option.ts";
import { type AnySchema, validate } from "../server/schema.ts";
import type { BrokerServer, PublishOptions, Receipt } from "../server/server.ts";
import { addressedHeaders, outgoingHeaders } from "./outgoing-headers.ts";
import { boundedBytes, lineOption } from "./payload-bytes.ts";
import { PublishGuard, type WatchSteps } from "./publish-guard.ts";
import { checkOptions, type GivenScheduling, publishOptions } from "./publish-options.ts";
import type { SendTarget } from "./send-target.ts";

/** A server of the app under its name. */
export interface ServerEntry {
  readonly name: string;
  readonly server: BrokerServer;
  /** Connects it on first use; nothing to wait for when it is connected. */
  ready(): Awaitable<void>;
}

export interface ProducerHost {
  readonly clock: Clock;
  readonly ids: () => string;
  readonly middleware: readonly ProducerMiddleware[];
  readonly topicHeader: string | false;
  readonly publishTimeout: number;
  readonly maxPayloadBytes: number;
  readonly codec: Codec | undefined;
  /** Errors: `NotFoundError`. */
  server(name: string | undefined): ServerEntry;
  target(to: Sendable): SendTarget;
}

/** Options of any kind of sending, types erased. */
export interface GivenOptions extends GivenScheduling, CommonSendOptions {
  readonly server?: PropertyKey | undefined;
  /** The server to use when neither the caller nor a bound actor names one: that of the message being handled. */
  readonly near?: string;
  /** Header of a request, added behind the headers schema: the caller did not write it. */
  readonly correlationId?: string;
  readonly headers?: unknown;
  readonly contentType?: string;
  readonly validate?: boolean;
}

export interface Producer {
  send(to: Sendable, value: unknown, options?: GivenOptions): Promise<SendResult>;
  sendMany(to: Sendable, values: readonly unknown[], options?: GivenOptions): Promise<(SendResult | Error)[]>;
  publish(channel: string, payload: Uint8Array | string, options?: GivenOptions): Promise<SendResult>;
  publishJson(channel: string, value: unknown, options?: GivenOptions): Promise<SendResult>;
  /** Runs a ready message through the middleware and to the given end of the chain (default: the server). */
  dispatch(call: ProducerCall, entry: ServerEntry, options?: GivenOptions, end?: ProducerLeaf): Awaitable<SendResult>;
}

/** A publish that waits for its confirmation. */
interface Sending {
  readonly entry: ServerEntry;
  readonly call: ProducerCall;
  readonly timeout: number;
  recover: ((error: unknown) => Promise<Receipt> | undefined) | undefined;
}

const retryPause = 50;
const longestRetryPause = 1000;

/** Surely not stored and likely to work soon: the only failures that may be tried again without a dedupe id. */
function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof PublishError) || error.outcome !== "failed") return false;
  return error.cause instanceof ServerBusyError || error.cause instanceof ConnectionError;
}

export function createProducer(host: ProducerHost): Producer {
  const { clock } = host;
  const guards = new Map<number, PublishGuard>();

  function guard(timeout: number): PublishGuard {
    let found = guards.get(timeout);
    if (found === undefined) {
      found = new PublishGuard(clock, timeout);
      if (guards.size < 64) guards.set(timeout, found);
    }
    return found;
  }

  function result(call: ProducerCall, receipt: Receipt): SendResult {
    const { id, brokerId, duplicate } = receipt;
    const sent: { -readonly [K in keyof SendResult]: SendResult[K] } = {
      id,
      server: call.server,
      channel: call.channel,
    };
    if (brokerId !== undefined) sent.brokerId = brokerId;
    if (duplicate === true) sent.duplicate = true;
    return sent;
  }

  function publishOnce(entry: ServerEntry, call: ProducerCall): Awaitable<Receipt> {
    const options: PublishOptions | undefined = call.options === noOptions ? undefined : call.options;
    return entry.server.publish(call.channel, call.message, options);
  }

  /** Tries again, with growing pauses, what was surely not stored and may work soon; the guard bounds how long. */
  function recovery(
    entry: ServerEntry,
    call: ProducerCall,
    timeout: number,
  ): (error: unknown) => Promise<Receipt> | undefined {
    const deadline = clock.monotonic() + timeout;
    let pause = retryPause;
    return function recover(error) {
      if (!isWorthRetrying(error) || clock.monotonic() + pause >= deadline) return undefined;
      const waited = sleep(clock, pause);
      pause = Math.min(pause * 2, longestRetryPause);
      return waited.then(() => publishOnce(entry, call));
    };
  }

  function publishTo(entry: ServerEntry, call: ProducerCall, given: GivenOptions | undefined): Awaitable<SendResult> {
    const ready = entry.ready();
    if (!isPromise(ready)) return publishNow(entry, call, given, timeoutOf(given));
    const start = clock.monotonic();
    // Connecting and confirming share one time.
    return connected(ready, given).then(() => {
      const left = Math.max(1, Math.ceil(timeoutOf(given) - (clock.monotonic() - start)));
      return publishNow(entry, call, given, left);
    });
  }

  function timeoutOf(given: GivenOptions | undefined): number {
    if (given?.publishTimeout === undefined) return host.publishTimeout;
    return durationOption("publishTimeout", given.publishTimeout, { min: 1 });
  }

  /** The first send connects; a server that is not there fails the send, it does not hang it. */
  function connected(ready: PromiseLike<void>, given: GivenOptions | undefined): Promise<void> {
    const watched = guard(timeoutOf(given)).watch(ready, connecting, undefined);
    return orAborted(watched, given?.signal, aborted("failed")).catch((error: unknown) => {
      if (error instanceof PublishError) throw error;
      throw new PublishError("failed", "The server could not be connected; the message was not sent.", {
        cause: error,
      });
    });
  }

  function publishNow(
    entry: ServerEntry,
    call: ProducerCall,
    given: GivenOptions | undefined,
    timeout: number,
  ): Awaitable<SendResult> {
    if (given?.signal?.aborted === true) {
      throw aborted("failed")(given.signal.reason);
    }
    let receipt: Awaitable<Receipt>;
    try {
      receipt = publishOnce(entry, call);
    } catch (error) {
      throw toPublishError(error);
    }
    if (!isPromise(receipt)) return result(call, receipt);
    const sent = guard(timeout).watch(receipt, confirming, { entry, call, timeout, recover: undefined });
    return orAborted(sent, given?.signal, aborted("unknown"));
  }

  const confirming: WatchSteps<Receipt, SendResult, Sending> = {
    outcome: "unknown",
    map: (receipt, { call }) => result(call, receipt),
    recover(error, sending) {
      sending.recover ??= recovery(sending.entry, sending.call, sending.timeout);
      const again = sending.recover(error);
      if (again === undefined && !(error instanceof MillraceError)) return Promise.reject(toPublishError(error));
      return again;
    },
  };

  function dispatch(
    call: ProducerCall,
    entry: ServerEntry,
    given?: GivenOptions,
    end?: ProducerLeaf,
  ): Awaitable<SendResult> {
    if (host.middleware.length === 0) return end === undefined ? publishTo(entry, call, given) : end(call);
    const finish = end ?? (async (last: ProducerCall) => publishTo(entry, last, given));
    return composeProducer(host.middleware, (last) => finish(last === call ? last : rechecked(last, entry)))(call);
  }

  /** What a middleware has changed must be as good as what a caller gives. */
  function rechecked(call: ProducerCall, entry: ServerEntry): ProducerCall {
    const headers = outgoingHeaders(call.message.headers);
    const payload = boundedBytes(call.message.payload, host.maxPayloadBytes);
    checkOptions(entry.name, entry.server.features, call.options);
    return { ...call, channel: nameOption("channel", call.channel), message: { ...call.message, headers, payload } };
  }

  function validateInput(target: SendTarget, value: unknown, headers: unknown): Promise<void> | undefined {
    let checks: PromiseLike<unknown>[] | undefined;
    const { payloads } = target;
    try {
      for (let i = 0; i < payloads.length; i += 1) {
        const checked = validate(payloads[i] as AnySchema, value, "payload");
        if (isPromise(checked)) checks = [...(checks ?? []), checked];
      }
      for (let i = 0; i < target.headers.length; i += 1) {
        const checked = validate(target.headers[i] as AnySchema, headers ?? {}, "headers");
        if (isPromise(checked)) checks = [...(checks ?? []), checked];
      }
    } catch (error) {
      for (const check of checks ?? []) silence(check);
      throw error;
    }
    return checks === undefined ? undefined : Promise.all(checks).then(() => undefined);
  }

  function callFor(
    target: SendTarget,
    entry: ServerEntry,
    value: unknown,
    given: GivenOptions | undefined,
  ): ProducerCall {
    const codec = target.codec ?? host.codec ?? jsonCodec;
    const header = target.topicHeader ?? entry.server.topicHeader ?? host.topicHeader;
    const headers = addressedHeaders(
      given?.headers as Readonly<Record<string, unknown>> | undefined,
      header,
      target.topic,
      given?.correlationId,
    );
    const message: OutgoingMessage = {
      id: given?.id === undefined ? host.ids() : nameOption("id", given.id),
      payload: boundedBytes(codec.encode(value), host.maxPayloadBytes),
      headers,
      contentType: codec.contentType,
      replyTo: lineOption("reply-to", given?.replyTo),
    };
    return {
      server: entry.name,
      channel:
        target.channel.parameters === undefined
          ? target.channel.address
          : fillAddress(target.channel, given?.parameters),
      message,
      options: publishOptions(entry.name, entry.server.features, given, clock) ?? noOptions,
      operation: target.name,
    };
  }

  /** Not an async function: with a schema that answers at once, it hands on the promise of the confirmation. */
  function send(to: Sendable, value: unknown, given?: GivenOptions): Promise<SendResult> {
    try {
      given?.signal?.throwIfAborted();
      const target = host.target(to);
      const entry = host.server((given?.server as string | undefined) ?? target.server ?? given?.near);
      if (given?.publishTimeout !== undefined) timeoutOf(given);
      const validated = given?.validate === false ? undefined : validateInput(target, value, given?.headers);
      const sendValue = (): Awaitable<SendResult> => dispatch(callFor(target, entry, value, given), entry, given);
      if (validated !== undefined) return validated.then(sendValue);
      const sent = sendValue();
      return sent instanceof Promise ? sent : Promise.resolve(sent);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async function sendMany(
    to: Sendable,
    values: readonly unknown[],
    given?: GivenOptions,
  ): Promise<(SendResult | Error)[]> {
    given?.signal?.throwIfAborted();
    if (given?.publishTimeout !== undefined) timeoutOf(given);
    if (given?.id !== undefined || given?.dedupe !== undefined) {
      throw new OptionError("sendMany() cannot give one id or dedupe key to many messages: send them one by one.");
    }
    const target = host.target(to);
    const entry = host.server((given?.server as string | undefined) ?? target.server ?? given?.near);
    const calls: ProducerCall[] = [];
    for (const value of values) {
      const validated = given?.validate === false ? undefined : validateInput(target, value, given?.headers);
      if (validated !== undefined) await validated;
      calls.push(callFor(target, entry, value, given));
    }
    const first = calls[0];
    if (first === undefined) return [];
    if (entry.server.publishBatch === undefined || host.middleware.length > 0) {
      const sent = await Promise.allSettled(calls.map(async (call) => dispatch(call, entry, given)));
      return sent.map((one) => (one.status === "fulfilled" ? one.value : toPublishError(one.reason)));
    }
    const receipts = await publishBatch(entry, calls, given).catch((error: unknown) =>
      calls.map(() => toPublishError(error)),
    );
    return receipts.map((receipt) => (receipt instanceof Error ? toPublishError(receipt) : result(first, receipt)));
  }

  async function publishBatch(
    entry: ServerEntry,
    calls: readonly ProducerCall[],
    given: GivenOptions | undefined,
  ): Promise<readonly (Receipt | Error)[]> {
    const ready = entry.ready();
    if (isPromise(ready)) await connected(ready, given);
    const [first] = calls;
    const messages = calls.map((call) => call.message);
    const options = first?.options === noOptions ? undefined : first?.options;
    const pending = entry.server.publishBatch?.(first?.channel ?? "", messages, options) ?? [];
    if (!isPromise(pending)) return pending;
    return orAborted(
      guard(timeoutOf(given)).watch(pending, confirmingAll, undefined),
      given?.signal,
      aborted("unknown"),
    );
  }

  async function publish(channel: string, payload: Uint8Array | string, given?: GivenOptions): Promise<SendResult> {
    given?.signal?.throwIfAborted();
    if (given?.publishTimeout !== undefined) timeoutOf(given);
    const entry = host.server(given?.server as string | undefined);
    const message: OutgoingMessage = {
      id: given?.id === undefined ? host.ids() : nameOption("id", given.id),
      payload: boundedBytes(payload, host.maxPayloadBytes),
      headers: outgoingHeaders(given?.headers as Readonly<Record<string, unknown>> | undefined),
      contentType: lineOption("content-type", given?.contentType),
      replyTo: lineOption("reply-to", given?.replyTo),
    };
    const options = publishOptions(entry.name, entry.server.features, given, clock) ?? noOptions;
    const call = {
      server: entry.name,
      channel: nameOption("channel", channel),
      message,
      options,
      operation: undefined,
    };
    return dispatch(call, entry, given);
  }

  return {
    send,
    sendMany,
    publish,
    async publishJson(channel, value, given) {
      const codec = host.codec ?? jsonCodec;
      return publish(channel, codec.encode(value), { ...given, contentType: codec.contentType });
    },
    dispatch,
  };
}

/** Stands for "no options" in a call, so that middleware always finds an object and servers can skip looking. */
export const noOptions: PublishOptions = Object.freeze({});

/** What a server throws that is no error of millrace says nothing about the fate of the message. */
function toPublishError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new PublishError("unknown", "The server failed while sending; the message may have been stored.", {
    cause: error,
  });
}

const connecting: WatchSteps<unknown, undefined, undefined> = { outcome: "failed", map: () => undefined };
const confirmingAll: WatchSteps<readonly (Receipt | Error)[], readonly (Receipt | Error)[], undefined> = {
  outcome: "unknown",
  map: (receipts) => receipts,
};

function aborted(outcome: "failed" | "unknown"): (reason: unknown) => PublishError {
  return (cause) => new PublishError(outcome, "Sending was aborted by the signal given.", { cause });
}
