import type { TimerHandle } from "../../internal/clock.ts";
import { bookkeepingHeader } from "../../server/bookkeeping.ts";
import type { Outcome, OutgoingMessage, RetryAfter, SettleNote } from "../../server/delivery.ts";
import { ConnectionError, LeaseLostError, type MillraceError } from "../../server/errors.ts";
import { ownReason } from "../../server/own-reason.ts";
import type { PublishOptions } from "../../server/publish-options.ts";
import type { SettleReason } from "../../server/settle-reason.ts";
import { Acks } from "./acks.ts";
import { compactId } from "./compact-id.ts";
import type { RedisDelivery } from "./delivery.ts";
import type { Holder } from "./holder.ts";
import { isReplyChannel, replyLifetime } from "./keys.ts";
import type { Link } from "./link.ts";
import { beginScript, extendScript } from "./lua/lease.ts";
import { replyScript, settleScript } from "./lua/settle.ts";
import type { Settings } from "./options.ts";
import type { Publisher } from "./publisher.ts";
import { runScript } from "./script.ts";
import type { ChannelState, Source } from "./source.ts";
import type { Argument, Reply } from "./transport.ts";
import { toTrouble } from "./trouble.ts";
import { field } from "./wire.ts";

interface Item {
  readonly delivery: RedisDelivery;
  readonly args: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: MillraceError) => void;
}

interface Renewal {
  readonly delivery: RedisDelivery;
  readonly resolve: () => void;
  readonly reject: (error: MillraceError) => void;
}

/** Most messages of one script call: longer ones would hold up everybody on the server. */
const batch = { settle: 100, extend: 500 };

/** So many things to write do not wait for others. */
const worthWriting = 64;
/** Milliseconds that fewer of them may wait while many handlers run. */
const moment = 2;

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Tells Redis the outcomes, those of one turn of the event loop together. */
export class Settler {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #holder: Holder;
  readonly #publisher: Publisher;
  readonly #acks: Acks;
  readonly #items = new Map<ChannelState, Item[]>();
  readonly #renewals = new Map<Source, Renewal[]>();
  readonly #underway = new Set<Promise<unknown>>();
  #isScheduled = false;
  #timer: TimerHandle | undefined;
  /** Things to write since the last time. */
  #asked = 0;
  #now = 0;

  constructor(settings: Settings, link: Link, publisher: Publisher, holder: Holder, hasXackdel: () => boolean) {
    this.#settings = settings;
    this.#link = link;
    this.#publisher = publisher;
    this.#holder = holder;
    this.#acks = new Acks(settings, link, holder, hasXackdel);
  }

  settle(delivery: RedisDelivery, outcome: Outcome | RetryAfter, note: SettleNote): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    delivery.settling = true;
    this.#schedule();
    // A message that is surely still ours needs no look at who owns it.
    if (outcome === "ack" && this.#now < delivery.leaseEnd) return this.#acks.add(delivery);
    return this.#add(delivery, this.#argumentsOf(delivery, outcome, note), () => this.#told(delivery, outcome, note));
  }

  /** Back to its channel as if it had never been handed out. */
  giveBack(delivery: RedisDelivery): Promise<void> {
    const bookkeeping = delivery.headers[bookkeepingHeader];
    const note = { started: false, ...(bookkeeping === undefined ? {} : { bookkeeping }) };
    return this.settle(delivery, "reject", note);
  }

