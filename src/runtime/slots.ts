/** Who waits for slots. */
export interface SlotUser {
  /** Starts as many waiting messages as there are slots for. */
  pump(): void;
}

/**
 * Slots for running actors, shared by all subscriptions of a worker, together with the budget of `messagesLimit`: a
 * start takes one of each, so that the limit is exact however many messages are at hand.
 */
export class Slots {
  readonly total: number;
  #free: number;
  #budget: number;
  #users: SlotUser[] = [];
  #next = 0;
  #pumping = false;
  /** A slot was given back in the middle of a round. */
  #again = false;

  constructor(total: number, budget: number) {
    this.total = total;
    this.#free = total;
    this.#budget = budget;
  }

  get running(): number {
    return this.total - this.#free;
  }

  join(user: SlotUser): void {
    this.#users.push(user);
  }

  tryTake(): boolean {
    if (this.#free <= 0 || this.#budget <= 0) return false;
    this.#free -= 1;
    this.#budget -= 1;
    return true;
  }

  /** Gives a slot back; `refund` when the run does not count against the limit. */
  release(refund: boolean): void {
    this.#free += 1;
    if (refund) this.#budget += 1;
    this.#pump();
  }

  /** Users take turns, so that a busy server cannot starve another. A loop, not recursion: handlers may be synchronous. */
  #pump(): void {
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    const users = this.#users;
    try {
      do {
        this.#again = false;
        for (let turn = 0; turn < users.length && this.#free > 0; turn += 1) {
          this.#next = (this.#next + 1) % users.length;
          users[this.#next]?.pump();
        }
      } while (this.#again);
    } finally {
      this.#pumping = false;
    }
  }
}
