import type { ActorDefaults, Context, HeadersOut, OnInvalid, OnTimeout, ReplyIn } from "../../contract/actor.ts";
import type { Operation } from "../../contract/operation.ts";
import type { RetryOption } from "../../contract/retry.ts";
import { createRouter, type Router, type RouterOptions } from "../../contract/router.ts";
import { catchAll, type Routing } from "../../contract/routing.ts";
import type { Awaitable } from "../../internal/awaitable.ts";
import { ContractError, OptionError } from "../../server/errors.ts";
import type { AnySchema, MaybeSchema, Out } from "../../server/schema.ts";
import type { AsyncApiDocument } from "../document.ts";
import { type Contract, contractOf } from "./contract.ts";

/** What a handler gets, and what it must return: the reply, where the operation has one. */
export type ImplementationHandler<O> =
  O extends Operation<infer P, infer H, infer R>
    ? (
        context: Context<Out<P>, HeadersOut<H>, object, ReplyIn<R>>,
      ) => R extends AnySchema ? Awaitable<ReplyIn<R> | undefined | void> : unknown
    : never;

/** Options of one actor beside its handler. */
export interface ImplementationOptions extends Omit<ActorDefaults, "channel"> {
  readonly retry?: RetryOption;
  /** Which messages of the channel are for it, where the document names no header that tells. */
  readonly routing?: Routing;
  readonly onInvalid?: OnInvalid<"auto">;
  readonly onTimeout?: OnTimeout<"auto", true>;
}

export type Implementation<O> =
  | ImplementationHandler<O>
  | (ImplementationOptions & { readonly handler: ImplementationHandler<O> });

/** One implementation for every operation that is received; of a mere document, by whatever keys it has. */
export type Implementations<T> = T extends { readonly receive: infer R extends Readonly<Record<string, Operation>> }
  ? { readonly [K in keyof R]: Implementation<R[K]> }
  : Readonly<Record<string, Implementation<Operation<MaybeSchema, undefined, undefined>>>>;

function isDocument(source: object): source is AsyncApiDocument {
  return "asyncapi" in source;
}

function quote(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

function compare(wanted: readonly string[], given: readonly string[]): void {
  const missing = wanted.filter((key) => !given.includes(key));
  const extra = given.filter((key) => !wanted.includes(key));
  if (missing.length + extra.length === 0) return;
  const parts = [
    ...(missing.length > 0 ? [`no handler for ${quote(missing)}`] : []),
    ...(extra.length > 0 ? [`handlers for ${quote(extra)}, which the document does not receive`] : []),
  ];
  throw new ContractError(`The handlers do not fit the contract: ${parts.join("; ")}.`, missing, extra);
}

/** Without a header that tells messages apart, an actor takes all of its channel, or says itself what it takes. */
function routingOf(
  key: string,
  operation: Operation,
  contract: Pick<Contract, "receive">,
  given: Routing | undefined,
): Routing | undefined {
  if (given !== undefined || operation.topicHeader !== false) return given;
  const address = operation.channel.address;
  const beside = Object.keys(contract.receive).filter(
    (other) => other !== key && contract.receive[other]?.channel.address === address,
  );
  if (beside.length === 0) return catchAll;
  throw new OptionError(
    `Operations ${quote([key, ...beside])} share the channel ${address}, and the document names no header that tells their ` +
      `messages apart: give routing, as { routing, handler }.`,
  );
}

/**
 * A router with one actor for every operation that a contract receives: a module written by `millrace asyncapi types`, or
 * the document itself, then without types. Messages are validated against its schemas. Errors: `ContractError` for missing
 * and superfluous handlers, `OptionError` for documents that cannot be understood or refer to other files.
 *
 * @example
 * const app = createApp({ server }).include(implement(contract, {
 *   createOrder: async ({ payload }) => ({ id: await orders.create(payload) }),
 * }));
 */
export function implement<const T extends Pick<Contract, "receive"> | AsyncApiDocument>(
  source: T,
  implementations: Implementations<T>,
  options: Omit<RouterOptions, "channel"> = {},
): Router<boolean> {
  const contract = isDocument(source) ? contractOf(source) : (source as Pick<Contract, "receive">);
  const given = implementations as Readonly<Record<string, Implementation<Operation>>>;
  const keys = Object.keys(contract.receive);
  compare(keys, Object.keys(given));
  const router = createRouter(options);
  for (const key of keys) {
    const operation = contract.receive[key] as Operation;
    const one = given[key] as Implementation<Operation>;
    const { handler, routing, ...rest } = typeof one === "function" ? { handler: one, routing: undefined } : one;
    const chosen = routingOf(key, operation, contract, routing);
    const config = { operation, ...rest, ...(chosen === undefined ? {} : { routing: chosen }) };
    // Which context the handler wants is checked above, by the types of its operation.
    router.actor(
      config as { readonly operation: Operation<undefined> },
      handler as (context: Context<unknown, unknown>) => unknown,
    );
  }
  return router;
}
