import { constants } from "node:os";
import type { DocsOptions } from "../http/docs-options.ts";
import type { Duration } from "../internal/duration.ts";
import { OptionError } from "../server/errors.ts";
import { durationOption, integerOption, shownValue } from "../server/option.ts";
import type { UnroutedOptions, UnroutedPolicy } from "./worker-state.ts";

export interface HealthOptions {
  /** Default 127.0.0.1. Probes from outside the machine need the address of the pod; then it is seen by others, too. */
  readonly host?: string;
  /** 0 = any free port (see the log event `http.listen`). */
  readonly port: number;
  /** Path of the summary. Default `/healthz`; `/livez` and `/readyz` are always there. */
  readonly path?: string;
  /** Host names, besides the address itself and localhost, under which it may be asked. */
  readonly allowedHosts?: readonly string[];
}

export interface WorkerOptions<N extends PropertyKey = string> {
  /** The server to read from. Default: the default server. Not together with `servers`. */
  readonly server?: N;
  /** Several servers to read from; they share `concurrency`. */
  readonly servers?: readonly N[];
  /** Actors that run at the same time, over all channels and servers. Default 1000; 1 = one after the other. */
  readonly concurrency?: number;
  /**
   * Messages fetched ahead, beyond those running. Default a tenth of `concurrency`, from 1 to 100. More hides network
   * latency; too much takes messages away from idle workers and holds more leases.
   */
  readonly prefetch?: number;
  /** Stops after exactly this many messages were processed. Default: never. */
  readonly messagesLimit?: number;
  /** How long running actors may finish once the worker stops. Default 25 s. */
  readonly shutdownTimeout?: Duration;
  /** How long an aborted actor may clean up before its message is settled without it. Default 1 s. */
  readonly cancelTimeout?: Duration;
  /** Signals that stop the worker; the second one exits at once. Default SIGTERM and SIGINT; `[]`: none. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Stops the worker when aborted. */
  readonly signal?: AbortSignal;
  /** What to do with messages that no actor wants. `false`-like values are refused: they must end somewhere. */
  readonly unrouted?: UnroutedOptions;
  /** Deliveries after which a message is dead-lettered as poison. Default 20. */
  readonly deliveryLimit?: number;
  /** A subscription without contact to its broker, or a backlog without deliveries, for so long is stalled. Default 60 s. */
  readonly stallTimeout?: Duration;
  /** HTTP endpoints for probes. Default: none. */
  readonly health?: HealthOptions;
  /** The documentation of the app on a port of its own, as long as the worker runs. Default: none. */
  readonly docs?: DocsOptions;
}

export interface WorkerSettings {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly messagesLimit: number;
  readonly shutdownTimeout: number;
  readonly cancelTimeout: number;
  readonly signals: readonly NodeJS.Signals[];
  readonly signal: AbortSignal | undefined;
  readonly unrouted: UnroutedPolicy;
  readonly deliveryLimit: number;
  readonly stallTimeout: number;
  readonly health: HealthOptions | undefined;
  readonly docs: DocsOptions | undefined;
}

function unroutedPolicy(options: UnroutedOptions = {}): UnroutedPolicy {
  const attempts = integerOption("unrouted.attempts", options.attempts ?? 10, { min: 1 });
  const shortest = durationOption("unrouted.delay", options.delay ?? "1s");
  const longest = durationOption("unrouted.maxDelay", options.maxDelay ?? "1m");
  return { attempts, delay: (attempt) => Math.min(shortest * 2 ** (attempt - 1), Math.max(shortest, longest)) };
}

function signalsOption(signals: readonly NodeJS.Signals[]): readonly NodeJS.Signals[] {
  if (!Array.isArray(signals)) throw new OptionError(`Expected signals to be an array, got ${shownValue(signals)}.`);
  for (const signal of signals) {
    if (!(signal in constants.signals))
      throw new OptionError(`Expected signals of this system, got ${shownValue(signal)}.`);
  }
  return signals;
}

/** Checks everything before anything is started. Errors: `OptionError`. */
export function workerSettings(options: WorkerOptions<PropertyKey>): WorkerSettings {
  const concurrency = integerOption("concurrency", options.concurrency ?? 1000, { min: 1 });
  const prefetch = options.prefetch ?? Math.min(100, Math.max(1, Math.floor(concurrency / 10)));
  if (options.server !== undefined && options.servers !== undefined) {
    throw new OptionError("Give either server or servers to a worker, not both.");
  }
  return {
    concurrency,
    prefetch: integerOption("prefetch", prefetch, { min: 0 }),
    messagesLimit: integerOption("messagesLimit", options.messagesLimit ?? Infinity, { min: 1, infinite: true }),
    shutdownTimeout: durationOption("shutdownTimeout", options.shutdownTimeout ?? "25s"),
    cancelTimeout: durationOption("cancelTimeout", options.cancelTimeout ?? "1s"),
    signals: signalsOption(options.signals ?? ["SIGTERM", "SIGINT"]),
    signal: options.signal,
    unrouted: unroutedPolicy(options.unrouted),
    deliveryLimit: integerOption("deliveryLimit", options.deliveryLimit ?? 20, { min: 1, infinite: true }),
    stallTimeout: durationOption("stallTimeout", options.stallTimeout ?? "60s", { min: 100 }),
    health: options.health,
    docs: options.docs,
  };
}
