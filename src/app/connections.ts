import { orAborted } from "../internal/abort.ts";
import { silence } from "../internal/awaitable.ts";
import type { ServerEntry } from "../runtime/producer.ts";
import { ConnectionError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import type { BrokerServer } from "../server/server.ts";

/** Users of the connections of an app, counted per server: the last one to leave closes what the first one opened. */
export interface Connections {
  entry(name: string, server: BrokerServer): ServerEntry;
  /** Connects all of them or none. The function releases them, once. */
  acquire(entries: readonly ServerEntry[], signal?: AbortSignal): Promise<() => Promise<void>>;
  /** Releases what sending has connected on its own. */
  releaseLazy(): Promise<void>;
}

interface Held {
  readonly entry: ServerEntry;
  users: number;
  /** We opened it, so we close it. */
  ours: boolean;
  connecting: Promise<void> | undefined;
  lazy: Promise<() => Promise<void>> | undefined;
  /** The first send is connecting. */
  opening: boolean;
  /** Ends the attempt to connect. */
  giveUp: AbortController | undefined;
  /** Ends the wait of the first send. */
  giveUpLazy: AbortController | undefined;
}

export function createConnections(logger: Logger, onLastReleased: () => Promise<void>): Connections {
  const known = new Map<string, Held>();
  let users = 0;

  /** One attempt for all who wait; it is given up only when nobody does any more, not when one of them gives up. */
  function connectOnce(held: Held): Promise<void> {
    const { server, name } = held.entry;
    logger.debug({ event: "server.connect", server: name });
    const controller = new AbortController();
    held.ours = true;
    held.giveUp = controller;
    const connecting = server
      .connect({ logger, signal: controller.signal })
      .then(async () => {
        logger.info({ event: "server.connected", server: name });
        // Everybody has left in the meantime, whether the server listens to the signal or not.
        if (held.users === 0) await server.disconnect();
      })
      .finally(() => {
        held.connecting = undefined;
      });
    silence(connecting);
    return connecting;
  }

  async function connect(held: Held, signal: AbortSignal | undefined): Promise<void> {
    const { state } = held.entry.server;
    if (held.connecting === undefined && state !== "closed" && state !== "failed") return;
    held.connecting ??= connectOnce(held);
    await orAborted(held.connecting, signal);
  }

  async function release(held: Held): Promise<void> {
    held.users -= 1;
    users -= 1;
    if (users === 0) await onLastReleased();
    if (held.users > 0 || !held.ours) return;
    held.ours = false;
    held.giveUp?.abort(new ConnectionError("Nobody waits for this connection any more."));
    await held.entry.server.disconnect();
    logger.debug({ event: "server.disconnected", server: held.entry.name });
  }

  async function releaseAll(taken: readonly Held[]): Promise<void> {
    const results = await Promise.allSettled([...taken].reverse().map(release));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async function acquire(entries: readonly ServerEntry[], signal?: AbortSignal): Promise<() => Promise<void>> {
    const taken = entries.map((entry) => known.get(entry.name)).filter((held) => held !== undefined);
    for (const held of taken) held.users += 1;
    users += taken.length;
    const results = await Promise.allSettled(taken.map((held) => connect(held, signal)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await releaseAll(taken).catch(() => {});
      throw failed.reason;
    }
    let released: Promise<void> | undefined;
    return () => {
      released ??= releaseAll(taken);
      return released;
    };
  }

  function create(name: string, server: BrokerServer): Held {
    const entry: ServerEntry = {
      name,
      server,
      ready() {
        const { state } = server;
        // While it is being opened all wait, so that nothing overtakes what was sent first.
        if (!held.opening && (state === "ready" || state === "reconnecting")) return undefined;
        // The reference is ours already, only the connection is gone.
        if (held.lazy !== undefined && !held.opening) return connect(held, undefined);
        if (held.lazy === undefined) {
          held.opening = true;
          held.giveUpLazy = new AbortController();
          held.lazy = acquire([entry], held.giveUpLazy.signal)
            .catch((error: unknown) => {
              held.lazy = undefined;
              throw error;
            })
            .finally(() => {
              held.opening = false;
            });
        }
        return held.lazy.then(() => undefined);
      },
    };
    const held: Held = {
      ...{ entry, users: 0, ours: false, opening: false },
      ...{ connecting: undefined, lazy: undefined, giveUp: undefined, giveUpLazy: undefined },
    };
    known.set(name, held);
    return held;
  }

  return {
    entry: (name, server) => (known.get(name) ?? create(name, server)).entry,
    acquire,
    async releaseLazy() {
      const opened = [...known.values()].map((held) => {
        const { lazy } = held;
        held.lazy = undefined;
        held.giveUpLazy?.abort(new ConnectionError("The app was closed while it connected."));
        return lazy;
      });
      await Promise.allSettled(opened.map(async (lazy) => (await lazy)?.()));
    },
  };
}
