import type { ServerEntry } from "../runtime/producer.ts";
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
}

export function createConnections(logger: Logger, onLastReleased: () => Promise<void>): Connections {
  const known = new Map<string, Held>();
  let users = 0;

  async function connect(held: Held, signal: AbortSignal | undefined): Promise<void> {
    const { server, name } = held.entry;
    if (held.connecting === undefined && server.state !== "closed" && server.state !== "failed") return;
    if (held.connecting === undefined) {
      logger.debug({ event: "server.connect", server: name });
      held.ours = true;
      held.connecting = server
        .connect({ logger, ...(signal === undefined ? {} : { signal }) })
        .then(() => logger.info({ event: "server.connected", server: name }))
        .finally(() => {
          held.connecting = undefined;
        });
    }
    await held.connecting;
  }

  async function release(held: Held): Promise<void> {
    held.users -= 1;
    users -= 1;
    if (users === 0) await onLastReleased();
    if (held.users > 0 || !held.ours) return;
    held.ours = false;
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
        if (state === "failed") held.lazy = undefined;
        if (held.lazy === undefined) {
          held.opening = true;
          held.lazy = acquire([entry])
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
    const held: Held = { entry, users: 0, ours: false, connecting: undefined, lazy: undefined, opening: false };
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
        return lazy;
      });
      await Promise.allSettled(opened.map(async (lazy) => (await lazy)?.()));
    },
  };
}
