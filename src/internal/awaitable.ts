/** A value, or a promise of it. Hot paths test with {@link isPromise} so that they never await what is already there. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** Takes note of a promise whose outcome does not matter any more: its rejection must not end the process. */
export function silence(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
  else if (typeof value === "object" && value !== null && isPromise(value)) Promise.resolve(value).catch(() => {});
}
