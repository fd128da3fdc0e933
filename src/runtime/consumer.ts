import type { ReplyOptions } from "../contract/message.ts";
import type { PublishBytesOptions, Send, SendResult } from "../contract/send.ts";
import { isPromise } from "../internal/awaitable.ts";
import type { Duration } from "../internal/duration.ts";
import { Ring } from "../internal/ring.ts";
import { type Delivery, suspectAfter } from "../server/delivery.ts";
import type { Envelope } from "../server/envelope.ts";
import { type LeaseLostError, WorkerFatalError, WorkerStoppingError } from "../server/errors.ts";
import type { ConnectionState, Subscription } from "../server/server.ts";
import { recordError } from "../server/settle-reason.ts";
import { deliveryLimitOf } from "./delivery-limit.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { LeftMessages } from "./left-messages.ts";
import type { GivenOptions, ServerEntry } from "./producer.ts";
import { type MessageOwner, ReceivedMessage } from "./received-message.ts";
import { replyCall } from "./reply-call.ts";
import type { Routes } from "./routes.ts";
import { Runner } from "./runner.ts";
import { Settler } from "./settler.ts";
import type { SlotUser } from "./slots.ts";
import { Suspects } from "./suspects.ts";
import { Unwanted } from "./unwanted.ts";
import type { WorkerState } from "./worker-state.ts";

/** One subscription of a worker: takes deliveries, finds their actors, starts them as slots allow, settles what remains. */
export class Consumer implements MessageOwner, SlotUser {
  readonly serverName: string;
  readonly held: ReceivedMessage[] = [];
  readonly #left = new LeftMessages();
  readonly #worker: WorkerState;
  readonly #entry: ServerEntry;
  readonly #routes: Routes;
  readonly #waiting = new Ring<ReceivedMessage>();
  readonly #running: ReceivedMessage[] = [];
  readonly #suspects: Suspects;
  readonly #settler: Settler;
  readonly #unwanted: Unwanted;
  readonly #runner: Runner;
  readonly topicHeader: string | false;
  readonly envelope: Envelope | undefined;
  readonly #leases: LeaseKeeper;
  #subscription: Subscription | undefined;
  #overfull = false;
  #closed = false;
  #received = 0;
  #paused = false;
  #draining = false;
  #state: ConnectionState = "connecting";

