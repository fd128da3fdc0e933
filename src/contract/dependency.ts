import type { Awaitable } from "../internal/awaitable.ts";
import type { MessageHeaders } from "../internal/headers.ts";
import { OptionError } from "../server/errors.ts";
import type { AnySchema, In, MaybeSchema, Out } from "../server/schema.ts";
import type { Message } from "./message.ts";

/** How long a value lives: for one message, or as long as the app. */
export type DependencyScopeName = "message" | "app";

/** A value that handlers get by name. `"~types"` exists for the compiler only. */
export interface Dependency<T = unknown, N = unknown, Scope extends DependencyScopeName = DependencyScopeName> {
  readonly "~kind": "dependency";
  readonly "~types"?: { readonly value: T; readonly needs: N; readonly scope: Scope };
  readonly "~definition": DependencyDefinition;
}

/** A dependency with its types erased; the registry and the resolver see only this. */
export interface DependencyDefinition {
  readonly scope: DependencyScopeName;
  readonly payload: MaybeSchema;
  readonly headers: MaybeSchema;
  readonly deps: Dependencies;
  resolve(context: DependencyContext<unknown, unknown, unknown>): Awaitable<unknown>;
  readonly dispose: ((value: unknown) => Awaitable<void>) | undefined;
}

export type Dependencies = Readonly<Record<string, Dependency>>;
/** The values by name. A conditional type, since it leaves no name of its own in the declarations that users emit. */
export type Resolved<D> = D extends unknown
  ? { readonly [K in keyof D]: D[K] extends Dependency<infer T, unknown> ? T : never }
  : never;

type UnionToIntersection<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void
  ? I
  : never;

type NeedOf<D, Part extends "payload" | "headers"> =
  D extends Dependency<unknown, infer N>
    ? N extends Readonly<Record<Part, infer Need>>
      ? unknown extends Need
        ? // biome-ignore lint/complexity/noBannedTypes: the neutral element of an intersection
          {}
        : Need
      : // biome-ignore lint/complexity/noBannedTypes: the neutral element of an intersection
        {}
    : never;

/** Fields that the dependencies of an actor (and theirs) read from the payload or the headers. */
export type Needs<D, Part extends "payload" | "headers"> = UnionToIntersection<
  { [K in keyof D]: NeedOf<D[K], Part> }[keyof D]
>;

export interface DependencyContext<P, H, D, M = Message | undefined> {
  readonly payload: P;
  readonly headers: H;
  readonly deps: D;
  /** `undefined` for `scope: "app"`, which outlives messages. */
  readonly message: M;
  /** The message's signal, or for `scope: "app"` one that aborts when the app closes. */
  readonly signal: AbortSignal;
}

/** Fails at the dependency in `deps` that lives shorter than the one that wants it. */
type Lasting<Scope, D> = Scope extends "app"
  ? {
      readonly [K in keyof D]: D[K] extends Dependency<unknown, unknown, "app">
        ? D[K]
        : { readonly 'a dependency with scope "app" cannot use one with scope "message"': K };
    }
  : unknown;

/** An app-wide dependency sees no message. */
type ScopedContext<Scope, P, H, D> = Scope extends "app"
  ? DependencyContext<undefined, undefined, Resolved<D>, undefined>
  : DependencyContext<Out<P>, H extends AnySchema ? Out<H> : MessageHeaders, Resolved<D>, Message>;

export interface DependencyConfig<
  T,
  P extends MaybeSchema,
  H extends MaybeSchema,
  D extends Dependencies,
  Scope extends DependencyScopeName,
> {
  /**
   * `"message"` (default): resolved once per message, however often it is used. `"app"`: resolved once, when first
   * needed, kept until the app closes; it can see neither payload nor headers.
   */
  readonly scope?: Scope;
  /** Its own view of the payload: validated, and demanded from whoever sends to an actor that uses it. */
  readonly payload?: Scope extends "app" ? never : P;
  readonly headers?: Scope extends "app" ? never : H;
  readonly deps?: D & Lasting<Scope, NoInfer<D>>;
  resolve(context: ScopedContext<Scope, NoInfer<P>, NoInfer<H>, NoInfer<D>>): Awaitable<T>;
  /** Called after the message is settled (or the app closed), latest first. Errors are logged. */
  readonly dispose?: (value: NoInfer<T>) => Awaitable<void>;
}

/** What a dependency demands of the payload or the headers: its own schema and those of its dependencies. */
type Demand<S, D, Part extends "payload" | "headers"> = [keyof D] extends [never]
  ? In<S>
  : S extends AnySchema
    ? In<S> & Needs<D, Part>
    : Needs<D, Part>;

/**
 * Defines a value that handlers ask for by name: a connection, a record that the payload names, a test double's place.
 * A failure counts as a failure of the actor. Errors: `OptionError` when an app-wide one wants to see a message.
 *
 * @example
 * const user = defineDependency({
 *   payload: z.object({ userId: z.int() }), deps: { db },
 *   resolve: ({ payload, deps }) => deps.db.findUser(payload.userId),
 * });
 */
export function defineDependency<
  T,
  P extends MaybeSchema = undefined,
  H extends MaybeSchema = undefined,
  // biome-ignore lint/complexity/noBannedTypes: "no dependencies" must have no keys
  const D extends Dependencies = {},
  const Scope extends DependencyScopeName = "message",
>(
  config: DependencyConfig<T, P, H, D, Scope>,
): Dependency<T, { readonly payload: Demand<P, D, "payload">; readonly headers: Demand<H, D, "headers"> }, Scope> {
  const scope: DependencyScopeName = config.scope ?? "message";
  const deps: Dependencies = config.deps ?? {};
  if (scope === "app") {
    if (config.payload !== undefined || config.headers !== undefined) {
      throw new OptionError('A dependency with scope "app" cannot have a payload or headers schema.');
    }
    for (const [name, dependency] of Object.entries(deps)) {
      if (dependency["~definition"].scope === "message") {
        throw new OptionError(`A dependency with scope "app" cannot use ${name}, which has scope "message".`);
      }
    }
  }
  return {
    "~kind": "dependency",
    "~definition": {
      scope,
      payload: config.payload,
      headers: config.headers,
      deps,
      // The one erasure: core calls it only with what these schemas and dependencies gave.
      resolve: config.resolve as DependencyDefinition["resolve"],
      dispose: config.dispose as DependencyDefinition["dispose"],
    },
  };
}
