import { type Clock, inTime, sleep, type TimerHandle } from "../../internal/clock.ts";
import { ConnectionError, type MillraceError } from "../../server/errors.ts";
import type { Argument, Dial, Reply, Transport, Usage } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** What a link tells its owner. */
export interface LinkEvents {
  /** Before it is used: what must be known or done on every new connection. A rejection means it cannot be used yet. */
  greet(transport: Transport): Promise<void>;
  onReady(): void;
  /** It is opened again by itself. */
  onLost(error: MillraceError): void;
  /** Credentials are refused, again and again: it is given up. */
  onDenied(error: MillraceError): void;
}

export interface LinkOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  /** Milliseconds without any answer, while some are due, after which the connection counts as dead. */
  readonly patience: number;
  /** Default `commands`. */
  readonly usage?: Usage;
}

/** Milliseconds until the next attempt, doubled up to the longest. */
const retry = { first: 50, longest: 1000 };
/** Milliseconds a connection must last before the next attempt is made quickly again. */
const provenAfter = 3000;
/** Milliseconds for connecting and greeting. */
const attemptLimit = 8000;
/** Refused credentials in a row, after a connection that worked, until we give up. */
const mostDenials = 10;
const watchInterval = 1000;

/**
 * One connection that is kept up: watched, torn down when it is silent, and opened again until it is closed. The client's own
 * reconnecting is off, since it sends commands again that may have been executed, and its timeouts are, since a timer per
 * command costs more than the command.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #transport: Transport | undefined;
  /** Why there is no connection. */
  #lostBy: MillraceError | undefined;
  /** Ends attempts and waits. */
  #over: AbortController | undefined;
  #sent = 0;
  #answered = 0;
  #seen = 0;
  #progressAt = 0;
  #watch: TimerHandle | undefined;
  #failures = 0;
  #denials = 0;
  #readyAt = 0;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#transport !== undefined;
  }

  /** Whether a sequence of commands can be relied on to stay one. */
  get isOrdered(): boolean {
    return this.#transport?.isOrdered === true;
  }

  /** Connects, trying again for `limit` milliseconds. Rejects at once when credentials are wrong. */
  async open(limit: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const over = new AbortController();
    this.#over = over;
    const abort = (): void => over.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      for (const end = clock.monotonic() + limit; ; ) {
        over.signal.throwIfAborted();
        const trouble = await this.#attempt(over.signal);
        if (trouble === undefined) return;
        const wait = this.#nextDelay();
        if (trouble.kind === "denied" || clock.monotonic() + wait >= end) throw trouble.error;
        await sleep(clock, wait, over.signal);
      }
    } catch (error) {
      this.#over = undefined;
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** For good. */
  close(): void {
    this.#over?.abort(new ConnectionError("The connection to Redis was closed."));
    this.#over = undefined;
    this.#drop();
  }

  /** Sends a command. Rejects with what the client threw. */
  send(key: string, args: readonly Argument[]): Promise<Reply> {
    return this.post(key, args).then(this.#onReply, this.#onError);
  }

  /** As `send`, without a promise of its own: whoever waits must call `answered()` or `failed()` first thing. */
  post(key: string, args: readonly Argument[], isText?: boolean): Promise<Reply> {
    this.#sent += 1;
    const transport = this.#transport;
    if (transport === undefined) return Promise.reject(new ConnectionError("There is no connection to Redis."));
    return transport.send(key, args, isText);
  }

  /** An answer came to what was posted. */
  answered(): void {
    this.#answered += 1;
  }

  /** What was posted failed; returns why. */
  failed(error: unknown): unknown {
    this.#answered += 1;
    if (this.#lostBy === undefined) return error;
    // Of what still waits, the client only says that it was torn down. Wrapped: this command has got no answer.
    return new ConnectionError(this.#lostBy.message, { cause: this.#lostBy });
  }

  readonly #onReply = (reply: Reply): Reply => {
    this.#answered += 1;
    return reply;
  };

  readonly #onError = (error: unknown): never => {
    throw this.failed(error);
  };

  /** The connection is of no use: opens another one. */
  fail(error: MillraceError): void {
    if (this.#transport === undefined || this.#over === undefined) return;
    const { clock } = this.#options;
    if (clock.monotonic() - this.#readyAt >= provenAfter) this.#failures = 0;
    this.#lostBy = error;
    this.#drop();
    this.#events.onLost(error);
    if (this.#over !== undefined) void this.#reopen(this.#over.signal);
  }

  async #reopen(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await sleep(clock, this.#nextDelay(), signal);
      if (signal.aborted) return;
      const trouble = await this.#attempt(signal);
      if (trouble === undefined || signal.aborted) return;
      this.#denials = trouble.kind === "denied" ? this.#denials + 1 : 0;
      if (this.#denials >= mostDenials) {
        this.close();
        this.#events.onDenied(trouble.error);
        return;
      }
    }
  }

  #nextDelay(): number {
    const delay = Math.min(retry.first * 2 ** this.#failures, retry.longest);
    this.#failures += 1;
    return delay * (0.5 + Math.random() / 2);
  }

  /** @returns why it did not succeed */
  async #attempt(signal: AbortSignal): Promise<ReturnType<typeof toTrouble> | undefined> {
    const { dial, clock, usage = "commands" } = this.#options;
    let transport: Transport | undefined;
    try {
      transport = await dial.create((error) => {
        if (this.#transport === transport) this.fail(toTrouble(error).error);
      }, usage);
      const made = transport;
      const connecting = made.connect().then(() => this.#events.greet(made));
      connecting.catch(() => {}); // After the time limit nobody waits for it any more.
      const inside = await inTime(clock, connecting, attemptLimit);
      if (!inside) throw new ConnectionError(`${dial.host} did not answer within ${attemptLimit} ms.`);
      await connecting; // It may have failed in time.
      signal.throwIfAborted();
      this.#use(made);
      return undefined;
    } catch (error) {
      transport?.destroy();
      return toTrouble(error);
    }
  }

  #use(transport: Transport): void {
    const { clock } = this.#options;
    this.#transport = transport;
    this.#lostBy = undefined;
    this.#denials = 0;
    this.#sent = 0;
    this.#answered = 0;
    this.#seen = 0;
    this.#readyAt = clock.monotonic();
    this.#progressAt = this.#readyAt;
    this.#startWatch();
    this.#events.onReady();
  }

  #drop(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#options.clock.clearTimer(this.#watch);
    this.#watch = undefined;
    transport?.destroy();
  }

  #startWatch(): void {
    const { clock } = this.#options;
    const due = clock.monotonic() + watchInterval;
    this.#watch = clock.setTimer(() => this.#look(clock.monotonic() - due), watchInterval, { unref: true });
  }

  #look(lateness: number): void {
    const { clock, patience } = this.#options;
    const now = clock.monotonic();
    const idle = this.#sent === this.#answered;
    // After a stall of our own, answers may wait unread: they are given another turn.
    if (idle || this.#answered !== this.#seen || lateness > watchInterval) {
      this.#seen = this.#answered;
      this.#progressAt = now;
    }
    this.#startWatch();
    if (now - this.#progressAt >= patience) {
      this.fail(new ConnectionError(`Redis did not answer for ${Math.round(now - this.#progressAt)} ms.`));
    }
  }
}
