import { silence } from "./awaitable.ts";

/** The same promise, or a rejection when the signal aborts first: with its reason, or what `errorOf` makes of that. */
export function orAborted<T>(
  pending: Promise<T>,
  signal: AbortSignal | undefined,
  errorOf: (reason: unknown) => unknown = (reason) => reason,
): Promise<T> {
  if (signal === undefined) return pending;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(errorOf(signal.reason));
    if (signal.aborted) {
      silence(pending);
      return onAbort();
    }
    signal.addEventListener("abort", onAbort, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
