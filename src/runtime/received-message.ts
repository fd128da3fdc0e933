import type { ActorPlan, RunnableMessage } from "../contract/actor-plan.ts";
import type { ReplyOptions, SettledOutcome } from "../contract/message.ts";
import type { MessagePatch } from "../contract/middleware.ts";
import type { PublishBytesOptions, Send, SendResult } from "../contract/send.ts";
import type { Awaitable } from "../internal/awaitable.ts";
import type { TimerHandle } from "../internal/clock.ts";
import { createDeferred, type Deferred } from "../internal/deferred.ts";
import type { Duration } from "../internal/duration.ts";
import { createHeaders, findHeader, type MessageHeaders } from "../internal/headers.ts";
import { type Bookkeeping, bookkeepingHeader, noBookkeeping, parseBookkeeping } from "../server/bookkeeping.ts";
import type { Delivery } from "../server/delivery.ts";
import type { Envelope } from "../server/envelope.ts";
import { LeaseLostError } from "../server/errors.ts";
import type { Known } from "./aftermath.ts";
import type { RunEvent } from "./decide.ts";

/** What a received message needs of the consumer that received it. */
export interface MessageOwner {
  readonly serverName: string;
  readonly topicHeader: string | false;
  readonly envelope: Envelope | undefined;
  newId(): string;
  onCallbackError(message: ReceivedMessage, error: unknown): void;
  settleEagerly(message: ReceivedMessage, action: "ack" | "nack" | "reject", error: unknown): void;
  retryEagerly(message: ReceivedMessage, after: Duration): void;
  reply(message: ReceivedMessage, payload: Uint8Array | string, options: ReplyOptions | undefined): Promise<void>;
  send(message: ReceivedMessage): Send;
  publish(channel: string, payload: Uint8Array | string, options?: PublishBytesOptions): Promise<SendResult>;
}

/** `left`: nobody settles it; the broker will hand it out again when its lease ends. `lost`: it is not ours any more. */
export type MessageState = "pending" | "settling" | "settled" | "left" | "lost";

function withoutBookkeeping(headers: MessageHeaders): MessageHeaders {
  const copy = createHeaders(headers);
  delete copy[bookkeepingHeader];
  return copy;
}

/** What few messages have, kept apart so that the many stay small. */
interface Extras {
  patch?: MessagePatch;
  controller?: AbortController;
  aborted?: { readonly reason: unknown };
  settled?: Deferred<SettledOutcome | undefined>;
  afterSettle?: ((outcome: SettledOutcome | undefined) => void | Promise<void>)[];
  cleanups?: (() => Awaitable<void>)[];
}

/**
 * A delivery with everything that must be true once, on every broker: it is settled at most once, the first to settle
 * wins, and nothing can be settled after the lease is lost. Fields without a getter are for the consumer and runner.
 */
export class ReceivedMessage implements RunnableMessage, Known {
  readonly delivery: Delivery;
  readonly owner: MessageOwner;
  readonly book: Bookkeeping;
  readonly deliveries: number;
  headers: MessageHeaders;

  plan: ActorPlan | undefined = undefined;
  state: MessageState = "pending";
  outcome: SettledOutcome | undefined = undefined;
  inputError: unknown = undefined;
  /** Place in the consumer's list of held messages; -1 = not held. */
  heldAt = -1;
  /** Place in the consumer's list of running messages. */
  runsAt = -1;
  timer: TimerHandle | undefined = undefined;
  /** The outcome of the run is decided; whatever the handler does from now on is late. */
  decided = false;
  /** How the run ended, while a reply may still settle the message. */
  event: RunEvent | undefined = undefined;
  handlerStarted = false;
  handlerEnded = false;
  timedOut = false;
  stopping = false;
  /** Its handler runs on although the message is not ours or not its any more. */
  zombie = false;
  /** Monotonic milliseconds of the last moment at which the lease was surely ours. */
  leasedAt = 0;
  /** A renewal is under way. */
  renewing = false;
  /** Ends the lease of a message that is not renewed. */
  leaseTimer: TimerHandle | undefined = undefined;

  #extras: Extras | undefined = undefined;
  #id: string | undefined = undefined;

  constructor(delivery: Delivery, owner: MessageOwner) {
    this.delivery = delivery;
    this.owner = owner;
    const packed = delivery.headers[bookkeepingHeader];
    this.headers = packed === undefined ? delivery.headers : withoutBookkeeping(delivery.headers);
    this.book = packed === undefined ? noBookkeeping : parseBookkeeping(packed);
    this.deliveries = delivery.deliveryCount ?? this.book.deliveries + 1;
  }

  /** Looked up on first use: most messages come and go without anybody asking. */
  get id(): string {
    this.#id ??= this.delivery.id ?? this.delivery.brokerId ?? this.owner.newId();
    return this.#id;
  }

