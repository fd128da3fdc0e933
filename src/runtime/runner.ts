import { isPromise } from "../internal/awaitable.ts";
import { type Duration, parseDuration } from "../internal/duration.ts";
import { ActorTimeoutError, CapabilityError, DecodeError, OptionError, WorkerFatalError } from "../server/errors.ts";
import type { Features } from "../server/features.ts";
import { validate } from "../server/schema.ts";
import { type ErrorRecord, recordError } from "../server/settle-reason.ts";
import { noteForReturn, reasonFor } from "./aftermath.ts";
import { type Decision, decide, type RunEvent } from "./decide.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { Settler } from "./settler.ts";
import type { WorkerState } from "./worker-state.ts";

export interface RunnerHost {
  readonly worker: WorkerState;
  readonly settler: Settler;
  readonly serverName: string;
  readonly features: Features;
  /** The run is decided and its settle is written. `counted`: it counts as processed. */
  onDecided(message: ReceivedMessage, counted: boolean): void;
}

/** Runs one message through its actor and settles it by the outcome. Whatever throws, the message ends decided. */
export class Runner {
  readonly #host: RunnerHost;

  constructor(host: RunnerHost) {
    this.#host = host;
  }

  run(message: ReceivedMessage): void {
    const plan = message.plan;
    if (plan === undefined) throw new TypeError("a message cannot run without a plan");
    if (plan.policy.confirmation === "ackFirst") {
      this.#host.settler.settle(message, "ack", "ack");
      if (message.state === "settled") this.#execute(message);
      else this.#executeAfter(message, message.settled);
      return;
    }
    this.#execute(message);
  }

  /** The reply that was to settle the message has failed after its run was decided: the run decides after all. */
  redecide(message: ReceivedMessage, error: unknown): void {
    const { event, plan } = message;
    if (message.state !== "pending" || plan === undefined || event === undefined) return;
    message.event = undefined;
    const instead: RunEvent = event.kind === "success" ? { kind: "error", error } : event;
    this.#apply(message, decide(plan.policy, instead, message.attempt, this.#host.worker.random, message));
  }

  /** A suspect: the server first writes down that its handler starts now. */
  runSuspect(message: ReceivedMessage): void {
    let begun: void | PromiseLike<void>;
    try {
      begun = message.delivery.begin?.();
    } catch (error) {
      begun = Promise.reject(error);
    }
    if (isPromise(begun)) this.#executeAfter(message, begun);
    else this.run(message);
  }

  /** The worker cannot wait any longer: the message goes back, whatever its handler does. */
  abandon(message: ReceivedMessage): void {
    if (message.decided) return;
    this.#host.worker.counts.abandoned += 1;
    this.#log("error", "handler.abandoned", message);
    this.#finish(message, { kind: "shutdown" });
  }

