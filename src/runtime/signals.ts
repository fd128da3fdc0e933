/** The part of `process` that a worker uses; injected, so that tests need no real signals. */
export interface ProcessLike {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR2: 12, SIGTERM: 15 };

/**
 * First signal: `onFirst`. A second one of any of them: exit at once with 128 + its number (130, 143). Returns the
 * function that takes the listeners off again.
 */
export function listenForSignals(
  target: ProcessLike,
  signals: readonly NodeJS.Signals[],
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: (signal: NodeJS.Signals) => void,
): () => void {
  let seen = false;
  const listeners = signals.map((signal) => {
    const listener = (): void => {
      if (seen) {
        onSecond(signal);
        target.exit(128 + (numbers[signal] ?? 0));
        return;
      }
      seen = true;
      onFirst(signal);
    };
    target.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) target.off(signal, listener);
  };
}
