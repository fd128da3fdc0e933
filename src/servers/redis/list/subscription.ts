import { type Clock, inTime, type TimerHandle } from "../../../internal/clock.ts";
import type { Outcome, RetryAfter, SettleNote } from "../../../server/delivery.ts";
import { CapabilityError, type MillraceError, ServerCorruptError } from "../../../server/errors.ts";
import type { ConnectionState, SubscribeOptions, Subscription } from "../../../server/server.ts";
import { recordError } from "../../../server/settle-reason.ts";
import type { Argument } from "../transport.ts";
import { publishError, toTrouble } from "../trouble.ts";
import { ListDelivery, type ListDeliveryOwner } from "./delivery.ts";
import type { ListHost } from "./host.ts";
import { asArgument } from "./publisher.ts";
import { ListReader, type ListReaderOwner } from "./reader.ts";

type Flow = "open" | "paused" | "drained" | "closed";

/** Milliseconds to wait for a read that was told to end. */
const quietLimit = 1000;

/** Takes items of its channels whenever it has room. Whatever it has taken is nowhere else. */
export class ListSubscription implements Subscription, ListDeliveryOwner, ListReaderOwner {
  readonly #connection: ListHost;
  readonly #options: SubscribeOptions;
  readonly #clock: Clock;
  readonly #channels: readonly string[];
  readonly #reader: ListReader;
  /** Handed up, or kept here while paused, and not settled. */
  readonly #held = new Set<ListDelivery>();
  /** Came after a pause and could not be put back. */
  readonly #kept = new Set<ListDelivery>();
  /** Those that go back to the front of their lists at the end of this turn. */
  #returning: { readonly deliveries: ListDelivery[]; readonly done: Promise<void> } | undefined;
  /** Writes that are not answered yet. */
  readonly #underway = new Set<Promise<void>>();
  #reserved = 0;
  #flow: Flow = "open";
  #reported: ConnectionState | undefined;
  #closing: Promise<void> | undefined;
  #retry: TimerHandle | undefined;

  constructor(connection: ListHost, options: SubscribeOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = connection.settings.clock;
    this.#channels = [...new Set(options.channels.map(({ name }) => name))];
    this.#reader = new ListReader(connection, this, this.#channels);
  }

  get lastContact(): number {
    return this.#reader.lastContact;
  }

  get isOpen(): boolean {
    return this.#flow === "open";
  }

  get room(): number {
    return this.#options.maxUnsettled - this.#held.size - this.#reserved;
  }

  reserve(count: number): void {
    this.#reserved += count;
  }

