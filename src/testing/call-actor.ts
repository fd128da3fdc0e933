import type { Actor, Context } from "../contract/actor.ts";
import type { Message } from "../contract/message.ts";
import type { Sendable } from "../contract/operation.ts";
import type { SendResult } from "../contract/send.ts";
import { createHeaders } from "../internal/headers.ts";
import { OptionError } from "../server/errors.ts";

type ContextOfHandler<F> = F extends (context: infer C) => unknown ? C : never;
type ResultOfHandler<F> = F extends (context: never) => infer R ? R : never;

type Given<C> =
  C extends Context<infer P, infer H, infer D, infer R>
    ? { readonly payload: P } & ([keyof D] extends [never] ? { readonly deps?: D } : { readonly deps: D }) & {
          readonly headers?: H;
          readonly signal?: AbortSignal;
          readonly attempt?: number;
          readonly deliveries?: number;
          readonly reply?: (value: R) => Promise<void>;
          readonly send?: (to: Sendable, payload: unknown, options?: object) => Promise<SendResult>;
          readonly message?: Partial<Message>;
        }
    : never;

function absent(what: string): never {
  throw new OptionError(`callActor() was given no ${what}, and the actor uses it.`);
}

/**
 * Calls the plain handler of an actor, without queue, validation or middleware. What the handler touches must be given;
 * touching anything else throws.
 *
 * @example await callActor(welcome, { payload: { userId: 7 }, deps: { user } });
 */
export function callActor<F>(
  actor: Actor<unknown, unknown, unknown, F>,
  given: Given<ContextOfHandler<F>>,
): ResultOfHandler<F> {
  const {
    payload,
    deps = {},
    headers,
    signal,
    attempt = 1,
    deliveries = 1,
    reply,
    send,
    message,
  } = given as Given<Context>;
  const context: Context = {
    payload,
    headers: headers ?? createHeaders(),
    deps,
    signal: signal ?? new AbortController().signal,
    attempt,
    deliveries,
    get reply() {
      return reply ?? absent("reply");
    },
    get send() {
      return send ?? absent("send");
    },
    get message() {
      // A partial message: the test says which parts its handler needs.
      return (message ?? absent("message")) as Message;
    },
  };
  const handler = actor.handler as (context: Context) => unknown;
  return handler(context) as ResultOfHandler<F>;
}
