import assert from "node:assert/strict";
import type { Delivery } from "../server/delivery.ts";
import type { BrokerServer, ConnectionState, Subscription } from "../server/server.ts";
import { textOf } from "./message.ts";
import type { Timeouts } from "./server-target.ts";

/** What an inbox needs of the world that it is in. */
interface Surroundings {
  readonly timeouts: Timeouts;
  until(what: string | (() => string), condition: () => boolean, within?: number): Promise<void>;
  pass(duration: number): Promise<void>;
}

/** Everything that one subscription was given, in order. */
export class Inbox {
  readonly server: BrokerServer;
  readonly all: Delivery[] = [];
  readonly expired: { readonly channel: string; readonly id: string | undefined }[] = [];
  readonly states: ConnectionState[] = [];
  readonly #world: Surroundings;
  #subscription: Subscription | undefined;
  #taken = 0;

  constructor(world: Surroundings, server: BrokerServer) {
    this.#world = world;
    this.server = server;
  }

  get subscription(): Subscription {
    assert.ok(this.#subscription !== undefined);
    return this.#subscription;
  }

  set subscription(subscription: Subscription) {
    this.#subscription = subscription;
  }

  /** The first delivery that was not taken yet. */
  async next(within?: number): Promise<Delivery> {
    await this.#world.until("a delivery", () => this.all.length > this.#taken, within);
    const delivery = this.all[this.#taken];
    this.#taken += 1;
    assert.ok(delivery !== undefined);
    return delivery;
  }

  async take(count: number, within?: number): Promise<Delivery[]> {
    const end = this.#taken + count;
    await this.#world.until(
      () => `${count} deliveries (${this.all.length - this.#taken} came)`,
      () => this.all.length >= end,
      within,
    );
    const taken = this.all.slice(this.#taken, end);
    this.#taken = end;
    return taken;
  }

  /** Whatever came until now counts as taken; returns it. */
  takeAll(): Delivery[] {
    const taken = this.all.slice(this.#taken);
    this.#taken = this.all.length;
    return taken;
  }

  /** Watches for a while that nothing comes that was not taken. */
  async staysQuiet(duration?: number): Promise<void> {
    await this.#world.pass(duration ?? this.#world.timeouts.quiet);
    const more = this.all.slice(this.#taken).map((delivery) => `${delivery.channel}: ${textOf(delivery).slice(0, 40)}`);
    assert.deepEqual(more, [], "nothing must be delivered here");
  }
}
