/** A value, or a promise of it. Hot paths test with {@link isPromise} so that they never await what is already there. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
