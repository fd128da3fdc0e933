import { Ring } from "../../internal/ring.ts";
import type { MemorySubscription } from "./subscription.ts";

/** So many messages are handed out before timers and I/O get a turn. */
const budgetPerTurn = 512;

/**
 * Hands out messages in rounds, never from inside a publish. Subscriptions that want something stand in line; one that
 * competes with others gets one message per turn. Rounds are microtasks while traffic is light, and immediates once
 * the budget is used up, so that a busy worker cannot starve the event loop.
 */
export class Dispatcher {
  readonly #line: Ring<MemorySubscription> = new Ring();
  #scheduled = false;
  #budget = budgetPerTurn;

  /** Puts a subscription in line. It does so once only, until its turn comes. */
  add(subscription: MemorySubscription): void {
    this.#line.push(subscription);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    if (this.#budget > 0) queueMicrotask(this.#round);
    else setImmediate(this.#freshRound);
  }

  readonly #freshRound = (): void => {
    this.#budget = budgetPerTurn;
    this.#round();
  };

  readonly #round = (): void => {
    try {
      while (this.#budget > 0) {
        const subscription = this.#line.shift();
        if (subscription === undefined) break;
        this.#budget -= subscription.take(this.#budget);
      }
    } finally {
      this.#scheduled = false;
      if (this.#line.size > 0) this.#schedule();
    }
  };
}
