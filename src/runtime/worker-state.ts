import type { SettledOutcome } from "../contract/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Duration } from "../internal/duration.ts";
import type { Logger } from "../server/logger.ts";
import type { Producer } from "./producer.ts";
import type { Slots } from "./slots.ts";

/** What a worker has done. */
export interface WorkerCounts {
  /** Deliveries that reached an actor and whose run was decided; unrouted ones and shutdown rejects do not count. */
  processed: number;
  acked: number;
  nacked: number;
  rejected: number;
  retried: number;
  /** Messages that were removed because their time was over, before any actor saw them. */
  expired: number;
  /** Handlers that were still running when the worker ended. */
  abandoned: number;
}

/** What to do with messages that no actor wants. */
export interface UnroutedPolicy {
  /** Deliveries after which such a message is dead-lettered. */
  readonly attempts: number;
  /** Milliseconds before the given next one. */
  delay(attempt: number): number;
}

/** What all subscriptions of a worker share. */
export interface WorkerState {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ids: () => string;
  readonly logger: Logger;
  /** Whether events of single messages are wanted. */
  readonly debug: boolean;
  readonly producer: Producer;
  readonly slots: Slots;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly cancelTimeout: number;
  readonly deliveryLimit: number;
  /** The app's header for topics. */
  readonly topicHeader: string | false;
  readonly maxPayloadBytes: number;
  readonly unrouted: UnroutedPolicy;
  readonly counts: WorkerCounts;
  /** Whether a suspect runs in this worker now, whichever server it came from. */
  readonly suspect: { running: boolean };
  /** Ids of messages whose handlers run on after their timeout. */
  readonly zombies: Map<string, number>;
  /** Called after every run, when counts and slots are up to date. */
  onRunEnded(): void;
  /** Called when the broker has confirmed an outcome. */
  onSettled(outcome: SettledOutcome): void;
  /** Called when a message is not held any more, however it ended. */
  onReleased(): void;
  onFatal(error: unknown): void;
}

export interface UnroutedOptions {
  /** Deliveries without an actor after which a message is dead-lettered with reason `unrouted`. Default 10. */
  readonly attempts?: number;
  /** Shortest and longest pause between them, doubling. Default 1 s and 1 m. */
  readonly delay?: Duration;
  readonly maxDelay?: Duration;
}
