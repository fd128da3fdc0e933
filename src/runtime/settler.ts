import type { SettledOutcome } from "../contract/message.ts";
import { isPromise } from "../internal/awaitable.ts";
import type { Clock } from "../internal/clock.ts";
import type { Outcome, RetryAfter, SettleNote } from "../server/delivery.ts";
import { LeaseLostError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { recordError } from "../server/settle-reason.ts";
import type { ReceivedMessage } from "./received-message.ts";

export interface SettlerHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly serverName: string;
  /** The message is lost; its handler may still run. */
  onLost(message: ReceivedMessage): void;
  onCallbackError(message: ReceivedMessage, error: unknown): void;
  /** The settlement is over; the message is settled, lost, or left to the broker. */
  onConcluded(message: ReceivedMessage): void;
}

const firstPause = 50;
const longestPause = 2000;
/** How long a failing settle is tried where there is no lease that would end. */
const patienceWithoutLease = 30_000;

/**
 * Settles messages: pending → settling → settled. A failed settle call is tried again, with backoff, until the lease
 * ends: then the message is not ours any more and the broker hands it out again.
 */
export class Settler {
  readonly #host: SettlerHost;
  /** What the last acks wait for, and which messages those are. */
  #pending: PromiseLike<void> | undefined;
  #group: ReceivedMessage[] = [];

  constructor(host: SettlerHost) {
    this.#host = host;
  }

  /** The first one wins; returns false when there was nothing to decide any more. */
  settle(message: ReceivedMessage, action: SettledOutcome, outcome: Outcome | RetryAfter, note?: SettleNote): boolean {
    if (message.state !== "pending" && message.state !== "left") return false;
    message.state = "settling";
    message.outcome = action;
    this.perform(message, outcome, note);
    return true;
  }

  /** Settles a message that is in state "settling" already (a reply was sent first). */
  perform(message: ReceivedMessage, outcome: Outcome | RetryAfter, note?: SettleNote): void {
    if (message.state !== "settling") return;
    let pending: void | PromiseLike<void>;
    try {
      pending = message.delivery.settle(outcome, note);
    } catch (error) {
      this.#onFailure(message, outcome, note, error, 0, undefined);
      return;
    }
    if (!isPromise(pending)) this.#conclude(message, "settled");
    else if (outcome === "ack" && note === undefined) this.#waitTogether(message, pending);
    else this.#wait(message, outcome, note, pending, 0, undefined);
  }

  /** The broker has already applied the outcome. */
  confirm(message: ReceivedMessage): void {
    if (message.state === "settling") this.#conclude(message, "settled");
  }

  /** A reply failed before anything was settled: the message is as it was. */
  reopen(message: ReceivedMessage): void {
    if (message.state !== "settling") return;
    message.state = "pending";
    message.outcome = undefined;
  }

  /** The message stays unsettled for now; whoever holds on to it may settle it while the lease lasts. */
  leave(message: ReceivedMessage): void {
    if (message.state === "pending") this.#conclude(message, "left");
  }

  lose(message: ReceivedMessage, reason: LeaseLostError): void {
    if (message.state !== "pending" && message.state !== "settling") return;
    const fields = { server: this.#host.serverName, channel: message.channel, message_id: message.id };
    this.#host.logger.warn({ event: "message.lease.lost", ...fields, actor: message.plan?.name });
    message.abort(reason);
    this.#host.onLost(message);
    this.#conclude(message, "lost");
  }

  /** A server that acks many messages in one go gives all of them one promise: then one callback does for all. */
  #waitTogether(message: ReceivedMessage, pending: PromiseLike<void>): void {
    if (pending !== this.#pending) {
      const group: ReceivedMessage[] = [];
      this.#pending = pending;
      this.#group = group;
      const over = (): void => {
        if (this.#group === group) this.#pending = undefined;
      };
      pending.then(
        () => {
          over();
          for (const one of group) if (one.state === "settling") this.#conclude(one, "settled");
        },
        (error: unknown) => {
          over();
          for (const one of group) this.#onFailure(one, "ack", undefined, error, 0, undefined);
        },
      );
    }
    this.#group.push(message);
  }

  #wait(
    message: ReceivedMessage,
    outcome: Outcome | RetryAfter,
    note: SettleNote | undefined,
    pending: PromiseLike<void>,
    failures: number,
    deadline: number | undefined,
  ): void {
    pending.then(
      () => {
        if (message.state === "settling") this.#conclude(message, "settled");
      },
      (error: unknown) => this.#onFailure(message, outcome, note, error, failures, deadline),
    );
  }

  #onFailure(
    message: ReceivedMessage,
    outcome: Outcome | RetryAfter,
    note: SettleNote | undefined,
    error: unknown,
    failures: number,
    knownDeadline: number | undefined,
  ): void {
    if (message.state !== "settling") return;
    if (error instanceof LeaseLostError) {
      this.lose(message, error);
      return;
    }
    const { clock, logger, serverName } = this.#host;
    const now = clock.monotonic();
    const deadline = knownDeadline ?? now + (message.delivery.lease?.duration ?? patienceWithoutLease);
    const pause = Math.min(firstPause * 2 ** failures, longestPause);
    const fields = { server: serverName, channel: message.channel, message_id: message.id, failures: failures + 1 };
    if (now + pause >= deadline) {
      logger.error({ event: "message.settle.failed", ...fields, outcome: message.outcome, err: recordError(error) });
      this.#conclude(message, "lost");
      return;
    }
    if (failures === 0) logger.warn({ event: "message.settle.retry", ...fields, err: recordError(error) });
    clock.setTimer(() => {
      if (message.state !== "settling") return;
      let pending: void | PromiseLike<void>;
      try {
        pending = message.delivery.settle(outcome, note);
      } catch (again) {
        this.#onFailure(message, outcome, note, again, failures + 1, deadline);
        return;
      }
      if (isPromise(pending)) this.#wait(message, outcome, note, pending, failures + 1, deadline);
      else this.#conclude(message, "settled");
    }, pause);
  }

  #conclude(message: ReceivedMessage, state: "settled" | "left" | "lost"): void {
    message.conclude(state, (error) => this.#host.onCallbackError(message, error));
    this.#host.onConcluded(message);
  }
}
