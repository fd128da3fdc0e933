import { OptionError, RouterCycleError } from "../server/errors.ts";
import { nameOption } from "../server/option.ts";
import type { AnySchema, MaybeSchema, Out } from "../server/schema.ts";
import type {
  Actor,
  ActorDefaults,
  ActorDefinition,
  ActorHeaders,
  ActorOptionName,
  ActorPayload,
  CodeFirst,
  Confirmation,
  Conflicting,
  Context,
  ContractFirst,
  Exclusive,
  Given,
  Handler,
  HeadersOut,
  Missing,
  ReplyIn,
  ReturnOf,
} from "./actor.ts";
import { checkActor, defineActor } from "./define-actor.ts";
import type { Dependencies, Resolved } from "./dependency.ts";
import type { RetryOption } from "./retry.ts";

export interface RouterOptions extends ActorDefaults {
  /** Retry policy of all actors in it that have none of their own. */
  readonly retry?: RetryOption;
}

/** Whether the options given hold a retry policy; if not, whether one is inherited. */
export type HasRetry<K, YD> = "retry" extends K ? true : YD;

/** Registers actors. `YD` = whether a retry policy is inherited. */
export interface ActorRegistrar<YD> {
  /**
   * Registers an actor. The handler stays callable as `.handler`. Errors: `OptionError` for options that contradict.
   *
   * @example
   * const greet = router.actor({ name: "greet", payload: z.object({ who: z.string() }) }, ({ payload }) => payload.who);
   */
  actor<
    P extends MaybeSchema = undefined,
    H extends MaybeSchema = undefined,
    R extends MaybeSchema = undefined,
    // biome-ignore lint/complexity/noBannedTypes: "no dependencies" must have no keys
    D extends Dependencies = {},
    const C extends Confirmation = "auto",
    K extends ActorOptionName = never,
    F extends Handler<C, R, Context<Out<P>, HeadersOut<H>, Resolved<D>, ReplyIn<R>>> = Handler<
      C,
      R,
      Context<Out<P>, HeadersOut<H>, Resolved<D>, ReplyIn<R>>
    >,
  >(
    config: Given<K> &
      Exclusive<NoInfer<K>> &
      Conflicting<NoInfer<K>, NoInfer<P>, NoInfer<H>, NoInfer<D>> &
      (
        | CodeFirst<P, H, R, D, C, HasRetry<K, YD>>
        | (ContractFirst<P, H, R, D, C, HasRetry<K, YD>> & Missing<NoInfer<P>, NoInfer<H>, NoInfer<D>>)
      ),
    handler: F,
  ): Actor<
    ActorPayload<P, D>,
    ActorHeaders<H, D>,
    R extends AnySchema ? R : unknown,
    (context: Context<Out<P>, HeadersOut<H>, Resolved<D>, ReplyIn<R>>) => ReturnOf<F>
  >;
}

export interface Router<YD = false> extends ActorRegistrar<YD> {
  readonly "~kind": "router";
  readonly "~entries": readonly RouterEntry[];
  readonly "~options": RouterOptions;
  /**
   * Adds the actors of another router here. Actors added to it later are seen, too; including it twice keeps the first
   * place. Errors: `RouterCycleError`.
   */
  include(child: Router<boolean>): this;
}

export type RouterEntry =
  | { readonly kind: "actor"; readonly actor: ActorDefinition }
  | { readonly kind: "router"; readonly router: Router<boolean> };

function reaches(from: Router<boolean>, target: Router<boolean>): boolean {
  if (from === target) return true;
  return from["~entries"].some((entry) => entry.kind === "router" && reaches(entry.router, target));
}

/**
 * A group of actors with shared defaults: the nearest option wins, middleware adds up from the outside in. Nothing is
 * computed before a worker starts.
 *
 * @example
 * const emails = createRouter({ channel: "email", timeout: "10s" });
 */
export function createRouter<K extends keyof RouterOptions = never>(
  options: RouterOptions & Given<K> = {},
): Router<HasRetry<K, false>> {
  if (options.channel === "") nameOption("router channel", options.channel);
  checkActor("router", options);
  const entries: RouterEntry[] = [];
  const router: Router<HasRetry<K, false>> = {
    "~kind": "router",
    "~entries": entries,
    "~options": options,
    actor(config, handler) {
      const definition = defineActor(config, handler);
      entries.push({ kind: "actor", actor: definition });
      // The same function; the signature above types it for those who call it in tests.
      return { "~kind": "actor", name: definition.name, handler: handler as never, "~definition": definition };
    },
    include(child) {
      if (child?.["~kind"] !== "router") throw new OptionError("include() expects a router made by createRouter().");
      if (reaches(child, router)) throw new RouterCycleError();
      if (!entries.some((entry) => entry.kind === "router" && entry.router === child)) {
        entries.push({ kind: "router", router: child });
      }
      return this;
    },
  };
  return router;
}
