import type { ConnectionState } from "../server/server.ts";
import type { WorkerCounts } from "./worker-state.ts";

export type WorkerPhase = "idle" | "starting" | "running" | "stopping" | "stopped" | "failed";

export interface ConsumerHealth {
  readonly server: string;
  readonly connection: ConnectionState;
  readonly subscription: ConnectionState;
  readonly channels: readonly string[];
  readonly running: number;
  readonly waiting: number;
  /** Messages held and not settled. */
  readonly held: number;
  /** Milliseconds since the last contact to the broker on the consuming connection. */
  readonly contactAge: number | undefined;
  /** Why there is no progress. */
  readonly stalled: string | undefined;
}

export interface HealthReport {
  /** Would a restart help? Not when only the broker is away. */
  readonly live: boolean;
  /** Can it take work now? */
  readonly ready: boolean;
  readonly phase: WorkerPhase;
  /** Why it is not ready, or not live. */
  readonly reasons: readonly string[];
  readonly consumers: readonly ConsumerHealth[];
  readonly counts: Readonly<WorkerCounts>;
  readonly zombies: number;
}

/** Draws the conclusions from what is known; pure. */
export function reportHealth(known: {
  readonly phase: WorkerPhase;
  readonly paused: boolean;
  readonly consumers: readonly ConsumerHealth[];
  readonly counts: Readonly<WorkerCounts>;
  readonly zombies: number;
  readonly stallTimeout: number;
}): HealthReport {
  const { phase, paused, consumers, counts, zombies, stallTimeout } = known;
  const reasons: string[] = [];
  if (phase !== "running") reasons.push(`the worker is ${phase}`);
  if (paused) reasons.push("the worker is paused");
  for (const consumer of consumers) {
    if (consumer.connection !== "ready") reasons.push(`server ${consumer.server} is ${consumer.connection}`);
    if (consumer.subscription !== "ready")
      reasons.push(`subscription on ${consumer.server} is ${consumer.subscription}`);
    if (consumer.stalled !== undefined)
      reasons.push(`subscription on ${consumer.server} is stalled: ${consumer.stalled}`);
    else if ((consumer.contactAge ?? 0) >= stallTimeout) {
      reasons.push(
        `subscription on ${consumer.server} has had no contact for ${Math.round(consumer.contactAge ?? 0)} ms`,
      );
    }
  }
  const dead = phase === "failed" || consumers.some((consumer) => consumer.subscription === "failed");
  return { live: !dead, ready: reasons.length === 0, phase, reasons, consumers, counts: { ...counts }, zombies };
}
