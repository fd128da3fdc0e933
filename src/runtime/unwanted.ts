import type { Features } from "../server/features.ts";
import { recordError } from "../server/settle-reason.ts";
import { noteForReturn, noteForUntouched, reasonFor } from "./aftermath.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { Settler } from "./settler.ts";
import type { WorkerState } from "./worker-state.ts";

/** How long a message waits here whose earlier run has not ended yet, before it goes back. */
const zombiePause = 1000;

/** Settles messages that no handler gets: nobody wants them, they are poison, or the worker stops. */
export class Unwanted {
  readonly #worker: WorkerState;
  readonly #settler: Settler;
  readonly #server: string;
  readonly #features: Features;

  constructor(worker: WorkerState, settler: Settler, server: string, features: Features) {
    this.#worker = worker;
    this.#settler = settler;
    this.#server = server;
    this.#features = features;
  }

  /** Back as it came: nobody has looked at it. */
  handBack(message: ReceivedMessage): void {
    this.#settler.settle(message, "reject", "reject", noteForUntouched(message));
  }

  /** Its earlier run has not ended: another worker may have it, or this one later. */
  holdBack(message: ReceivedMessage): void {
    this.#worker.clock.setTimer(() => this.handBack(message), zombiePause, { unref: true });
  }

  poison(message: ReceivedMessage): void {
    const { logger, clock } = this.#worker;
    const actor = message.plan === undefined ? {} : { actor: message.plan.name };
    const reason = reasonFor(message, clock.now(), "poison", { ...actor, attempted: false });
    logger.error({ event: "message.poison", ...this.#fields(message), ...actor, deliveries: message.deliveries });
    this.#settler.settle(message, "nack", "nack", { reason });
  }

  /** The server could not make sense of it. */
  unreadable(message: ReceivedMessage, error: Error): void {
    const { logger, clock } = this.#worker;
    const reason = reasonFor(message, clock.now(), "decode", { error, attempted: false });
    logger.error({ event: "message.unreadable", ...this.#fields(message), err: recordError(error) });
    this.#settler.settle(message, "nack", "nack", { reason });
  }

  /** Back with growing pauses, counted in the message itself, and dead-lettered in the end. */
  unrouted(message: ReceivedMessage): void {
    const { logger, clock, unrouted } = this.#worker;
    const times = message.book.unrouted + 1;
    const now = clock.now();
    if (times >= unrouted.attempts) {
      logger.error({ event: "message.unrouted", ...this.#fields(message), times, outcome: "nack" });
      const reason = reasonFor(message, now, "unrouted", { attempted: false });
      this.#settler.settle(message, "nack", "nack", { reason });
      return;
    }
    logger.warn({ event: "message.unrouted", ...this.#fields(message), times, outcome: "reject" });
    const note = noteForReturn(message, now, false, times);
    if (this.#features.retryDelay.level === "unsupported") {
      this.#settler.settle(message, "reject", "reject", note);
    } else {
      this.#settler.settle(message, "retry", { retryAfter: unrouted.delay(times) }, note);
    }
  }

  #fields(message: ReceivedMessage): { readonly [field: string]: unknown } {
    return { server: this.#server, channel: message.channel, message_id: message.id };
  }
}
