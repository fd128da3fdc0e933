import { Ring } from "../../internal/ring.ts";
import { priority } from "../../server/priority.ts";
import type { Entry } from "./entry.ts";

class Lane {
  readonly priority: number;
  readonly entries: Ring<Entry> = new Ring();
  constructor(priority: number) {
    this.priority = priority;
  }
}

/**
 * Messages that may be delivered: higher priorities first, first in first out inside one. As long as only the default
 * priority is used it is a single ring.
 */
export class ReadyQueue {
  size = 0;
  readonly #normal = new Lane(priority["normal"]);
  /** All lanes in use, highest priority first; `undefined` while there is only the normal one. */
  #lanes: Lane[] | undefined;

  push(entry: Entry): void {
    this.size += 1;
    this.#lane(entry.priority).entries.push(entry);
  }

  /**
   * Takes back entries that were handed out, each to the place that it had: in front of all that came later, behind
   * what others gave back before and what is older.
   */
  restore(entries: readonly Entry[]): void {
    this.size += entries.length;
    for (const [priority, group] of Map.groupBy(entries, (entry) => entry.priority)) {
      const lane = this.#lane(priority).entries;
      const last = group.reduce((most, { sequence }) => Math.max(most, sequence), 0);
      for (let head = lane.peek(); head !== undefined && head.sequence < last; head = lane.peek()) {
        group.push(lane.shift() as Entry);
      }
      group.sort((a, b) => b.sequence - a.sequence);
      for (const entry of group) lane.unshift(entry);
    }
  }

  shift(): Entry | undefined {
    if (this.size === 0) return undefined;
    this.size -= 1;
    const lanes = this.#lanes;
    if (lanes === undefined) return this.#normal.entries.shift();
    for (let i = 0; i < lanes.length; i += 1) {
      const lane = lanes[i] as Lane;
      const entry = lane.entries.shift();
      if (entry === undefined) continue;
      if (lane !== this.#normal && lane.entries.size === 0) this.#close(i);
      return entry;
    }
    return undefined;
  }

  /** The first entry of each priority. */
  heads(): Entry[] {
    const heads: Entry[] = [];
    for (const lane of this.#lanes ?? [this.#normal]) {
      const head = lane.entries.peek();
      if (head !== undefined) heads.push(head);
    }
    return heads;
  }

  /** Removes everything; returns how many there were. */
  clear(): number {
    const size = this.size;
    this.size = 0;
    this.#lanes = undefined;
    this.#normal.entries.takeAll();
    return size;
  }

  #lane(wanted: number): Lane {
    if (wanted === this.#normal.priority) return this.#normal;
    this.#lanes ??= [this.#normal];
    const lanes = this.#lanes;
    let place = 0;
    for (; place < lanes.length; place += 1) {
      const lane = lanes[place] as Lane;
      if (lane.priority === wanted) return lane;
      if (lane.priority < wanted) break;
    }
    const lane = new Lane(wanted);
    lanes.splice(place, 0, lane);
    return lane;
  }

  #close(place: number): void {
    this.#lanes?.splice(place, 1);
    if (this.#lanes?.length === 1) this.#lanes = undefined;
  }
}
