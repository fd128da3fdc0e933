import { setImmediate as immediate } from "node:timers/promises";

/** What a case is given. */
export interface Setting {
  /** 1 = full size, less for a quick look. */
  readonly scale: number;
  /** An empty folder of its own, on the disk to be measured. */
  readonly folder: string;
  /** For cases that need one; empty, and may be used as they like. */
  readonly redis?: string;
}

/** What one run of a case found out. */
export interface Measurement {
  readonly messages: number;
  /** Milliseconds by the clock. */
  readonly wall: number;
  /** Microseconds of the processor, all threads of the process. */
  readonly cpu: number;
  /** Microseconds of the processor that the server used meanwhile. */
  readonly server?: number;
  /** Microseconds of the processor that other processes of this case used, from first to last. */
  readonly elsewhere?: number;
  /** Figures of this case only. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Runs in a process of its own. */
export type Case = (setting: Setting) => Promise<Measurement>;

export function scaled(count: number, { scale }: Setting): number {
  return Math.max(1000, Math.round((count * scale) / 1000) * 1000);
}

/** Full collections until nothing more goes. */
export function collect(): void {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc.");
  for (let i = 0; i < 3; i += 1) globalThis.gc();
}

/** Runs it, with a clean heap at the start. */
export async function timed(messages: number, run: () => void | Promise<void>): Promise<Measurement> {
  collect();
  await immediate();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const wall = performance.now() - start;
  const used = process.cpuUsage(cpu);
  return { messages, wall, cpu: used.user + used.system };
}

/** Calls `send(0)` … `send(count - 1)`, so many at a time, each awaited. */
export async function inFlight(limit: number, count: number, send: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  async function lane(): Promise<void> {
    while (next < count) {
      next += 1;
      await send(next - 1);
    }
  }
  await Promise.all(Array.from({ length: limit }, lane));
}

/** Counts what handlers got, and tells when it is enough. */
export class Counter {
  #count = 0;
  #goal = Number.POSITIVE_INFINITY;
  #reached: () => void = () => {};

  hit(): void {
    this.#count += 1;
    if (this.#count === this.#goal) this.#reached();
  }

  /** Resolves with the `more`th hit from now on. */
  after(more: number): Promise<void> {
    this.#goal = this.#count + more;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }
}
