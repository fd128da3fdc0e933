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
    const { worker } = this.#host;
    if (this.#queue.length === 0 || this.#gathering !== undefined || worker.suspect.running) return;
    if (this.#host.isHeldUp() || !worker.slots.tryTake()) return;
    const message = this.#takeLeast();
    // A message whose lease was lost while it waited is only in the queue by name.
    if (message === undefined || message.state !== "pending") {
      worker.slots.release(true);
      return;
    }
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

  #takeLeast(): ReceivedMessage | undefined {
    let least = 0;
    this.#queue.forEach((message, index) => {
      if (message.deliveries < (this.#queue[least]?.deliveries ?? 0)) least = index;
    });
    return this.#queue.splice(least, 1)[0];
  }
}
