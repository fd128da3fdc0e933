import { silence } from "../internal/awaitable.ts";
import { noteForReturn } from "./aftermath.ts";
import type { ReceivedMessage } from "./received-message.ts";

/** More than any lease lasts: older ones have come back to somebody long ago. */
const most = 10_000;

/**
 * Messages that their manual actors have left unsettled. Nobody renews their leases, so that they come again by
 * themselves; but when the worker stops first, they go back as what they are, runs without a result, so that the next
 * worker counts them.
 */
export class LeftMessages {
  readonly #messages = new Set<ReceivedMessage>();

  add(message: ReceivedMessage): void {
    this.#messages.add(message);
    if (this.#messages.size <= most) return;
    for (const oldest of this.#messages) {
      this.#messages.delete(oldest);
      return;
    }
  }

  delete(message: ReceivedMessage): void {
    if (this.#messages.size > 0) this.#messages.delete(message);
  }

  /** Not through the settler: nobody decided anything, and closing the subscription waits for it. */
  giveBack(now: number): void {
    for (const message of this.#messages) {
      if (message.state !== "left") continue;
      try {
        silence(message.delivery.settle("reject", noteForReturn(message, now, true)));
      } catch {
        // Its lease is over: it is on its way back already.
      }
    }
    this.#messages.clear();
  }
}
