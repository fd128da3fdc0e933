import type { Clock, TimerHandle } from "../internal/clock.ts";
import { WorkerFatalError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import type { BrokerServer } from "../server/server.ts";
import type { Consumer } from "./consumer.ts";

export interface StallWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly consumer: Consumer;
  readonly server: BrokerServer;
  readonly timeout: number;
  onFatal(error: WorkerFatalError): void;
}

export interface StallWatch {
  /** Why the subscription makes no progress, or `undefined`. */
  readonly reason: string | undefined;
  stop(): void;
}

/** Checks per `timeout`: a stall is seen at most a quarter late. */
const checksPerTimeout = 4;
/** A stall of this many timeouts is final: only a restart of the process helps. */
const patience = 3;

/**
 * Looks for evidence of progress: contact to the broker on the consuming connection itself, and deliveries while there
 * is a backlog and room. Without either for `timeout` the subscription is stalled: alive, connected and useless.
 */
export function watchForStalls(options: StallWatchOptions): StallWatch {
  const { clock, logger, consumer, server, timeout } = options;
  let timer: TimerHandle | undefined;
  let reason: string | undefined;
  let stalledSince: number | undefined;
  let idleSince: number | undefined;
  let seen = -1;
  let stopped = false;

  async function backlogWithoutDeliveries(now: number): Promise<boolean> {
    const moved = consumer.received !== seen;
    seen = consumer.received;
    if (moved || consumer.isPaused || consumer.running > 0 || consumer.waiting > 0 || server.inspect === undefined) {
      idleSince = undefined;
      return false;
    }
    const stats = await Promise.all(consumer.channels.map((channel) => server.inspect?.(channel)));
    if (!stats.some((channel) => (channel?.ready ?? 0) > 0)) {
      idleSince = undefined;
      return false;
    }
    idleSince ??= now;
    return now - idleSince >= timeout;
  }

  async function find(now: number): Promise<string | undefined> {
    const contact = consumer.lastContact;
    if (contact !== undefined && now - contact >= timeout) return "no contact to the broker";
    return (await backlogWithoutDeliveries(now)) ? "a backlog, but no deliveries" : undefined;
  }

  async function check(): Promise<void> {
    const now = clock.monotonic();
    const found = await find(now).catch(() => reason);
    if (stopped) return;
    if (found !== undefined && reason === undefined) {
      stalledSince = now;
      logger.error({ event: "consumer.stalled", server: consumer.serverName, reason: found });
    } else if (found === undefined && reason !== undefined) {
      logger.info({ event: "consumer.unstalled", server: consumer.serverName });
      stalledSince = undefined;
    }
    reason = found;
    if (stalledSince !== undefined && now - stalledSince >= patience * timeout) {
      options.onFatal(new WorkerFatalError(`The subscription on server ${consumer.serverName} is stalled: ${reason}.`));
    }
    arm();
  }

  function arm(): void {
    if (!stopped) timer = clock.setTimer(() => void check(), timeout / checksPerTimeout, { unref: true });
  }
  arm();

  return {
    get reason() {
      return reason;
    },
    stop() {
      stopped = true;
      clock.clearTimer(timer);
    },
  };
}
