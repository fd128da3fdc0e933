import type { TaskInput } from "millrace/threads";

/** Runs in a worker thread. It gets a copy of the message's payload, and what it returns is copied back. */
export function countPrimes({ payload }: TaskInput<{ readonly below: number }>): { readonly primes: number } {
  const { below } = payload;
  const composite = new Uint8Array(below);
  let primes = 0;
  for (let n = 2; n < below; n += 1) {
    if (composite[n]) continue;
    primes += 1;
    for (let multiple = n * n; multiple < below; multiple += n) composite[multiple] = 1;
  }
  return { primes };
}

/** Never ends, and never looks at a signal either. */
export function spin(): never {
  for (;;);
}
