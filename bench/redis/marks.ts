const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

interface Mark {
  readonly count: number;
  readonly time: number;
  readonly cpu: number;
}

export interface MarksOptions {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  onBegin(): void;
  onEnd(): void;
}

/**
 * Looks at the clock every `step` messages, beginning with the `from`th. With a step of one message per slot, handlers
 * that sleep finish in bursts of that length, and the rate between two marks is free of the burst's share of a window.
 */
export class Marks {
  readonly #options: MarksOptions;
  readonly #marks: Mark[] = [];
  #count = 0;

  constructor(options: MarksOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  hit(): void {
    this.#count += 1;
    const { from, to, step, onBegin, onEnd } = this.#options;
    if (this.#count < from || this.#count > to || (this.#count - from) % step !== 0) return;
    this.#marks.push({ count: this.#count, time: performance.now(), cpu: cpu() });
    if (this.#marks.length === 1) onBegin();
    if (this.#count + step > to) onEnd();
  }

  /** Between the first mark and the last. */
  measured(): { readonly messages: number; readonly wall: number; readonly cpu: number } {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (first === undefined || last === undefined || first === last) return { messages: 0, wall: 0, cpu: 0 };
    return { messages: last.count - first.count, wall: last.time - first.time, cpu: last.cpu - first.cpu };
  }
}