  /** Looks at the lists and begins to read. */
  async start(): Promise<void> {
    const keys = this.#channels.map(this.#connection.settings.keyOf);
    const types = await Promise.all(keys.map((key) => this.#connection.send(key, ["TYPE", key])));
    const wrong = keys.filter((_, i) => !["list", "none"].includes(String(types[i])));
    if (wrong.length > 0) {
      throw new ServerCorruptError(`These keys hold something else than a list: ${wrong.join(", ")}.`);
    }
    await this.#reader.open();
    this.linkChanged();
  }

  // What the worker does.

  async pause(): Promise<void> {
    if (this.#flow === "open") this.#flow = "paused";
    await this.#quiet();
  }

  resume(): void {
    if (this.#flow !== "paused") return;
    this.#flow = "open";
    const kept = [...this.#kept];
    this.#kept.clear();
    for (const delivery of kept) this.#options.onDelivery(delivery);
    this.#reader.fill();
  }

  async drain(): Promise<void> {
    if (this.#flow === "open" || this.#flow === "paused") this.#flow = "drained";
    await this.#quiet();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flow = "closed";
    this.#clock.clearTimer(this.#retry);
    await this.#quiet();
    for (const delivery of this.#held) if (!delivery.isOver) this.#giveBack(delivery).catch(() => {}); // Told below.
    await inTime(this.#clock, Promise.allSettled(this.#underway), this.#connection.settings.commandTimeout);
    for (const { channel, id } of this.#held) this.#connection.onDropped(channel, id, undefined);
    this.#held.clear();
    this.#reader.close();
    this.#connection.forget(this);
    this.#report("closed");
  }

  async #quiet(): Promise<void> {
    await inTime(this.#clock, this.#reader.quiet(), quietLimit);
  }

  // What a delivery does.

  settle(delivery: ListDelivery, outcome: Outcome | RetryAfter, note: SettleNote): void | Promise<void> {
    if (delivery.isOver) return;
    if (typeof outcome === "object") {
      throw new CapabilityError("redisList", "retryDelay", "A Redis list cannot delay a retry. Use redis() for it.");
    }
    if (outcome === "reject") return this.#reject(delivery, note);
    if (outcome === "nack") this.#connection.onDropped(delivery.channel, delivery.id, note.reason?.code);
    this.#release(delivery);
  }

  #reject(delivery: ListDelivery, { started, bookkeeping, reason }: SettleNote): void | Promise<void> {
    const { frame, keyOf } = this.#connection.settings;
    const changed = delivery.returned(bookkeeping);
    if (changed !== undefined && !frame.carriesHeaders) {
      this.#connection.onDropped(delivery.channel, delivery.id, reason?.code ?? "rejected");
      this.#release(delivery);
      return;
    }
    if (changed === undefined && started === false) return this.#giveBack(delivery);
    const item = changed === undefined ? delivery.bytes : asArgument(frame.encode(changed));
    delivery.isOver = true;
    return this.#track(this.#push([delivery], ["RPUSH", keyOf(delivery.channel), item]));
  }

  /** To the front of its list, with all that go there in this turn, in the order in which they came. */
  #giveBack(delivery: ListDelivery): Promise<void> {
    delivery.isOver = true;
    if (this.#returning === undefined) {
      const deliveries: ListDelivery[] = [];
      const done = Promise.resolve().then(() => this.#return(deliveries));
      this.#returning = { deliveries, done: this.#track(done) };
    }
    this.#returning.deliveries.push(delivery);
    return this.#returning.done;
  }

  async #return(deliveries: readonly ListDelivery[]): Promise<void> {
    this.#returning = undefined;
    const { keyOf } = this.#connection.settings;
    const lists = [...Map.groupBy(deliveries, ({ channel }) => channel)];
    const pushes = lists.map(([channel, items]) => {
      const values = items.toReversed().map(({ bytes }) => bytes);
      return this.#push(items, ["LPUSH", keyOf(channel), ...values]);
    });
    await Promise.all(pushes);
  }

  /** Rejects when the items surely are not in their list again. */
  async #push(deliveries: readonly ListDelivery[], args: readonly Argument[]): Promise<void> {
    const { link } = this.#connection;
    const wasOpen = link.isOpen;
    try {
      await link.send(args[1] as string, args);
    } catch (error) {
      const trouble = toTrouble(error);
      if (wasOpen && trouble.kind === "lost") link.fail(trouble.error);
      if (!wasOpen || publishError(trouble).outcome === "failed") {
        for (const delivery of deliveries) delivery.isOver = false;
        throw trouble.error;
      }
      // It may be there. Twice would be worse than not at all: at most once is what a list promises.
      for (const { channel, id } of deliveries) this.#connection.onDropped(channel, id, undefined);
    }
    for (const delivery of deliveries) this.#release(delivery);
  }

  async #track(done: Promise<void>): Promise<void> {
    this.#underway.add(done);
    try {
      await done;
    } finally {
      this.#underway.delete(done);
    }
  }

  #release(delivery: ListDelivery): void {
    delivery.isOver = true;
    this.#held.delete(delivery);
    this.#reader.fill();
  }

  // What the reader tells.

  deliver(channel: string, bytes: Buffer): void {
    const delivery = new ListDelivery(this, channel, bytes, this.#connection.settings);
    this.#held.add(delivery);
    if (this.#flow === "open") this.#options.onDelivery(delivery);
    else this.#putBack(delivery);
  }

  /** Came after a pause. What cannot be put back now waits for the connection, or for the end of the pause. */
  #putBack(delivery: ListDelivery): void {
    this.#kept.delete(delivery);
    this.#giveBack(delivery).catch(() => this.#kept.add(delivery));
  }

  linkChanged(error?: MillraceError): void {
    if (this.#flow === "closed") return;
    if (this.#isConnected) {
      this.#report("ready");
      if (this.#flow !== "open") for (const delivery of [...this.#kept]) this.#putBack(delivery);
      this.#reader.fill();
    } else this.#report("reconnecting", error);
  }

  linkDenied(error: MillraceError): void {
    this.#reader.close();
    this.#report("failed", error);
  }

  troubled(error: MillraceError, delay: number): void {
    if (this.#reported !== "reconnecting") {
      this.#connection.logger.error({ event: "consumer.read.failed", err: recordError(error) });
    }
    this.#report("reconnecting", error);
    this.#clock.clearTimer(this.#retry);
    this.#retry = this.#clock.setTimer(() => this.#reader.fill(), delay);
  }

  healthy(): void {
    if (this.#reported !== "ready" && this.#isConnected) this.#report("ready");
  }

  get #isConnected(): boolean {
    return this.#connection.link.isOpen && this.#reader.isOpen;
  }

  #report(state: ConnectionState, error?: unknown): void {
    if (this.#reported === state || this.#reported === "closed") return;
    this.#reported = state;
    this.#options.onStateChange(state, error);
  }
}
