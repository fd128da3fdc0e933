import { isPromise } from "../internal/awaitable.ts";
import type { Clock, TimerHandle } from "../internal/clock.ts";
import type { Lease } from "../server/delivery.ts";
import { LeaseLostError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { recordError } from "../server/settle-reason.ts";
import type { ReceivedMessage } from "./received-message.ts";

export interface LeaseHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly held: readonly ReceivedMessage[];
  lose(message: ReceivedMessage, reason: LeaseLostError): void;
}

/** However short a lease or an interval is: renewing must not become a busy loop. */
const shortest = 20;

/** Milliseconds between two renewals of this message. */
function intervalOf(message: ReceivedMessage, lease: Lease): number {
  const own = message.plan?.keepAlive;
  return Math.max(shortest, own === undefined || own === 0 ? lease.duration / 3 : Math.min(own, lease.duration / 3));
}

/** A renewal may come so much early, in shares of its interval, to fit the ticks of one timer. */
const early = 0.25;

/**
 * Renews the leases of everything a subscription holds, from receipt on (also while a message waits for a slot), with
 * one timer for all. A message whose lease could not be renewed for its whole length is given up as lost.
 */
export class LeaseKeeper {
  readonly #host: LeaseHost;
  #timer: TimerHandle | undefined;
  #period = Number.POSITIVE_INFINITY;
  /** Start of the current period, a lower bound for the receipt of all that arrives in it. Whole: no boxed numbers. */
  #now: number;

  constructor(host: LeaseHost) {
    this.#host = host;
    this.#now = Math.floor(host.clock.monotonic());
  }

  /** A message with a lease arrived. */
  watch(message: ReceivedMessage): void {
    message.leasedAt = this.#now;
    const own = message.plan?.keepAlive;
    if (this.#timer !== undefined && own === undefined) return;
    const lease = message.delivery.lease;
    if (lease === undefined) return;
    if (own === 0) {
      this.#endWith(message, lease.duration);
      return;
    }
    const period = intervalOf(message, lease);
    if (this.#timer === undefined || period < this.#period) {
      this.#start(period);
      message.leasedAt = this.#now;
    }
  }

  /** The message is not held any more. */
  unwatch(message: ReceivedMessage): void {
    this.#host.clock.clearTimer(message.leaseTimer);
    message.leaseTimer = undefined;
  }

  /** A lease that is not renewed on purpose bounds the work: at its end the handler must know. */
  #endWith(message: ReceivedMessage, duration: number): void {
    const end = (): void => {
      message.leaseTimer = undefined;
      this.#host.lose(message, new LeaseLostError("The lease has ended and is not renewed (keepAlive: false)."));
    };
    message.leaseTimer = this.#host.clock.setTimer(end, duration, { unref: true });
  }

  stop(): void {
    this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#period = Number.POSITIVE_INFINITY;
  }

  #start(period: number): void {
    this.#host.clock.clearTimer(this.#timer);
    this.#period = period;
    this.#now = Math.floor(this.#host.clock.monotonic());
    this.#timer = this.#host.clock.setTimer(() => this.#tick(), period, { unref: true });
  }

  #tick(): void {
    const { clock, held } = this.#host;
    const now = Math.floor(clock.monotonic());
    this.#now = now;
    let period = Number.POSITIVE_INFINITY;
    // A copy: losing a message takes it out of the list.
    for (const message of [...held]) {
      const { lease } = message.delivery;
      if (lease === undefined || message.plan?.keepAlive === 0) continue;
      this.#renew(message, lease, now);
      period = Math.min(period, intervalOf(message, lease));
    }
    this.#timer = undefined;
    this.#period = period;
    // Nothing to renew: the next message starts the timer again.
    if (period !== Number.POSITIVE_INFINITY) {
      this.#timer = clock.setTimer(() => this.#tick(), period, { unref: true });
    }
  }

  #renew(message: ReceivedMessage, lease: Lease, now: number): void {
    if (message.state !== "pending" && message.state !== "settling") return;
    if (message.renewing) {
      // No answer: as good as a refusal once the lease has run out, since someone else may have the message by then.
      if (now - message.leasedAt < lease.duration) return;
      this.#host.lose(message, new LeaseLostError("The renewal of the lease was not answered in time."));
      return;
    }
    if (now - message.leasedAt < intervalOf(message, lease) * (1 - early)) return;
    const onFailure = (error: unknown): void => {
      if (error instanceof LeaseLostError) {
        this.#host.lose(message, error);
        return;
      }
      const fields = { channel: message.channel, message_id: message.id, err: recordError(error) };
      this.#host.logger.warn({ event: "message.lease.extend_failed", ...fields });
      if (this.#host.clock.monotonic() - message.leasedAt >= lease.duration) {
        this.#host.lose(message, new LeaseLostError("The lease could not be renewed in time."));
      }
    };
    try {
      const extended = lease.extend();
      if (isPromise(extended)) {
        message.renewing = true;
        extended.then(
          () => {
            message.renewing = false;
            message.leasedAt = now;
          },
          (error: unknown) => {
            message.renewing = false;
            onFailure(error);
          },
        );
      } else {
        message.leasedAt = now;
      }
    } catch (error) {
      onFailure(error);
    }
  }
}