  settleEagerly(message: ReceivedMessage, action: "ack" | "nack" | "reject", error: unknown): void {
    if (message.state !== "pending" && message.state !== "left") return;
    const { settler, worker } = this.#host;
    const now = worker.clock.now();
    if (action === "ack") settler.settle(message, "ack", "ack");
    else if (action === "reject") settler.settle(message, "reject", "reject", noteForReturn(message, now, true));
    else {
      const code = error === undefined ? "rejected" : "error";
      const reason = reasonFor(message, now, code, { error, ...this.#actor(message), attempted: true });
      settler.settle(message, "nack", "nack", { reason });
      this.#logDeadLetter(message, error, code);
    }
  }

  retryEagerly(message: ReceivedMessage, after: Duration): void {
    const delay = parseDuration(after);
    if (delay === undefined || delay === Infinity)
      throw new OptionError(`Expected a duration to retry after, got ${after}.`);
    if (this.#host.features.retryDelay.level === "unsupported") {
      const text = `Server ${this.#host.serverName} cannot deliver again after a delay; use message.reject().`;
      throw new CapabilityError(this.#host.serverName, "retryDelay", text);
    }
    const note = noteForReturn(message, this.#host.worker.clock.now(), true);
    this.#host.settler.settle(message, "retry", { retryAfter: delay }, note);
  }

  #executeAfter(message: ReceivedMessage, ready: PromiseLike<unknown>): void {
    ready.then(
      () => {
        if (message.state === "lost" || message.decided) this.#end(message, false);
        else if (message.plan?.policy.confirmation === "ackFirst" && message.state === "pending") this.run(message);
        else this.#execute(message);
      },
      (error: unknown) => {
        this.#log("error", "message.begin.failed", message, error);
        this.#finish(message, { kind: "shutdown" });
      },
    );
  }

  #execute(message: ReceivedMessage): void {
    const { plan } = message;
    if (plan === undefined) return;
    if (plan.timeout !== Infinity) {
      message.timer = this.#host.worker.clock.setTimer(() => this.#onTimeout(message), plan.timeout);
    }
    message.handlerStarted = true;
    let promise: Promise<unknown>;
    try {
      const result = plan.run(message);
      if (!isPromise(result)) {
        this.#onSuccess(message, result);
        return;
      }
      // A foreign thenable may call back more than once, or both ways; a real promise does not.
      promise = result instanceof Promise ? result : Promise.resolve(result);
    } catch (error) {
      this.#onFailure(message, error);
      return;
    }
    promise.then(
      (value) => this.#onSuccess(message, value),
      (error: unknown) => this.#onFailure(message, error),
    );
  }

  #onSuccess(message: ReceivedMessage, value: unknown): void {
    this.#onHandlerEnded(message);
    if (message.decided) return this.#onLate(message, undefined);
    if (message.timedOut) return this.#finishTimeout(message);
    const { plan } = message;
    if (plan?.schemas.reply !== undefined && value !== undefined && message.replyTo !== undefined) {
      const { confirmation } = plan.policy;
      const mayReply = confirmation === "auto" || confirmation === "alwaysAck";
      if ((mayReply && message.state === "pending") || confirmation === "ackFirst") {
        this.#replyThenFinish(message, value);
        return;
      }
    }
    this.#finish(message, { kind: "success", value });
  }

  /** Confirm the reply, then ack: a reply may come twice, but never not at all. */
  async #replyThenFinish(message: ReceivedMessage, value: unknown): Promise<void> {
    try {
      const schema = message.plan?.schemas.reply;
      if (schema !== undefined) await validate(schema, value, "reply");
      if (!message.decided) await message.replyValue(value);
    } catch (error) {
      this.#onFailure(message, error);
      return;
    }
    if (message.decided) this.#onLate(message, undefined);
    else this.#finish(message, { kind: "success", value });
  }

