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
  readonly #made: Mark = { count: 0, time: performance.now(), cpu: cpu() };
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
    this.#marks.push(this.#now());
    if (this.#marks.length === 1) onBegin();
    if (this.#count + step > to) onEnd();
  }

  /** Between the first mark and the last; where it was too slow for two of them, from the very start until now. */
  measured(): { readonly messages: number; readonly wall: number; readonly cpu: number } {
    const marks = this.#marks.length > 1 ? this.#marks : [this.#made, this.#now()];
    const [first, last] = [marks[0] as Mark, marks.at(-1) as Mark];
    return { messages: last.count - first.count, wall: last.time - first.time, cpu: last.cpu - first.cpu };
  }

  #now(): Mark {
    return { count: this.#count, time: performance.now(), cpu: cpu() };
  }
}
