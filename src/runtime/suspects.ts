import type { TimerHandle } from "../internal/clock.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { WorkerState } from "./worker-state.ts";

/** Longer than the deliveries of one batch are apart. */
const gatherTime = 50;

export interface SuspectsHost {
  readonly worker: WorkerState;
  readonly serverName: string;
  /** No message may start now. */
  isHeldUp(): boolean;
  start(message: ReceivedMessage): void;
}

/**
 * Messages that may have killed their workers. They run one at a time in a process, beside ordinary messages and the
 * least suspicious first: a crash then has one culprit, and its neighbours get done before it is tried again.
 */
export class Suspects {
  readonly #host: SuspectsHost;
  readonly #queue: ReceivedMessage[] = [];
  #running: ReceivedMessage | undefined;
  #gathering: TimerHandle | undefined;

  constructor(host: SuspectsHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#queue.length;
  }

  isRunning(message: ReceivedMessage): boolean {
    return message === this.#running;
  }

  /** Waits a moment for the others of the same batch, so that there is a choice of whom to suspect least. */
  add(message: ReceivedMessage): void {
    this.#queue.push(message);
    if (this.#gathering !== undefined || this.#running !== undefined) return;
    this.#gathering = this.#host.worker.clock.setTimer(() => {
      this.#gathering = undefined;
      this.pump();
    }, gatherTime);
  }

  pump(): void {
    if (this.#queue.length === 0) return;
    const { worker } = this.#host;
    if (this.#gathering !== undefined || worker.suspect.running || this.#host.isHeldUp()) return;
    // Those whose lease was lost while they waited are only in the queue by name.
    const waiting = this.#queue.filter((message) => message.state === "pending");
    this.#queue.splice(0, this.#queue.length, ...waiting);
    if (waiting.length === 0 || !worker.slots.tryTake()) return;
    const message = this.#takeLeast();
    const { channel, id, deliveries, lapses } = message;
    const fields = { server: this.#host.serverName, channel, message_id: id, deliveries, lapses };
    worker.logger.warn({ event: "message.suspect", ...fields });
    worker.suspect.running = true;
    this.#running = message;
    this.#host.start(message);
  }

  /** The run of a message has ended. */
  end(message: ReceivedMessage): void {
    if (message !== this.#running) return;
    this.#running = undefined;
    this.#host.worker.suspect.running = false;
  }

  takeAll(): ReceivedMessage[] {
    return this.#queue.splice(0);
  }

  close(): void {
    this.#host.worker.clock.clearTimer(this.#gathering);
    this.#gathering = undefined;
  }

  #takeLeast(): ReceivedMessage {
    const least = this.#queue.reduce((a, b) => (b.deliveries < a.deliveries ? b : a));
    this.#queue.splice(this.#queue.indexOf(least), 1);
    return least;
  }
}