  constructor(worker: WorkerState, entry: ServerEntry, routes: Routes) {
    this.#worker = worker;
    this.#entry = entry;
    this.#routes = routes;
    this.serverName = entry.name;
    this.topicHeader = entry.server.topicHeader ?? worker.topicHeader;
    this.envelope = entry.server.envelope;
    const { clock, logger } = worker;
    const { serverName } = this;
    this.#settler = new Settler({
      ...{ clock, logger, serverName },
      onLost: (message) => this.#runner.noteLost(message),
      onCallbackError: (message, error) => this.onCallbackError(message, error),
      onConcluded: (message) => this.#release(message),
    });
    this.#unwanted = new Unwanted(worker, this.#settler, serverName, entry.server.features);
    this.#runner = new Runner({
      worker,
      settler: this.#settler,
      serverName,
      features: entry.server.features,
      onDecided: (message, counted) => this.#onDecided(message, counted),
    });
    this.#suspects = new Suspects({
      ...{ worker, serverName },
      isHeldUp: () => this.#paused || this.#draining,
      start: (message) => this.#start(message),
    });
    this.#leases = new LeaseKeeper({
      clock,
      logger,
      held: this.held,
      lose: (message, error) => this.#lose(message, error),
    });
    worker.slots.join(this);
  }

  get waiting(): number {
    return this.#waiting.size + this.#suspects.size;
  }
  /** Deliveries received so far; only compared, never shown. */
  get received(): number {
    return this.#received;
  }
  /** Held messages that nobody has given up on. */
  get unsettled(): number {
    return this.held.length;
  }
  get running(): number {
    return this.#running.length;
  }
  get state(): ConnectionState {
    return this.#state;
  }
  get isPaused(): boolean {
    return this.#paused;
  }
  get lastContact(): number | undefined {
    return this.#subscription?.lastContact;
  }
  get channels(): readonly string[] {
    return this.#routes.channels;
  }

  async start(): Promise<void> {
    const { concurrency, prefetch, logger } = this.#worker;
    const subscription = await this.#entry.server.subscribe({
      channels: this.#routes.channels.map((name) => ({ name })),
      maxUnsettled: concurrency + prefetch,
      onDelivery: (delivery) => this.#accept(delivery),
      onStateChange: (state, error) => this.#onStateChange(state, error),
      onExpired: (channel, id) => {
        this.#worker.counts.expired += 1;
        logger.warn({ event: "message.expired", server: this.serverName, channel, message_id: id });
      },
    });
    if (this.#closed) {
      // The stop did not wait for it: it must not go on taking messages that nobody handles.
      await subscription.close();
      return;
    }
    this.#subscription = subscription;
    if (this.#state === "connecting") this.#state = "ready";
    if (this.#paused) await subscription.pause();
    logger.info({ event: "consumer.subscribed", server: this.serverName, channels: this.#routes.channels });
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#subscription?.pause();
  }

  async resume(): Promise<void> {
    this.#paused = false;
    if (!this.#overfull && !this.#draining) await this.#subscription?.resume();
    this.pump();
  }

  /** From now on nothing starts, and nothing more is taken. */
  halt(): void {
    this.#draining = true;
  }

  /** Stops intake and hands back what has not started. */
  async drain(): Promise<void> {
    this.halt();
    const drained = this.#stopIntake();
    for (const message of this.#waiting.takeAll()) this.#unwanted.handBack(message);
    for (const message of this.#suspects.takeAll()) this.#unwanted.handBack(message);
    await drained;
  }

  async #stopIntake(): Promise<void> {
    await this.#subscription?.drain();
  }

  abortRunning(): void {
    const reason = new WorkerStoppingError();
    for (const message of this.#running) {
      if (message.decided) continue;
      message.stopping = true;
      message.abort(reason);
    }
  }

  abandonRunning(): void {
    for (const message of [...this.#running]) this.#runner.abandon(message);
  }

  async close(): Promise<void> {
    this.halt();
    this.#closed = true;
    this.#waiting.takeAll();
    this.#suspects.close();
    this.#left.giveBack(this.#worker.clock.now());
    this.#leases.stop();
    await this.#subscription?.close();
    for (const message of [...this.held]) this.#release(message);
  }

  pump(): void {
    while (this.#waiting.size > 0 && !this.#paused && !this.#draining) {
      if (!this.#worker.slots.tryTake()) break;
      const message = this.#waiting.shift();
      // A message whose lease was lost while it waited is only in the queue by name.
      if (message === undefined || message.state !== "pending") this.#worker.slots.release(true);
      else this.#start(message);
    }
    this.#suspects.pump();
    this.#checkFill();
  }

  #accept(delivery: Delivery): void {
    const worker = this.#worker;
    const message = new ReceivedMessage(delivery, this);
    this.#received += 1;
    // Too late, since the server does not stop at once: closing the subscription gives it back. Rejecting it here would
    // only make it come again.
    if (this.#draining) return;
    message.heldAt = this.held.push(message) - 1;
    if (worker.debug) worker.logger.debug({ event: "message.received", ...this.#fields(message) });
    if (delivery.unreadable !== undefined) {
      this.#leases.watch(message);
      return this.#unwanted.unreadable(message, delivery.unreadable);
    }
    const plan = this.#routes.find(message);
    message.plan = plan;
    this.#leases.watch(message);
    if (plan === undefined) return this.#unwanted.unrouted(message);
    if (message.deliveries > deliveryLimitOf(plan, worker.deliveryLimit)) return this.#unwanted.poison(message);
    if (this.#runsHere(message)) return this.#unwanted.holdBack(message);
    if (message.lapses >= suspectAfter) {
      this.#suspects.add(message);
    } else if (this.#waiting.size === 0 && !this.#paused && worker.slots.tryTake()) {
      this.#start(message);
    } else {
      this.#waiting.push(message);
    }
    this.#checkFill();
  }

  /** An earlier delivery of it has not ended here: its lease was lost, or it ignores its signal. */
  #runsHere(message: ReceivedMessage): boolean {
    const { zombies } = this.#worker;
    if (zombies.size > 0 && zombies.has(message.id)) return true;
    return message.deliveries > 1 && this.#running.some(({ id }) => id === message.id);
  }

  #start(message: ReceivedMessage): void {
    message.runsAt = this.#running.push(message) - 1;
    if (this.#suspects.isRunning(message)) this.#runner.runSuspect(message);
    else this.#runner.run(message);
  }

  #onDecided(message: ReceivedMessage, counted: boolean): void {
    const place = message.runsAt;
    if (place < 0) return;
    message.runsAt = -1;
    const last = this.#running.pop();
    if (last !== undefined && last !== message) {
      this.#running[place] = last;
      last.runsAt = place;
    }
    this.#suspects.end(message);
    const worker = this.#worker;
    if (counted) worker.counts.processed += 1;
    worker.slots.release(!counted);
    worker.onRunEnded();
  }

  /** The settlement is over, one way or the other. */
  #release(message: ReceivedMessage): void {
    const place = message.heldAt;
    if (place >= 0) {
      const last = this.held.pop();
      if (last !== undefined && last !== message) {
        this.held[place] = last;
        last.heldAt = place;
      }
      message.heldAt = -1;
    }
    if (message.leaseTimer !== undefined) this.#leases.unwatch(message);
    const { outcome } = message;
    if (message.state === "left") this.#left.add(message);
    else this.#left.delete(message);
    const worker = this.#worker;
    if (message.state === "settled" && outcome !== undefined) {
      if (worker.debug) worker.logger.debug({ event: "message.settled", ...this.#fields(message), outcome });
      worker.onSettled(outcome);
    }
    this.#checkFill();
    worker.onReleased();
  }

  #lose(message: ReceivedMessage, error: LeaseLostError): void {
    this.#settler.lose(message, error);
  }

  /**
   * What is acked early is not unsettled any more, so that the server sends more than there is room for: then it has to
   * wait. Without early acks its own limit comes first, and it is never paused.
   */
  #checkFill(): void {
    const subscription = this.#subscription;
    if (subscription === undefined || this.#paused || this.#draining) return;
    const { concurrency, prefetch } = this.#worker;
    const limit = concurrency + prefetch;
    const here = this.#running.length + this.#waiting.size + this.#suspects.size;
    if (!this.#overfull && here >= limit && this.held.length < limit) {
      this.#overfull = true;
      this.#guarded(subscription.pause());
    } else if (this.#overfull && here < limit - Math.floor(prefetch / 2)) {
      this.#overfull = false;
      this.#guarded(subscription.resume());
    }
  }

  #guarded(pending: void | PromiseLike<void>): void {
    if (!isPromise(pending)) return;
    pending.then(undefined, (error: unknown) => {
      this.#worker.logger.error({ event: "consumer.flow.error", server: this.serverName, err: recordError(error) });
    });
  }

  #onStateChange(state: ConnectionState, error: unknown): void {
    const { logger, onFatal } = this.#worker;
    if (state === this.#state) return;
    const before = this.#state;
    this.#state = state;
    const err = error === undefined ? {} : { err: recordError(error) };
    if (state === "ready" && before === "connecting") return;
    if (state === "ready") logger.info({ event: "consumer.recovered", server: this.serverName, before });
    else logger[state === "closed" ? "info" : "error"]({ event: `consumer.${state}`, server: this.serverName, ...err });
    if (state === "failed") {
      onFatal(new WorkerFatalError(`The subscription on server ${this.serverName} failed for good.`, { cause: error }));
    }
  }

  #fields(message: ReceivedMessage): { readonly [field: string]: unknown } {
    const { channel, id, plan } = message;
    return { server: this.serverName, channel, message_id: id, actor: plan?.name };
  }

  onCallbackError(message: ReceivedMessage, error: unknown): void {
    const err = recordError(error);
    this.#worker.logger.error({ event: "message.after_settle.error", ...this.#fields(message), err });
  }
  newId(): string {
    return this.#worker.ids();
  }
  settleEagerly(message: ReceivedMessage, action: "ack" | "nack" | "reject", error: unknown): void {
    this.#runner.settleEagerly(message, action, error);
  }
  retryEagerly(message: ReceivedMessage, after: Duration): void {
    this.#runner.retryEagerly(message, after);
  }

  send(): Send {
    const { producer } = this.#worker;
    const { serverName } = this;
    return (to, payload, ...[options]) =>
      producer.send(to, payload, { ...(options as GivenOptions | undefined), near: serverName });
  }

  publish(channel: string, payload: Uint8Array | string, options?: PublishBytesOptions): Promise<SendResult> {
    const given = options as GivenOptions | undefined;
    return this.#worker.producer.publish(channel, payload, { ...given, server: given?.server ?? this.serverName });
  }

  async reply(message: ReceivedMessage, payload: Uint8Array | string, options?: ReplyOptions): Promise<void> {
    const ackedFirst = message.plan?.policy.confirmation === "ackFirst" && message.outcome === "ack";
    if (message.state !== "pending" && !ackedFirst) return;
    const call = replyCall(this.#entry, message, this.newId(), payload, options, this.#worker.maxPayloadBytes);
    const { producer } = this.#worker;
    if (ackedFirst) {
      await producer.dispatch(call, this.#entry);
      return;
    }
    message.state = "settling";
    message.outcome = "reply";
    const { delivery } = message;
    let done = false;
    try {
      // One atomic step where the broker can; otherwise the reply is confirmed before the message is acked.
      await producer.dispatch(
        call,
        this.#entry,
        undefined,
        delivery.reply === undefined
          ? undefined
          : async (last) => {
              await delivery.reply?.(last.message, last.channel, last.options);
              done = true;
              return { id: last.message.id, server: last.server, channel: last.channel };
            },
      );
    } catch (error) {
      // Only a middleware can fail after the broker has applied the step.
      if (done) this.#settler.confirm(message);
      else this.#settler.reopen(message);
      if (!done && message.decided) this.#runner.redecide(message, error);
      throw error;
    }
    // A middleware may have kept the reply back: then the message is done without one.
    if (done) this.#settler.confirm(message);
    else this.#settler.perform(message, "ack");
    await message.settled;
  }
}
