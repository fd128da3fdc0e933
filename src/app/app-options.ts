import type { ToJsonSchema } from "../asyncapi/schemas/read-schema.ts";
import type { ActorDefaults } from "../contract/actor.ts";
import type { AppInfo } from "../contract/app-info.ts";
import type { ActorMiddleware, ProducerMiddleware } from "../contract/middleware.ts";
import type { Operation } from "../contract/operation.ts";
import type { RetryOption } from "../contract/retry.ts";
import type { ServerMap } from "../contract/send.ts";
import type { Clock } from "../internal/clock.ts";
import type { Duration } from "../internal/duration.ts";
import type { ProcessLike } from "../runtime/signals.ts";
import type { Features } from "../server/features.ts";
import type { Logger } from "../server/logger.ts";
import type { BrokerServer } from "../server/server.ts";

export type AnyServer = BrokerServer<never, Features>;

/** One server, several by name, or none yet (`app.registry.register`). */
export type ServerChoice<One, S, D> =
  | { readonly server: One; readonly servers?: never; readonly defaultServer?: never }
  | { readonly servers: S; readonly defaultServer?: D; readonly server?: never }
  | { readonly server?: never; readonly servers?: never; readonly defaultServer?: never };

export interface AppSettings extends AppInfo, Omit<ActorDefaults, "middleware" | "server"> {
  /** Retry policy of all actors that have none of their own or of their routers. */
  readonly retry?: RetryOption;
  /** Outermost of all. `actor` wraps runs, `producer` everything that is sent, replies included. */
  readonly middleware?: {
    readonly actor?: readonly ActorMiddleware[];
    readonly producer?: readonly ProducerMiddleware[];
  };
  /** Operations that this app sends, for its documentation. Those that are sent register themselves. */
  readonly operations?: readonly Operation[];
  /**
   * JSON Schema of schemas whose library cannot give it, for documents. Asked first, for every schema; what it answers
   * with `undefined` is converted as usual.
   */
  readonly toJsonSchema?: ToJsonSchema;
  /** Header that selects the actor. Default `"topic"`; `false`: none, then every actor needs its own `routing`. */
  readonly topicHeader?: string | false;
  /** Time for the broker's confirmation of a message. Default 10 s. */
  readonly publishTimeout?: Duration;
  /** Larger payloads are neither sent nor decoded. Default 1 MiB. Raise it only as far as your memory allows. */
  readonly maxPayloadBytes?: number;
  /** pino and its like. Default: one line per event on stderr once a worker runs. `false`: nothing. */
  readonly logger?: Logger | false;
  /** Sources of time and randomness, and the process that sends signals; for tests and simulations. */
  readonly runtime?: { readonly clock?: Clock; readonly random?: () => number; readonly process?: ProcessLike };
}

export type AppOptions<One = AnyServer, S = ServerMap, D = string> = ServerChoice<One, S, D> & AppSettings;

/** The servers that an app knows by type. */
export type ServersOf<One, S> = [One] extends [AnyServer]
  ? { readonly default: One }
  : S extends ServerMap
    ? S
    : ServerMap;
