import type { BrokerServer, Delivery, SubscribeOptions, Subscription, WorkerOptions } from "millrace";
import { type App, createApp, type LogFields, type Logger } from "millrace";
import { type InMemoryOptions, inMemory } from "millrace/memory";
import type { AppSettings } from "../../src/app/app-options.ts";
import type { ServerMap } from "../../src/contract/send.ts";
import { createVirtualClock, type VirtualClock } from "../../src/internal/virtual-clock.ts";
import type { ProcessLike } from "../../src/runtime/signals.ts";
import type { Worker, WorkerResult } from "../../src/runtime/worker.ts";

/** What the tests of the core share: an app on the in-memory server, both on a clock that stands still until told to go on. */

export interface LogRecord extends LogFields {
  readonly level: "debug" | "info" | "warn" | "error";
}

export class Logs implements Logger {
  readonly records: LogRecord[] = [];
  debug(fields: LogFields): void {
    this.records.push({ ...fields, level: "debug" });
  }
  info(fields: LogFields): void {
    this.records.push({ ...fields, level: "info" });
  }
  warn(fields: LogFields): void {
    this.records.push({ ...fields, level: "warn" });
  }
  error(fields: LogFields): void {
    this.records.push({ ...fields, level: "error" });
  }
  of(event: string): LogRecord[] {
    return this.records.filter((record) => record.event === event);
  }
}

/** A process whose signals come from the test. */
export class FakeProcess implements ProcessLike {
  readonly exits: number[] = [];
  readonly #listeners = new Map<string, Set<() => void>>();
  on(signal: NodeJS.Signals, listener: () => void): void {
    const listeners = this.#listeners.get(signal) ?? new Set();
    this.#listeners.set(signal, listeners.add(listener));
  }
  off(signal: NodeJS.Signals, listener: () => void): void {
    this.#listeners.get(signal)?.delete(listener);
  }
  exit(code: number): void {
    this.exits.push(code);
  }
  emit(signal: NodeJS.Signals): void {
    for (const listener of [...(this.#listeners.get(signal) ?? [])]) listener();
  }
  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }
}

/** The given members in place of the original ones; everything else as it is. */
export function replace<T extends object>(original: T, members: Partial<T>): T {
  return new Proxy(original, {
    get: (target, key) => {
      if (key in members) return Reflect.get(members, key, members);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    has: (target, key) => (key in members ? members[key as keyof T] !== undefined : key in target),
  });
}

type Change<T> = (original: T) => Partial<T>;

/** A server whose deliveries are changed on their way up. */
export function changeDeliveries(change: Change<Delivery>): (server: BrokerServer) => BrokerServer {
  return (server) =>
    replace(server, {
      subscribe: (options: SubscribeOptions) =>
        server.subscribe({
          ...options,
          onDelivery: (delivery) => options.onDelivery(replace(delivery, change(delivery))),
        }),
    });
}

/** A server whose subscriptions are changed. */
export function changeSubscription(
  change: (subscription: Subscription, options: SubscribeOptions) => Partial<Subscription>,
): (server: BrokerServer) => BrokerServer {
  return (server) =>
    replace(server, {
      subscribe: async (options: SubscribeOptions) => {
        const made = await server.subscribe(options);
        return replace(made, change(made, options));
      },
    });
}

export type TestApp = App<{ readonly default: BrokerServer }, "default", true>;

type Settings = Omit<AppSettings, "logger" | "runtime">;

export interface StageOptions {
  readonly memory?: Omit<InMemoryOptions, "clock">;
  /** What the app gets in place of the in-memory server. */
  readonly wrap?: (server: BrokerServer) => BrokerServer;
  readonly app?: Settings;
}

export interface Stage {
  readonly clock: VirtualClock;
  readonly server: BrokerServer;
  readonly app: TestApp;
  readonly logs: Logs;
  readonly process: FakeProcess;
  /** Another app on the same server. */
  other(app?: Settings): TestApp;
  /** A running worker of the app (or another one). */
  work(options?: WorkerOptions<"default">, app?: TestApp): Promise<Worker>;
  /** Starts it, lets the given time pass, stops it and gives its counts. */
  workFor(time: number, options?: WorkerOptions<"default">): Promise<WorkerResult>;
  /** Waits for the promise while time passes, at most an hour of it. */
  soon<T>(pending: Promise<T>): Promise<T>;
  stats(channel?: string): Promise<{ ready: number; inFlight: number; delayed: number; dead: number }>;
}

export function stage(options: StageOptions = {}): Stage {
  const clock = createVirtualClock();
  const logs = new Logs();
  const fakeProcess = new FakeProcess();
  const memory: BrokerServer = inMemory({ clock, ...options.memory });
  const server = options.wrap === undefined ? memory : options.wrap(memory);
  const make = (settings: Settings = {}): TestApp => {
    const runtime = { clock, random: () => 0.5, process: fakeProcess };
    return createApp<BrokerServer, ServerMap, string, "retry">({
      ...settings,
      ...{ server, logger: logs, runtime },
    });
  };
  const app = make(options.app);

  async function soon<T>(pending: Promise<T>): Promise<T> {
    let over = false;
    const done = pending.finally(() => {
      over = true;
    });
    done.catch(() => {});
    for (let step = 0; step < 3600 && !over; step += 1) await clock.advance(step < 40 ? 50 : 1000);
    if (!over) throw new Error("still pending after an hour of virtual time");
    return done;
  }

  async function work(given: WorkerOptions<"default"> = {}, of: TestApp = app): Promise<Worker> {
    const worker = of.createWorker({ signals: [], ...given });
    await worker.start();
    await clock.advance(0);
    return worker;
  }

  return {
    ...{ clock, server, app, logs, process: fakeProcess, other: make, work, soon },
    async workFor(time, given) {
      const worker = await work(given);
      await clock.advance(time);
      return soon(worker.stop());
    },
    async stats(channel = "default") {
      const stats = await memory.inspect?.(channel);
      if (stats === undefined) throw new Error("the server shows nothing");
      return stats;
    },
  };
}

/** Settles from outside, to hold a handler as long as the test wants. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export const never: Promise<never> = new Promise(() => {});
