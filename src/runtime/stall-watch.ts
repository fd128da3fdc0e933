import { type Clock, sleep, type TimerHandle } from "../internal/clock.ts";
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
  let seen = consumer.received;
  let lastCheck = clock.monotonic();
  let stopped = false;
  let waiting: AbortController | undefined;

  /** A broker that does not answer is no reason to look no more. */
  async function hasBacklog(): Promise<boolean> {
    const answers = consumer.channels.map(async (channel) => (await server.inspect?.(channel))?.ready ?? 0);
    const over = new AbortController();
    waiting = over;
    const unanswered = sleep(clock, timeout / checksPerTimeout, over.signal).then(() => [1]);
    try {
      const ready = await Promise.race([Promise.all(answers), unanswered]);
      return ready.some((count) => count > 0);
    } finally {
      over.abort();
    }
  }

  async function backlogWithoutDeliveries(now: number): Promise<boolean> {
    const moved = consumer.received !== seen;
    seen = consumer.received;
    if (moved || consumer.isPaused || consumer.running > 0 || consumer.waiting > 0 || server.inspect === undefined) {
      idleSince = undefined;
      return false;
    }
    // Nothing has moved since the check before this one.
    idleSince ??= lastCheck;
    if (!(await hasBacklog())) {
      idleSince = undefined;
      return false;
    }
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
    lastCheck = now;
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
      waiting?.abort();
    },
  };
}
