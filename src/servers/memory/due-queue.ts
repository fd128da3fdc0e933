/** Something that waits for its time. */
export interface Due {
  readonly due: number;
  /** Order among equal times. */
  readonly sequence: number;
}

function before(a: Due, b: Due): boolean {
  return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
}

/** Binary heap: the earliest first, equal times in the order in which they came. */
export class DueQueue<T extends Due> {
  #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): T | undefined {
    return this.#heap[0];
  }

  push(item: T): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as T;
      if (!before(item, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = item;
  }

  /** Removes and returns the earliest item if its time has come. */
  shiftDue(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > now) return undefined;
    const last = this.#heap.pop() as T;
    if (last !== first) this.#sink(last, 0);
    return first;
  }

  /** Removes all that fit; returns them in no particular order. */
  removeWhere(fits: (item: T) => boolean): T[] {
    const removed: T[] = [];
    const kept: T[] = [];
    for (const item of this.#heap) (fits(item) ? removed : kept).push(item);
    if (removed.length > 0) {
      this.#heap = kept;
      for (let index = (kept.length >> 1) - 1; index >= 0; index -= 1) this.#sink(kept[index] as T, index);
    }
    return removed;
  }

  #sink(item: T, index: number): void {
    const heap = this.#heap;
    for (;;) {
      let below = index * 2 + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && before(right, child)) {
        child = right;
        below += 1;
      }
      if (!before(child, item)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = item;
  }
}
