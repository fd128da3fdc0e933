import type { BrokerServer, Feature, FeatureName, Features } from "millrace";

// What the type tests share. Nothing here ever runs: the compiler is the test runner.

/** Whether two types are the same, `any` and modifiers included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Compiles when the type is `true`. */
export declare function check<_Holds extends true>(): void;

/** Types of the platform that hold an `any` of their own. */
type Foreign = AbortSignal | Date | Error | Uint8Array;

/** Paths to every `any` in a type: properties, parameters and results of functions, what promises resolve to. */
export type AnyPaths<T, Path extends string = "", Depth extends 1[] = []> =
  IsAny<T> extends true
    ? `${Path}: any`
    : [T] extends [never]
      ? never
      : unknown extends T
        ? never
        : Depth["length"] extends 6
          ? never
          : T extends Foreign | string | number | boolean | bigint | symbol | null | undefined
            ? never
            : T extends PromiseLike<infer Value>
              ? AnyPaths<Value, `${Path}.then`, [...Depth, 1]>
              : T extends (...args: infer Args) => infer Result
                ? AnyPaths<Args, `${Path}()`, [...Depth, 1]> | AnyPaths<Result, `${Path} => `, [...Depth, 1]>
                : T extends readonly unknown[]
                  ? AnyPaths<T[number], `${Path}[]`, [...Depth, 1]>
                  : {
                      [K in keyof T & string]-?: AnyPaths<T[K], `${Path}.${K}`, [...Depth, 1]>;
                    }[keyof T & string];

type Without<Name extends FeatureName> = Omit<Features, Name> &
  Readonly<Record<Name, Feature & { readonly level: "unsupported" }>>;

export interface RedisParams {
  readonly maxLength?: number;
}

/** A server with parameters of its own that can do everything. */
export declare function redis(options: { readonly url: string }): BrokerServer<RedisParams, Features>;

/** A log of messages: no delay, no priority, no expiry, no deduplication, no replies. */
export declare function kafka(options: {
  readonly brokers: readonly string[];
}): BrokerServer<{ readonly key?: string }, Without<"delay" | "priority" | "expiry" | "dedupe" | "requestReply">>;