  #onFailure(message: ReceivedMessage, error: unknown): void {
    this.#onHandlerEnded(message);
    if (message.decided) return this.#onLate(message, error);
    if (message.timedOut) return this.#finishTimeout(message);
    if (message.stopping) return this.#finish(message, { kind: "shutdown" });
    const invalid = error !== undefined && error === message.inputError;
    if (invalid) {
      const event = error instanceof DecodeError ? "message.decode.failed" : "message.validation.failed";
      this.#log("error", event, message, error);
    } else {
      this.#log("error", "handler.error", message, error);
    }
    this.#finish(message, { kind: invalid ? "invalid" : "error", error });
  }

  #onTimeout(message: ReceivedMessage): void {
    const { worker } = this.#host;
    message.timer = undefined;
    if (message.decided) return;
    const error = new ActorTimeoutError(message.plan?.name ?? "", message.plan?.timeout ?? 0);
    message.timedOut = true;
    this.#log("error", "handler.timeout", message, error);
    message.abort(error);
    message.timer = worker.clock.setTimer(() => {
      message.timer = undefined;
      if (!message.decided) this.#finishTimeout(message);
    }, worker.cancelTimeout);
  }

  #finishTimeout(message: ReceivedMessage): void {
    const error = new ActorTimeoutError(message.plan?.name ?? "", message.plan?.timeout ?? 0);
    this.#finish(message, { kind: "timeout", error });
  }

  #finish(message: ReceivedMessage, event: RunEvent): void {
    const { worker } = this.#host;
    message.decided = true;
    if (message.timer !== undefined) {
      worker.clock.clearTimer(message.timer);
      message.timer = undefined;
    }
    if (message.handlerStarted && !message.handlerEnded) this.#addZombie(message);
    if (message.state === "pending" && message.plan !== undefined) {
      const decision = decide(message.plan.policy, event, message.attempt, worker.random, message);
      this.#apply(message, decision);
      this.#end(message, decision.attempted);
    } else {
      // A reply is on its way. Should it fail, the message is as unsettled as before: see `redecide`.
      if (message.state === "settling" && message.outcome === "reply") message.event = event;
      this.#end(message, message.isSettled);
    }
  }

  #apply(message: ReceivedMessage, decision: Decision): void {
    const { settler, worker, features } = this.#host;
    if (decision.problem !== undefined) this.#log("error", "handler.outcome.invalid", message, decision.problem);
    switch (decision.action) {
      case "ack":
        settler.settle(message, "ack", "ack");
        return;
      case "nack":
        this.#nack(message, decision);
        return;
      case "reject":
        settler.settle(message, "reject", "reject", noteForReturn(message, worker.clock.now(), decision.attempted));
        return;
      case "retry": {
        if (features.retryDelay.level === "unsupported") {
          this.#log("error", "handler.retry.unsupported", message, decision.error);
          this.#nack(message, decision);
          return;
        }
        const note = noteForReturn(message, worker.clock.now(), decision.attempted);
        settler.settle(message, "retry", { retryAfter: decision.delay ?? 0 }, note);
        return;
      }
      case "none":
        if (decision.attempted && message.plan?.policy.confirmation === "manual") {
          this.#log("warn", "message.unsettled", message);
        }
        settler.leave(message);
    }
  }

  #nack(message: ReceivedMessage, decision: Decision): void {
    const { error, attempted, code = "error" } = decision;
    const now = this.#host.worker.clock.now();
    const reason = reasonFor(message, now, code, { error, ...this.#actor(message), attempted });
    this.#host.settler.settle(message, "nack", "nack", { reason });
    this.#logDeadLetter(message, undefined, reason.code);
  }

  /** A server without dead letters drops the message and says so itself. */
  #logDeadLetter(message: ReceivedMessage, error: unknown, reason: string): void {
    if (this.#host.features.deadLetter.level === "unsupported") return;
    this.#log("error", "message.dead_lettered", message, error, { reason });
  }

  /** Frees the slot: at once, or when the dependencies of the message are disposed of. */
  #end(message: ReceivedMessage, counted: boolean): void {
    message.decided = true;
    if (!message.hasCleanups || (message.handlerStarted && !message.handlerEnded)) {
      this.#host.onDecided(message, counted);
      return;
    }
    message.settled
      .then(() => message.cleanUp())
      .catch((error: unknown) => this.#log("error", "message.cleanup.error", message, error))
      .finally(() => this.#host.onDecided(message, counted));
  }

  /** The message is not ours any more: as long as its handler runs, it must not run here a second time. */
  noteLost(message: ReceivedMessage): void {
    if (message.handlerStarted && !message.handlerEnded) this.#register(message);
  }

  #onHandlerEnded(message: ReceivedMessage): void {
    message.handlerEnded = true;
    if (!message.zombie) return;
    message.zombie = false;
    const { zombies } = this.#host.worker;
    const left = (zombies.get(message.id) ?? 1) - 1;
    if (left === 0) zombies.delete(message.id);
    else zombies.set(message.id, left);
  }

  #register(message: ReceivedMessage): void {
    if (message.zombie) return;
    message.zombie = true;
    const { zombies } = this.#host.worker;
    zombies.set(message.id, (zombies.get(message.id) ?? 0) + 1);
  }

  #addZombie(message: ReceivedMessage): void {
    const { zombies, concurrency } = this.#host.worker;
    this.#register(message);
    this.#log("error", "attempt.zombie", message, undefined, { zombies: zombies.size });
    if (zombies.size > concurrency) {
      this.#host.worker.onFatal(
        new WorkerFatalError(
          `More than ${concurrency} handlers ignore their signal and never end; restart the process.`,
        ),
      );
    }
  }

  /** The handler of a message that was decided without it has ended; its result means nothing any more. */
  #onLate(message: ReceivedMessage, error: unknown): void {
    this.#log("warn", "message.late", message, error);
    if (!message.hasCleanups) return;
    message.cleanUp().catch((problem: unknown) => this.#log("error", "message.cleanup.error", message, problem));
  }

  #actor(message: ReceivedMessage): { readonly actor: string } | undefined {
    return message.plan === undefined ? undefined : { actor: message.plan.name };
  }

  #log(
    level: "warn" | "error",
    event: string,
    message: ReceivedMessage,
    error?: unknown,
    more?: Readonly<Record<string, unknown>>,
  ): void {
    const err: { err?: ErrorRecord } = error === undefined ? {} : { err: recordError(error) };
    const { serverName, worker } = this.#host;
    const { channel, id, attempt, deliveries, plan } = message;
    const fields = { server: serverName, channel, actor: plan?.name, message_id: id, attempt, deliveries };
    worker.logger[level]({ event, ...fields, ...more, ...err });
  }
}
