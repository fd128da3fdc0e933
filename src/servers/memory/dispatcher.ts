import { Ring } from "../../internal/ring.ts";

/** Someone in line for messages. */
export interface Taker {
  /** Takes messages, at most `limit`, and returns how many it took. */
  take(limit: number): number;
}

/** So many messages are handed out before timers and I/O get a turn. */
const budgetPerTurn = 512;
/** Messages of a publisher that does not let the loop turn are handed out so many at a time. */
const budgetPerBurst = 64;

/**
 * Hands out messages in rounds, never from inside a publish. Subscriptions that want something stand in line; one that
 * competes with others gets one message per turn. Rounds are microtasks while traffic is light, and immediates once
 * the budget is used up, so that a busy worker cannot starve the event loop. While one is on its way, each publish adds
 * one to the budget: a publisher that never lets the loop turn would otherwise pile up messages that nobody may take.
 */
export class Dispatcher {
  readonly #line: Ring<Taker> = new Ring();
  #scheduled = false;
  /** The next round waits for a turn of the loop. */
  #waiting = false;
  /** An immediate is on its way. */
  #turning = false;
  #budget = budgetPerTurn;

  /** Puts someone in line, who then waits for the turn before asking again. */
  add(taker: Taker): void {
    this.#line.push(taker);
    if (!this.#scheduled) this.#schedule();
  }

  /** A message was published. */
  published(): void {
    if (!this.#turning) return;
    this.#budget += 1;
    if (!this.#waiting || this.#budget < budgetPerBurst) return;
    this.#waiting = false;
    queueMicrotask(this.#round);
  }

  #schedule(): void {
    this.#scheduled = true;
    if (this.#budget > 0) {
      queueMicrotask(this.#round);
      return;
    }
    this.#waiting = true;
    if (!this.#turning) {
      this.#turning = true;
      setImmediate(this.#freshRound);
    }
  }

  readonly #freshRound = (): void => {
    this.#turning = false;
    this.#budget = budgetPerTurn;
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#round();
  };

  readonly #round = (): void => {
    try {
      while (this.#budget > 0) {
        const taker = this.#line.shift();
        if (taker === undefined) break;
        this.#budget -= taker.take(this.#budget);
      }
    } finally {
      this.#scheduled = false;
      if (this.#line.size > 0) this.#schedule();
    }
  };
}