  /** Made on first use. */
  #more(): Extras {
    this.#extras ??= {};
    return this.#extras;
  }

  get payload(): Uint8Array {
    return this.#extras?.patch?.payload ?? this.delivery.payload;
  }
  get contentType(): string | undefined {
    const patch = this.#extras?.patch;
    return patch !== undefined && "contentType" in patch ? patch.contentType : this.delivery.contentType;
  }
  get brokerId(): string | undefined {
    return this.delivery.brokerId;
  }
  get server(): string {
    return this.owner.serverName;
  }
  get channel(): string {
    return this.delivery.channel;
  }
  get replyTo(): string | undefined {
    return this.delivery.replyTo;
  }
  get attempt(): number {
    return this.book.attempts + 1;
  }
  get sentAt(): number | undefined {
    return this.delivery.sentAt;
  }
  get isSettled(): boolean {
    return this.state === "settling" || this.state === "settled";
  }
  get countsDeliveries(): boolean {
    return this.delivery.deliveryCount !== undefined;
  }
  get countsLapses(): boolean {
    return this.delivery.lapses !== undefined;
  }
  /** Earlier deliveries in a row that ended without a result. */
  get lapses(): number {
    return this.delivery.lapses ?? this.deliveries - 1 - this.book.results;
  }

  /** Made when first read: a controller with a listener is the dearest thing in a message's life. */
  get signal(): AbortSignal {
    const extras = this.#more();
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      if (extras.aborted !== undefined) extras.controller.abort(extras.aborted.reason);
    }
    return extras.controller.signal;
  }

  abort(reason: unknown): void {
    const extras = this.#more();
    if (extras.aborted !== undefined) return;
    extras.aborted = { reason };
    extras.controller?.abort(reason);
  }

  get topicHeader(): string | false {
    return this.plan?.topicHeader ?? this.owner.topicHeader;
  }
  get envelope(): Envelope | undefined {
    return this.owner.envelope;
  }
  get isOver(): boolean {
    return this.decided || this.#extras?.aborted !== undefined;
  }
  get stopReason(): unknown {
    return this.#extras?.aborted?.reason ?? new LeaseLostError("The outcome of this message is already decided.");
  }

  get settled(): Promise<SettledOutcome | undefined> {
    if (this.state === "settled") return Promise.resolve(this.outcome);
    if (this.state === "left" || this.state === "lost") return Promise.resolve(undefined);
    const extras = this.#more();
    extras.settled ??= createDeferred();
    return extras.settled.promise;
  }

  header(name: string): string | undefined {
    return findHeader(this.headers, name);
  }

  ack(): Promise<void> {
    this.owner.settleEagerly(this, "ack", undefined);
    return this.#confirmed();
  }
  nack(error?: unknown): Promise<void> {
    this.owner.settleEagerly(this, "nack", error);
    return this.#confirmed();
  }
  reject(): Promise<void> {
    this.owner.settleEagerly(this, "reject", undefined);
    return this.#confirmed();
  }
  async retry(after: Duration): Promise<void> {
    this.owner.retryEagerly(this, after);
    await this.#confirmed();
  }
  reply(payload: Uint8Array | string, options?: ReplyOptions): Promise<void> {
    return this.owner.reply(this, payload, options);
  }
  async replyValue(value: unknown, options?: Omit<ReplyOptions, "contentType">): Promise<void> {
    const codec = this.plan?.codec;
    if (codec === undefined) throw new TypeError("a message can be replied to only while an actor handles it");
    await this.owner.reply(this, codec.encode(value), { ...options, contentType: codec.contentType });
  }
  get send(): Send {
    return this.owner.send(this);
  }
  publish(channel: string, payload: Uint8Array | string, options?: PublishBytesOptions): Promise<SendResult> {
    return this.owner.publish(channel, payload, options);
  }
  afterSettle(callback: (outcome: SettledOutcome | undefined) => void | Promise<void>): void {
    if (this.state === "settled" || this.state === "left" || this.state === "lost") {
      const outcome = this.state === "settled" ? this.outcome : undefined;
      const onError = (error: unknown): void => this.owner.onCallbackError(this, error);
      Promise.resolve(outcome).then(callback).catch(onError);
      return;
    }
    const extras = this.#more();
    extras.afterSettle ??= [];
    extras.afterSettle.push(callback);
  }

  patch(patch: MessagePatch): void {
    const extras = this.#more();
    extras.patch = { ...extras.patch, ...patch };
    if (patch.headers !== undefined) this.headers = createHeaders(patch.headers);
  }

  onFinish(cleanup: () => Awaitable<void>): void {
    const extras = this.#more();
    extras.cleanups ??= [];
    extras.cleanups.push(cleanup);
  }

  get hasCleanups(): boolean {
    return this.#extras?.cleanups !== undefined;
  }

  async cleanUp(): Promise<void> {
    const extras = this.#more();
    const cleanups = extras.cleanups ?? [];
    delete extras.cleanups;
    for (const cleanup of cleanups.reverse()) await cleanup();
  }

  /** Ends the life of the settlement. `onError` gets what the callbacks throw. */
  conclude(state: "settled" | "left" | "lost", onError: (error: unknown) => void): void {
    this.state = state;
    const extras = this.#extras;
    if (extras === undefined) return;
    const outcome = state === "settled" ? this.outcome : undefined;
    extras.settled?.resolve(outcome);
    // A message that was left may be settled later on; whoever waits for that must not get this answer.
    delete extras.settled;
    const callbacks = extras.afterSettle;
    if (callbacks === undefined) return;
    delete extras.afterSettle;
    for (const callback of callbacks) {
      // Behind a promise, so that a throwing callback is caught in one place whether it is async or not.
      Promise.resolve(outcome).then(callback).catch(onError);
    }
  }

  /** Rejects when the message was lost. Handled already: a handler need not await its `ack()`. */
  #confirmed(): Promise<void> {
    if (this.state === "settled") return Promise.resolve();
    const confirmed = this.settled.then((outcome) => {
      if (outcome === undefined && this.state === "lost") throw new LeaseLostError();
    });
    confirmed.catch(() => {});
    return confirmed;
  }
}