  /** Removes an expired message, or keeps it as a dead letter. */
  expire(delivery: RedisDelivery): Promise<void> {
    if (!this.#settings.keepExpired) return this.settle(delivery, "ack", {});
    const reason = ownReason("expired", delivery.headers, delivery.deliveryCount - 1, this.#settings.clock.now());
    return this.settle(delivery, "nack", { reason });
  }

  extend(delivery: RedisDelivery): Promise<void> {
    if (delivery.lost) return Promise.reject(new LeaseLostError());
    return new Promise((resolve, reject) => {
      let list = this.#renewals.get(delivery.source);
      if (list === undefined) {
        list = [];
        this.#renewals.set(delivery.source, list);
      }
      list.push({ delivery, resolve, reject });
      this.#schedule();
    });
  }

  /** Counts the delivery of a suspect, or takes back Redis's own count of it. */
  async count(delivery: RedisDelivery, isStarted: boolean): Promise<void> {
    if (delivery.lost) throw new LeaseLostError();
    const { source, entry, countWithThis } = delivery;
    const count = String(isStarted ? countWithThis : countWithThis - 1);
    const ours = await this.#run(beginScript, [source.key], [this.#holder.consumer, entry, count]);
    if (Number(ours) !== 1) throw this.#lose(delivery);
    delivery.counted = isStarted;
  }

  async reply(
    delivery: RedisDelivery,
    message: OutgoingMessage,
    channel: string,
    options: PublishOptions | undefined,
  ): Promise<void> {
    if (delivery.lost) throw new LeaseLostError();
    delivery.settling = true;
    const { key, args } = this.#publisher.plain(channel, message, options);
    const keep = this.#settings.keepsSettled ? "1" : "0";
    const lifetime = isReplyChannel(channel) ? String(replyLifetime) : "0";
    try {
      const values = [this.#holder.consumer, keep, delivery.entry, lifetime, ...args.slice(2)];
      const ours = await this.#run(replyScript, [delivery.source.key, key], values);
      if (Number(ours) !== 1) throw this.#lose(delivery);
    } catch (error) {
      delivery.settling = false;
      throw error;
    }
    this.#holder.released(delivery);
    this.#holder.changed();
  }

  /** Resolves once all that was asked for so far is answered, one way or the other. */
  async idle(): Promise<void> {
    this.#flush();
    while (this.#underway.size > 0 || this.#acks.underway.size > 0) {
      await Promise.allSettled([...this.#underway, ...this.#acks.underway]);
    }
  }

  /**
   * After everything that this turn of the event loop makes ready, all timers of it included. With many handlers running, those that
   * end within the same moment: one packet for each would cost more than they do.
   */
  #schedule(): void {
    if (this.#asked === 0) this.#now = this.#settings.clock.monotonic();
    this.#asked += 1;
    if (this.#isScheduled) return;
    if (this.#asked < worthWriting && this.#holder.isCrowded) {
      this.#timer ??= this.#settings.clock.setTimer(this.#flush, moment);
      return;
    }
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#settings.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#isScheduled = false;
    this.#asked = 0;
    this.#acks.flush();
    for (const [channel, items] of this.#items) {
      for (const part of chunks(items, batch.settle)) this.#track(this.#settleAll(channel, part));
    }
    this.#items.clear();
    for (const [source, renewals] of this.#renewals) {
      for (const part of chunks(renewals, batch.extend)) this.#track(this.#extendAll(source, part));
    }
    this.#renewals.clear();
    this.#holder.changed();
  };

  #track(work: Promise<void>): void {
    this.#underway.add(work);
    void work.finally(() => this.#underway.delete(work));
  }

  #add(delivery: RedisDelivery, args: readonly string[], done: () => void): Promise<void> {
    const { channel } = delivery.source;
    return new Promise((resolve, reject) => {
      const items = this.#items.get(channel) ?? [];
      this.#items.set(channel, items);
      const applied = (): void => {
        done();
        resolve();
      };
      items.push({ delivery, args, resolve: applied, reject });
    });
  }

  /** Kind, count of arguments and arguments, as the script takes them. */
  #argumentsOf(delivery: RedisDelivery, outcome: Outcome | RetryAfter, note: SettleNote): readonly string[] {
    if (outcome === "ack" || (outcome === "nack" && this.#settings.deadLimit === 0)) return ["a", "0"];
    if (outcome === "nack") {
      const reason: SettleReason =
        note.reason ?? ownReason("rejected", delivery.headers, delivery.deliveryCount, this.#settings.clock.now());
      const { id, entry, contentType, source } = delivery;
      const more = source === source.channel.normal ? [] : [field.level, String(source.level)];
      // Without an id it gets one, to be found by; with an id, a missing type would mean JSON.
      if (id === undefined) more.push(field.id, entry, ...(contentType === undefined ? [field.contentType, ""] : []));
      const key = id === undefined ? entry : (compactId(id) ?? id);
      return ["d", String(2 + more.length), key, JSON.stringify(reason), ...more];
    }
    const delay = typeof outcome === "object" ? Math.ceil(outcome.retryAfter) : 0;
    const started = note.started !== false;
    const deliveries = started ? delivery.deliveryCount : delivery.deliveryCount - 1;
    const lapses = started ? 0 : delivery.lapses;
    const fields = [
      ...[field.header + bookkeepingHeader, note.bookkeeping ?? ""],
      ...[field.sent, String(delivery.sentAt)],
      ...[field.deliveries, deliveries > 0 ? String(deliveries) : ""],
      ...[field.lapses, lapses > 0 ? String(lapses) : ""],
    ];
    return ["r", String(fields.length + 2), String(delay), String(delivery.source.level), ...fields];
  }

  #told(delivery: RedisDelivery, outcome: Outcome | RetryAfter, note: SettleNote): void {
    if (outcome === "ack") return;
    if (outcome !== "nack") {
      this.#holder.returned(delivery.source.channel, typeof outcome === "object" ? outcome.retryAfter : 0);
    } else if (this.#settings.deadLimit === 0) {
      this.#holder.onDropped(delivery.channel, delivery.id, note.reason?.code);
    }
  }

  async #settleAll(channel: ChannelState, items: readonly Item[]): Promise<void> {
    const { keys } = channel;
    const { keepsSettled, deadLimit } = this.#settings;
    const args = [
      this.#holder.consumer,
      keepsSettled ? "1" : "0",
      Number.isFinite(deadLimit) ? String(deadLimit) : "0",
      ...items.flatMap(({ delivery, args: own }) => [String(delivery.source.place), delivery.entry, ...own]),
    ];
    const names = [keys.dead, keys.deadIds, keys.delayed, keys.sequence, ...keys.streams.map(({ key }) => key)];
    for (const { delivery } of items) this.#holder.freeing(delivery);
    let reply: readonly Reply[];
    try {
      reply = (await this.#run(settleScript, names, args)) as readonly Reply[];
    } catch (error) {
      for (const item of items) this.#notSettled(item, error as MillraceError);
      return;
    }
    for (const [i, item] of items.entries()) {
      const { delivery, resolve, reject } = item;
      const result: unknown = reply[i];
      if (result instanceof Error) this.#notSettled(item, this.#explain(result));
      else if (Number(result) === 1) {
        this.#holder.released(delivery);
        resolve();
      } else reject(this.#lose(delivery));
    }
    this.#holder.changed();
    const evicted = Number(reply[items.length]);
    if (evicted > 0) this.#holder.onEvicted(keys.channel, evicted);
  }

  async #extendAll(source: Source, renewals: readonly Renewal[]): Promise<void> {
    const end = this.#settings.clock.monotonic() + this.#settings.leaseDuration;
    const entries = renewals.map(({ delivery }) => delivery.entry);
    let ours: Set<string>;
    try {
      const reply = await this.#run(extendScript, [source.key], [this.#holder.consumer, ...entries]);
      ours = new Set((reply as readonly Buffer[]).map(String));
    } catch (error) {
      for (const { reject } of renewals) reject(error as MillraceError);
      return;
    }
    for (const { delivery, resolve, reject } of renewals) {
      // Settled in the meantime: there is nothing left to renew, and nothing lost.
      if (delivery.heldIndex < 0 || delivery.settling) resolve();
      else if (ours.has(delivery.entry)) {
        delivery.leaseEnd = end;
        resolve();
      } else reject(this.#lose(delivery));
    }
  }

  async #run(script: string, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    try {
      return await runScript(this.#link, script, keys, [this.#settings.group, ...args]);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): MillraceError {
    const trouble = toTrouble(error);
    if (trouble.kind === "lost") this.#link.fail(trouble.error);
    // Without its group nothing is pending for anybody.
    if (trouble.kind === "group") return new LeaseLostError("The consumer group of this message is gone.");
    return trouble.kind === "command" ? new ConnectionError(trouble.error.message, { cause: error }) : trouble.error;
  }

  #notSettled({ delivery, reject }: Item, error: MillraceError): void {
    delivery.settling = false;
    this.#holder.stillHeld(delivery);
    reject(error);
  }

  #lose(delivery: RedisDelivery): LeaseLostError {
    delivery.lost = true;
    this.#holder.released(delivery);
    this.#holder.changed();
    return new LeaseLostError();
  }
}
