import assert from "node:assert/strict";
import type { Awaitable } from "../internal/awaitable.ts";
import { sleep, systemClock } from "../internal/clock.ts";
import type { Delivery, Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../server/delivery.ts";
import type { FeatureName } from "../server/features.ts";
import type { BrokerServer, PublishOptions, Receipt, SubscribeOptions } from "../server/server.ts";
import { CaseSkipped } from "./conformance-case.ts";
import { Inbox } from "./inbox.ts";
import { message } from "./message.ts";
import { defaultTimeouts, type ServerTarget, type Timeouts } from "./server-target.ts";

export interface SubscribeParts {
  readonly server?: BrokerServer;
  readonly maxUnsettled?: number;
  onDelivery?(delivery: Delivery, inbox: Inbox): void;
}

/** What one case works with: servers on storage of its own, time, and the things that nearly every case does. */
export class World {
  readonly target: ServerTarget;
  readonly namespace: string;
  readonly leaseDuration: number;
  readonly timeouts: Timeouts;
  readonly #servers: BrokerServer[] = [];
  readonly #inboxes: Inbox[] = [];
  readonly #channels = new Map<string, string>();
  readonly #waiting = new Set<() => void>();
  readonly #failures: unknown[] = [];
  #over = false;
  /** Time that a virtual clock was moved by. */
  #advanced = 0;

  constructor(target: ServerTarget, namespace: string, leaseDuration: number) {
    this.target = target;
    this.namespace = namespace;
    this.leaseDuration = leaseDuration;
    this.timeouts = { ...defaultTimeouts, ...target.timeouts };
  }

  /** A new server object that nobody has connected. */
  async create(): Promise<BrokerServer> {
    const server = await this.target.create({ leaseDuration: this.leaseDuration, namespace: this.namespace });
    this.#servers.push(server);
    return server;
  }

  /** The connected server of this case. */
  async server(): Promise<BrokerServer> {
    const server = this.#servers[0] ?? (await this.create());
    if (server.state === "closed") await server.connect();
    return server;
  }

  /** Another connection to the same messages; the same server object where messages live in that. */
  async open(): Promise<BrokerServer> {
    if (!this.target.supportsSecondConnection) return this.server();
    const server = await this.create();
    await server.connect();
    return server;
  }

  async channel(name = "main"): Promise<string> {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = await this.target.channel(`${this.namespace}-${name}`);
    this.#channels.set(name, channel);
    return channel;
  }

  /** Publishes to the case's main channel unless told otherwise. */
  async send(what: string | OutgoingMessage, options?: PublishOptions, channel?: string): Promise<Receipt> {
    const server = await this.server();
    const outgoing = typeof what === "string" ? message(what) : what;
    return server.publish(channel ?? (await this.channel()), outgoing, options);
  }

  async sendAll(messages: readonly OutgoingMessage[], channel?: string): Promise<void> {
    for (const one of messages) await this.send(one, undefined, channel);
  }

  async subscribe(parts: SubscribeParts = {}, ...channels: string[]): Promise<Inbox> {
    const server = parts.server ?? (await this.server());
    const inbox = new Inbox(this, server);
    const names = channels.length > 0 ? channels : [await this.channel()];
    const options: SubscribeOptions = {
      channels: names.map((name) => ({ name })),
      maxUnsettled: parts.maxUnsettled ?? 100,
      onDelivery: (delivery) => {
        inbox.all.push(delivery);
        parts.onDelivery?.(delivery, inbox);
        this.wake();
      },
      onStateChange: (state) => inbox.states.push(state),
      onExpired: (channel, id) => {
        inbox.expired.push({ channel, id });
        this.wake();
      },
    };
    inbox.subscription = await server.subscribe(options);
    this.#inboxes.push(inbox);
    return inbox;
  }

  /** Settles like core does. A promise in any case, also where the server throws or returns at once. */
  async settle(delivery: Delivery, outcome: Outcome | RetryAfter = "ack", note?: SettleNote): Promise<void> {
    await delivery.settle(outcome, note);
  }

  /**
   * Settles without being waited for, as a consumer that goes on would. A failure fails the case, unless it is over:
   * what was under way then may be refused.
   */
  finish(delivery: Delivery, outcome: Outcome | RetryAfter = "ack"): void {
    this.settle(delivery, outcome).catch((error: unknown) => {
      if (!this.#over) this.#failures.push(error);
    });
  }

  /** The case is over; throws what went wrong beside it. */
  end(): void {
    this.#over = true;
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** The owner of this subscription is gone without a word; what it held lapses. */
  async crash(inbox: Inbox): Promise<void> {
    await inbox.subscription.drain();
    await this.target.crash?.(inbox.server);
  }

  /** How long a message that nobody renews may take to come again. */
  get takeover(): number {
    return this.leaseDuration + this.timeouts.late;
  }

  /** Milliseconds that only grow. Of the virtual clock where there is one. */
  now(): number {
    return this.target.advance === undefined ? systemClock.monotonic() : this.#advanced;
  }

  /** Lets time pass. For watching that something does not happen; what must happen is awaited with `until`. */
  async pass(duration: number): Promise<void> {
    const end = this.now() + duration;
    for (let left = duration; left > 0; left = end - this.now()) await this.#step(Math.min(20, left), false);
  }

  async until(
    what: string | (() => string),
    condition: () => Awaitable<boolean>,
    within: number = this.timeouts.arrive,
  ): Promise<void> {
    const end = this.now() + within;
    while (!(await condition())) {
      if (this.now() >= end) {
        assert.fail(`waited ${within} ms for ${typeof what === "string" ? what : what()}, in vain`);
      }
      await this.#step(this.target.advance === undefined ? 5 : 20, true);
    }
  }

  /** Something happened: whoever waits looks again at once. */
  wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  supports(feature: FeatureName): boolean {
    return this.target.features[feature].level !== "unsupported";
  }

  /** The first of these features that a server of this case lost when it connected. */
  shrunk(features: readonly FeatureName[]): FeatureName | undefined {
    return features.find((name) => this.#servers.some((server) => server.features[name].level === "unsupported"));
  }

  skip(reason: string): never {
    throw new CaseSkipped(reason);
  }

  /** Ends the case: nothing of it may linger, whatever state it is in. */
  async close(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#inboxes.map((inbox) => inbox.subscription.close()));
    await Promise.allSettled(this.#servers.map((server) => server.disconnect()));
    await this.target.cleanUp?.(this.namespace);
  }

  async #step(duration: number, wakeable: boolean): Promise<void> {
    if (this.target.advance !== undefined) {
      // Whatever is ready to run goes first, as it would if the time really passed.
      await new Promise(setImmediate);
      await this.target.advance(duration, this.namespace);
      this.#advanced += duration;
      await new Promise(setImmediate);
    } else if (wakeable) {
      const controller = new AbortController();
      const resume = (): void => controller.abort();
      this.#waiting.add(resume);
      await sleep(systemClock, duration, controller.signal);
      this.#waiting.delete(resume);
    } else {
      await sleep(systemClock, duration);
    }
  }
}
