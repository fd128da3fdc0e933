import type { Dependencies, Dependency, DependencyDefinition } from "../contract/dependency.ts";
import type { Message } from "../contract/message.ts";
import { type Awaitable, isPromise, silence } from "../internal/awaitable.ts";
import type { MessageHeaders } from "../internal/headers.ts";
import type { MaybeSchema } from "../server/schema.ts";

/** The input as read from the message: what dependencies take their own views of. */
export interface ScopeInput {
  readonly message: Message | undefined;
  readonly signal: AbortSignal;
  payload(schema: MaybeSchema): Awaitable<unknown>;
  headers(schema: MaybeSchema): Awaitable<unknown>;
}

export interface ScopeOptions {
  /** Where app-wide dependencies live; absent in the app-wide scope itself. */
  readonly parent?: DependencyScope;
  /** Replacements by a test client. */
  readonly overrides: ReadonlyMap<Dependency, DependencyDefinition["resolve"]>;
  readonly onDisposeError: (error: unknown) => void;
}

export const noDependencies: Readonly<Record<string, unknown>> = Object.freeze({});

interface Resolution {
  readonly value: Awaitable<unknown>;
  /** Made by the replacement of a test client. */
  readonly replaced: boolean;
}

/** The signal of a message is made when it is first read: most dependencies never do. */
class ResolveContext {
  readonly payload: unknown;
  readonly headers: MessageHeaders;
  readonly deps: unknown;
  readonly #input: ScopeInput;
  constructor(input: ScopeInput, payload: unknown, headers: MessageHeaders, deps: unknown) {
    this.#input = input;
    this.payload = payload;
    this.headers = headers;
    this.deps = deps;
  }
  get message(): Message | undefined {
    return this.#input.message;
  }
  get signal(): AbortSignal {
    return this.#input.signal;
  }
}

/** Resolves dependencies, each at most once, and disposes of them latest first. One per message, and one per app. */
export class DependencyScope {
  readonly #values = new Map<Dependency, Resolution>();
  readonly #retired: [Dependency, Resolution][] = [];
  readonly #options: ScopeOptions;
  readonly #input: ScopeInput;

  constructor(input: ScopeInput, options: ScopeOptions) {
    this.#input = input;
    this.#options = options;
  }

  /** All of them, in parallel; not a promise when none of them is one. */
  resolveAll(deps: Dependencies): Awaitable<Readonly<Record<string, unknown>>> {
    const resolved: Record<string, unknown> = {};
    let pending: PromiseLike<unknown>[] | undefined;
    for (const name in deps) {
      let value: Awaitable<unknown>;
      try {
        value = this.resolve(deps[name] as Dependency);
      } catch (error) {
        for (const other of pending ?? []) silence(other);
        throw error;
      }
      if (isPromise(value)) {
        pending ??= [];
        pending.push(
          value.then((settled) => {
            resolved[name] = settled;
          }),
        );
      } else {
        resolved[name] = value;
      }
    }
    return pending === undefined ? resolved : Promise.all(pending).then(() => resolved);
  }

  resolve(dependency: Dependency): Awaitable<unknown> {
    const { parent } = this.#options;
    if (parent !== undefined && dependency["~definition"].scope === "app") return parent.resolve(dependency);
    const known = this.#values.get(dependency);
    if (known !== undefined) return known.value;
    const replaced = this.#options.overrides.has(dependency);
    const value = this.#start(dependency);
    this.#values.set(dependency, { value, replaced });
    if (isPromise(value)) this.#forgetFailure(dependency, value);
    return value;
  }

  /** Waits for what is still being resolved, then disposes of everything, dependents before what they depend on. */
  async dispose(): Promise<void> {
    const entries = [...this.#retired.splice(0), ...this.#values].reverse();
    this.#values.clear();
    for (const [dependency, { value, replaced }] of entries) {
      const { dispose } = dependency["~definition"];
      // What a replacement made is not ours to dispose of.
      if (dispose === undefined || replaced) continue;
      try {
        await dispose(await value);
      } catch (error) {
        this.#options.onDisposeError(error);
      }
    }
  }

  /** Resolves everything anew from now on; what there is lives on until the scope is disposed of. */
  renew(): void {
    this.#retired.push(...this.#values);
    this.#values.clear();
  }

  /** Whether anything here wants to be disposed of. */
  get hasDisposals(): boolean {
    for (const dependency of this.#values.keys()) {
      if (dependency["~definition"].dispose !== undefined) return true;
    }
    return false;
  }

  /** A failed resolution has nothing to dispose of; in the app-wide scope the next message tries again. */
  #forgetFailure(dependency: Dependency, value: PromiseLike<unknown>): void {
    const forget = (): void => {
      if (this.#values.get(dependency)?.value === value) this.#values.delete(dependency);
    };
    value.then(undefined, forget);
  }

  #start(dependency: Dependency): Awaitable<unknown> {
    const definition = dependency["~definition"];
    const override = this.#options.overrides.get(dependency);
    const input = this.#input;
    const deps = override === undefined ? this.resolveAll(definition.deps) : noDependencies;
    let payload: Awaitable<unknown>;
    let headers: Awaitable<unknown>;
    try {
      payload = definition.payload === undefined ? undefined : this.#input.payload(definition.payload);
      headers = this.#input.headers(definition.headers);
    } catch (error) {
      // What was begun beside it may fail, too, and nobody is there to hear it.
      silence(deps);
      silence(payload);
      throw error;
    }
    const finish = (resolved: unknown, view: unknown, headerView: unknown): Awaitable<unknown> => {
      const context = new ResolveContext(input, view, headerView as MessageHeaders, resolved);
      return override === undefined ? definition.resolve(context) : override(context);
    };
    if (isPromise(deps) || isPromise(payload) || isPromise(headers)) {
      return Promise.all([deps, payload, headers]).then(([all, view, headerView]) => finish(all, view, headerView));
    }
    return finish(deps, payload, headers);
  }
}
