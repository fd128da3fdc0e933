import type { Codec } from "../contract/codec.ts";
import { createDecoder } from "../contract/content-type.ts";
import type { Sendable } from "../contract/operation.ts";
import { silence } from "../internal/awaitable.ts";
import type { Clock, TimerHandle } from "../internal/clock.ts";
import { findHeader } from "../internal/headers.ts";
import type { Delivery } from "../server/delivery.ts";
import { DecodeError, OptionError, PublishError, RequestTimeoutError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { durationOption } from "../server/option.ts";
import { validate } from "../server/schema.ts";
import type { Subscription } from "../server/server.ts";
import { recordError } from "../server/settle-reason.ts";
import { correlationHeader } from "./correlation.ts";
import type { GivenOptions, Producer, ServerEntry } from "./producer.ts";
import { requireFeature } from "./publish-options.ts";
import type { SendTarget } from "./send-target.ts";

export interface RequesterHost {
  readonly clock: Clock;
  readonly ids: () => string;
  readonly logger: Logger;
  readonly producer: Producer;
  readonly codec: Codec | undefined;
  readonly maxPayloadBytes: number;
  server(name: string | undefined): ServerEntry;
  target(to: Sendable): SendTarget;
}

export interface Requester {
  request(to: Sendable, value: unknown, options?: GivenOptions & { readonly timeout?: unknown }): Promise<unknown>;
  close(): Promise<void>;
}

interface Pending {
  resolve(delivery: Delivery): void;
  reject(error: unknown): void;
}

/** Names of reply channels begin so; servers may clean up those of instances that are gone. */
const replyPrefix = "millrace.reply.";
const maxUnsettledReplies = 1000;

/** Request and reply: one reply channel per app instance and server, opened with the first request. */
export function createRequester(host: RequesterHost): Requester {
  const instance = host.ids();
  const address = `${replyPrefix}${instance}`;
  const pending = new Map<string, Pending>();
  const subscriptions = new Map<string, Promise<Subscription>>();
  const decode = createDecoder(host.codec);

  async function acknowledge(delivery: Delivery): Promise<void> {
    try {
      await delivery.settle("ack");
    } catch (error) {
      host.logger.warn({ event: "reply.settle.failed", err: recordError(error) });
    }
  }

  function onReply(delivery: Delivery): void {
    const id = findHeader(delivery.headers, correlationHeader);
    const waiting = id === undefined ? undefined : pending.get(id);
    if (waiting === undefined) host.logger.info({ event: "reply.late", channel: delivery.channel, correlation_id: id });
    else waiting.resolve(delivery);
    void acknowledge(delivery);
  }

  async function open(entry: ServerEntry): Promise<void> {
    if (entry.server.state === "closed") subscriptions.delete(entry.name);
    let opened = subscriptions.get(entry.name);
    if (opened === undefined) {
      opened = Promise.resolve(entry.ready()).then(() =>
        entry.server.subscribe({
          channels: [{ name: address }],
          maxUnsettled: maxUnsettledReplies,
          onDelivery: onReply,
          onStateChange(state) {
            host.logger.info({ event: "reply.subscription", server: entry.name, state });
            if (state === "closed" || state === "failed") subscriptions.delete(entry.name);
          },
        }),
      );
      subscriptions.set(entry.name, opened);
      opened.catch(() => subscriptions.delete(entry.name));
    }
    await opened;
  }

  async function request(
    to: Sendable,
    value: unknown,
    options: GivenOptions & { readonly timeout?: unknown } = {},
  ): Promise<unknown> {
    const { timeout: given, ...sending } = options;
    const timeout = durationOption("request timeout", (given ?? "30s") as number, { min: 1 });
    if (options.delay !== undefined || options.at !== undefined) {
      throw new OptionError("A request cannot be delayed: its reply is awaited now. Use send() with replyTo.");
    }
    const target = host.target(to);
    const entry = host.server((options.server as string | undefined) ?? target.server);
    requireFeature(entry.name, entry.server.features, "requestReply", "request()");
    const headers = (options.headers ?? {}) as Readonly<Record<string, string>>;
    const id = findHeader(headers, correlationHeader) ?? host.ids();
    if (pending.has(id)) throw new OptionError(`A request with the correlation id ${JSON.stringify(id)} is under way.`);
    let timer: TimerHandle | undefined;
    const { signal } = options;
    let onAbort: (() => void) | undefined;
    try {
      const reply = new Promise<Delivery>((resolve, reject) => {
        pending.set(id, { resolve, reject });
        timer = host.clock.setTimer(() => reject(new RequestTimeoutError(target.name, timeout)), timeout);
        onAbort = () => reject(signal?.reason);
        if (signal?.aborted === true) onAbort();
        else signal?.addEventListener("abort", onAbort, { once: true });
      });
      reply.catch(() => {});
      const own = findHeader(headers, correlationHeader) === undefined ? { correlationId: id } : {};
      // The time counts from the call: neither connecting nor confirming may prolong it.
      await Promise.race([open(entry), reply]);
      const sent = host.producer.send(to, value, { ...sending, headers, ...own, replyTo: address });
      await Promise.race([sent, reply]);
      silence(sent);
      const delivery = await reply;
      if (delivery.unreadable !== undefined) throw delivery.unreadable;
      const size = delivery.payload.byteLength;
      if (size > host.maxPayloadBytes) {
        throw new DecodeError(
          `The reply has ${size} bytes, more than maxPayloadBytes (${host.maxPayloadBytes}) of the app.`,
        );
      }
      const decoder = target.codec === undefined ? decode : createDecoder(target.codec);
      const answer = decoder(delivery.payload, delivery.contentType);
      return target.reply === undefined ? answer : await validate(target.reply, answer, "reply");
    } finally {
      pending.delete(id);
      host.clock.clearTimer(timer);
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    }
  }

  return {
    request,
    async close() {
      for (const waiting of pending.values()) {
        waiting.reject(new PublishError("unknown", "The app was closed before the reply arrived."));
      }
      const opened = [...subscriptions.values()];
      subscriptions.clear();
      await Promise.allSettled(opened.map(async (subscription) => (await subscription).close()));
    },
  };
}
