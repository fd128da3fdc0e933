import { randomUUID } from "node:crypto";
import {
  type App,
  type BrokerServer,
  type ConnectionState,
  createApp,
  type Delivery,
  type LogFields,
  type Logger,
  type Receipt,
  type Subscription,
  type Worker,
  type WorkerOptions,
} from "millrace";
import { type RedisServer, redis, type RedisOptions as ServerOptions } from "millrace/redis";
import { expect, type TestContext, vi } from "vitest";
import { message } from "../../src/conformance/message.ts";
import type { ServerMap } from "../../src/contract/send.ts";
import { requireBroker } from "../brokers.ts";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";
import { type RedisName, type RedisOptions, type RedisProcess, startRedis } from "./redis-process.ts";

/** What the tests of faults share: servers, workers and networks of one test, which end with it. */

export class Logs implements Logger {
  readonly lines: (LogFields & { readonly level: string; readonly text: string })[] = [];
  debug(): void {}
  info(fields: LogFields, text = ""): void {
    this.lines.push({ ...fields, level: "info", text });
  }
  warn(fields: LogFields, text = ""): void {
    this.lines.push({ ...fields, level: "warn", text });
  }
  error(fields: LogFields, text = ""): void {
    this.lines.push({ ...fields, level: "error", text });
  }
  of(event: string): Logs["lines"] {
    return this.lines.filter((line) => line.event === event);
  }
  /** Everything that was logged, as one text. */
  get all(): string {
    return JSON.stringify(this.lines);
  }
}

/** Everything that one subscription was given. */
export interface Intake {
  readonly deliveries: Delivery[];
  readonly texts: readonly string[];
  readonly states: ConnectionState[];
  readonly expired: (string | undefined)[];
  readonly subscription: Subscription;
}

export interface IntakeOptions {
  readonly maxUnsettled?: number;
  /** Called with every delivery. Default: it is acked. */
  readonly handle?: (delivery: Delivery) => unknown;
}

/** Short waits in place of those meant for networks and people. */
export const quick: ServerOptions = {
  leaseDuration: 2000,
  sweepInterval: 200,
  blockTime: 300,
  commandTimeout: 1000,
  pollInterval: 50,
};

export const ack = (delivery: Delivery): void => void Promise.resolve(delivery.settle("ack")).catch(() => {});
export const hold = (): void => {};

export type FaultApp = App<{ readonly default: BrokerServer }, "default", true>;

export interface FaultStage {
  readonly logs: Logs;
  /** The Redis that other tests use as well, and a prefix of our own. */
  shared(): Promise<{ readonly url: string; readonly keyPrefix: string }>;
  /** A Redis of our own. */
  own(options?: RedisOptions): Promise<RedisProcess>;
  network(target: { readonly port: number }): Promise<FaultProxy>;
  /** A server that is connected, with short waits unless told otherwise. */
  connected(options: ServerOptions): Promise<RedisServer>;
  /** A server that is not connected yet. */
  server(options: ServerOptions): RedisServer;
  consume(server: RedisServer, channels: string | readonly string[], options?: IntakeOptions): Promise<Intake>;
  app(server: BrokerServer): FaultApp;
  work(app: FaultApp, options?: WorkerOptions<"default">): Promise<Worker>;
}

export function stage(context: TestContext, broker: RedisName = "redis"): FaultStage {
  const logs = new Logs();
  // The last one first.
  const ended = (end: () => Promise<unknown>): void => context.onTestFinished(async () => void (await end()));

  const server = (options: ServerOptions): RedisServer => {
    const made = redis({ ...quick, ...options });
    ended(() => made.disconnect());
    return made;
  };
  return {
    logs,
    server,
    async shared() {
      const found = await requireBroker(broker);
      if (found?.url === undefined) throw new Error(`${broker} is not there`);
      return { url: found.url, keyPrefix: `f:${randomUUID()}:` };
    },
    async own(options) {
      const made = await startRedis({ broker, ...options });
      ended(() => made.stop());
      return made;
    },
    async network(target) {
      const made = await startFaultProxy(target);
      ended(() => made.close());
      return made;
    },
    async connected(options) {
      const made = server(options);
      await made.connect({ logger: logs });
      return made;
    },
    async consume(from, channels, { maxUnsettled = 100, handle = ack } = {}) {
      const deliveries: Delivery[] = [];
      const states: ConnectionState[] = [];
      const expired: (string | undefined)[] = [];
      const names = typeof channels === "string" ? [channels] : channels;
      const subscription = await from.subscribe({
        channels: names.map((name) => ({ name })),
        maxUnsettled,
        onDelivery(delivery) {
          deliveries.push(delivery);
          handle(delivery);
        },
        onStateChange: (state) => void states.push(state),
        onExpired: (_, id) => void expired.push(id),
      });
      return {
        ...{ deliveries, states, expired, subscription },
        get texts() {
          return deliveries.map(textOf);
        },
      };
    },
    app: (from) => createApp<BrokerServer, ServerMap, string, "retry">({ server: from, logger: logs }),
    async work(app, options) {
      const worker = app.createWorker({ signals: [], shutdownTimeout: 1000, ...options });
      ended(() => worker.stop().catch(() => {})); // A fault that the test left may be why.
      await worker.start();
      return worker;
    },
  };
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString();
}

export async function send(
  server: RedisServer,
  channel: string,
  text: string,
  options?: Parameters<RedisServer["publish"]>[2],
): Promise<Receipt> {
  return server.publish(channel, message(text), options);
}

/** Waits until the condition holds. */
export function until(what: string, holds: () => boolean | Promise<boolean>, within = 10_000): Promise<void> {
  return vi.waitFor(async () => expect(await holds(), what).toBe(true), { timeout: within, interval: 20 });
}

/** The numbers from 0, as texts. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

/** How often each command was called, by its name in lower case. */
export async function callsOf(server: RedisProcess): Promise<Readonly<Record<string, number>>> {
  const stats = String(await server.command("INFO", "commandstats"));
  const found = stats.matchAll(/^cmdstat_([^:]+):calls=(\d+).*?rejected_calls=(\d+)/gm);
  return Object.fromEntries([...found].map(([, name, calls, rejected]) => [name, Number(calls) + Number(rejected)]));
}
