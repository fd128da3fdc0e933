import type { Awaitable } from "../internal/awaitable.ts";
import type { Features } from "../server/features.ts";
import type { BrokerServer } from "../server/server.ts";

export interface CreateOptions {
  /** Milliseconds; servers without leases ignore it. */
  readonly leaseDuration: number;
  /** Servers created with the same namespace share their storage; no two cases ever share one. */
  readonly namespace: string;
}

/** How patient the cases are, in milliseconds. Waiting ends as soon as what is waited for is there. */
export interface Timeouts {
  /** Until something that must happen has happened. Default 5000. */
  readonly arrive: number;
  /** How long a case watches that nothing happens. Default 150. */
  readonly quiet: number;
  /** How much later than promised a delayed message may come, and a lapsed one after its lease. Default 2500. */
  readonly late: number;
  /** Within which `lastContact` of an idle subscription must move. Default 10000. */
  readonly contact: number;
}

/** One server under test: how to make it, and what the cases must know about it. */
export interface ServerTarget {
  readonly name: string;
  /** What the server declares before it is connected. Decides which cases run; the cases hold the server to it. */
  readonly features: Features;
  /** A new, unconnected server. Called again with one namespace it must reach the same messages (see below). */
  create(options: CreateOptions): Awaitable<BrokerServer>;
  /** `false`: messages live in the server object, and a second worker is a second subscription of the same object. */
  readonly supportsSecondConnection: boolean;
  /** Turns a readable, already unique name into one that is legal here, and creates what must exist. */
  channel(name: string): Awaitable<string>;
  /** Lease of the cases that wait for one to run out. Default 1000. */
  readonly leaseDuration?: number;
  /** Largest payload that must come through. Default 1 MiB. */
  readonly maxPayload?: number;
  /** The server never counts a delivery that was rejected with `started: false`. Default: either is accepted. */
  readonly countsOnlyStarted?: boolean;
  /**
   * Makes a worker vanish without a word: cuts its connection, kills its process. Default: it neither settles nor
   * renews any more, and its leases run out.
   */
  crash?(server: BrokerServer): Awaitable<void>;
  /** For virtual clocks: lets this much time pass for the servers of a namespace. Default: the cases really wait. */
  advance?(milliseconds: number, namespace: string): Awaitable<void>;
  /** Restarts the broker. Without it the cases that need it are skipped. */
  restart?(namespace: string): Awaitable<void>;
  /** Called when a case is over and all its servers are disconnected. */
  cleanUp?(namespace: string): Awaitable<void>;
  /** Cases that this server cannot pass, by name, each with the reason. It is printed. */
  readonly skip?: Readonly<Record<string, string>>;
  readonly timeouts?: Partial<Timeouts>;
}

export const defaultTimeouts: Timeouts = { arrive: 5000, quiet: 150, late: 2500, contact: 10_000 };
