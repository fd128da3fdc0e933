import type { Awaitable } from "../internal/awaitable.ts";
import type { MessageHeaders, OutgoingMessage } from "../server/delivery.ts";
import { NextCalledTwiceError } from "../server/errors.ts";
import type { PublishOptions } from "../server/server.ts";
import type { Message } from "./message.ts";
import type { SendResult } from "./send.ts";

/** What middleware may know of an actor. */
export interface ActorInfo {
  readonly name: string;
  readonly topic: string;
  readonly channel: string;
  /** Milliseconds; `Infinity` = none. */
  readonly timeout: number;
  readonly tags: readonly string[];
}

/** Replaces what the rest of the chain sees of the message. */
export interface MessagePatch {
  readonly payload?: Uint8Array;
  readonly headers?: MessageHeaders;
  readonly contentType?: string | undefined;
}

export interface ActorCall {
  readonly message: Message;
  readonly actor: ActorInfo;
  readonly signal: AbortSignal;
}

/**
 * Wraps the run of an actor. Its result takes the place of the actor's: returning without `next()` counts as success,
 * throwing as failure. The message is settled after the outermost middleware is done; await `message.settled` elsewhere
 * or register `message.afterSettle` to see how.
 *
 * @example
 * const logging = (): ActorMiddleware => async function logging({ message, actor }, next) {
 *   const start = performance.now();
 *   try { return await next(); } finally { console.error(actor.name, message.id, performance.now() - start); }
 * };
 */
export type ActorMiddleware = (call: ActorCall, next: (patch?: MessagePatch) => Promise<unknown>) => unknown;

export interface ProducerCall {
  readonly server: string;
  readonly channel: string;
  readonly message: OutgoingMessage;
  readonly options: PublishOptions;
  /** Name of the operation or actor, absent for `publish` and `publishJson`. */
  readonly operation: string | undefined;
}

/** What a producer middleware may change. */
export interface ProducerPatch {
  readonly channel?: string;
  readonly message?: OutgoingMessage;
  readonly options?: PublishOptions;
}

/**
 * Wraps the sending of a message, replies included. Not calling `next()` suppresses it: `send` then resolves with
 * `suppressed: true`.
 */
export type ProducerMiddleware = (
  call: ProducerCall,
  next: (patch?: ProducerPatch) => Promise<SendResult>,
) => Promise<SendResult | undefined> | SendResult | undefined;

/** Runs the actor for a call; the innermost part of the onion. */
export type ActorLeaf<C> = (call: C) => Awaitable<unknown>;

/**
 * A middleware that has not waited for the rest of the chain is waited for, and the failure of the rest is its own: the
 * message must not be acked while its actor still runs. One that has waited may hide a failure; then nothing is running.
 */
async function afterRest(result: unknown, rest: () => Promise<unknown> | undefined): Promise<unknown> {
  const value = await result;
  await rest();
  return value;
}

/**
 * Compiles middlewares around a leaf, outermost first. Done once, when a worker starts: per message it costs one
 * closure per middleware, and nothing at all without middleware.
 */
export function composeActor<C extends ActorCall>(
  middlewares: readonly ActorMiddleware[],
  leaf: ActorLeaf<C>,
  apply: (call: C, patch: MessagePatch) => void,
): ActorLeaf<C> {
  return middlewares.reduceRight<ActorLeaf<C>>((inner, middleware) => {
    return function runMiddleware(call) {
      let called = false;
      const proceed = async (patch: MessagePatch | undefined): Promise<unknown> => {
        if (called) throw new NextCalledTwiceError(middleware.name);
        called = true;
        if (patch !== undefined) apply(call, patch);
        return inner(call);
      };
      let running: Promise<unknown> | undefined;
      const ended = (): void => {
        running = undefined;
      };
      const next = (patch?: MessagePatch): Promise<unknown> => {
        const result = proceed(patch);
        running ??= result;
        // A middleware that does not wait for it must not end the process by that.
        result.then(ended, ended);
        return result;
      };
      const result = middleware(call, next);
      if (running === undefined || result === running) return result;
      return afterRest(result, () => running);
    };
  }, leaf);
}

export type ProducerLeaf = (call: ProducerCall) => Promise<SendResult>;

export function composeProducer(middlewares: readonly ProducerMiddleware[], leaf: ProducerLeaf): ProducerLeaf {
  return middlewares.reduceRight<ProducerLeaf>((inner, middleware) => {
    return async function runMiddleware(call) {
      let called = false;
      const proceed = async (patch: ProducerPatch | undefined): Promise<SendResult> => {
        if (called) throw new NextCalledTwiceError(middleware.name);
        called = true;
        return inner(patch === undefined ? call : { ...call, ...patch });
      };
      const next = (patch?: ProducerPatch): Promise<SendResult> => {
        const result = proceed(patch);
        result.catch(() => {});
        return result;
      };
      const result = await middleware(call, next);
      if (result !== undefined) return result;
      return { id: call.message.id, server: call.server, channel: call.channel, suppressed: !called };
    };
  }, leaf);
}
