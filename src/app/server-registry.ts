import { topicHeaderOption } from "../contract/topic.ts";
import { DuplicateNameError, NotFoundError, OptionError } from "../server/errors.ts";
import { nameOption } from "../server/option.ts";
import type { BrokerServer } from "../server/server.ts";

/** Servers by name, for those that are known only at run time. */
export interface ServerRegistry {
  /** Errors: `DuplicateNameError`. */
  register(name: string, server: BrokerServer<never>, options?: { readonly default?: boolean }): void;
  /** The named server, or the default one. Errors: `NotFoundError`. */
  get(name?: string): BrokerServer;
  has(name: string): boolean;
  /** Name of the default server: the one chosen, else the first. */
  readonly default: string | undefined;
  /** Errors: `NotFoundError`. */
  setDefault(name: string): void;
  readonly names: readonly string[];
}

export function createServerRegistry(): ServerRegistry {
  const servers = new Map<string, BrokerServer>();
  let chosen: string | undefined;
  let first: string | undefined;
  return {
    register(name, server, options) {
      nameOption("server name", name);
      if (servers.has(name)) throw new DuplicateNameError(`A server named ${name} is already registered.`);
      if (typeof server?.publish !== "function" || typeof server.subscribe !== "function") {
        throw new OptionError(`Server ${name} is not a server: make one with sqlite(), inMemory() or another adapter.`);
      }
      topicHeaderOption(`topicHeader of server ${name}`, server.topicHeader);
      // Parameters are typed at the call that gives them; inside, a server takes whatever object it is given.
      servers.set(name, server as BrokerServer);
      first ??= name;
      if (options?.default === true) chosen = name;
    },
    get(name = chosen ?? first) {
      if (name === undefined)
        throw new NotFoundError("The app has no server: createApp({ server }) or registry.register().");
      const server = servers.get(name);
      if (server === undefined) {
        throw new NotFoundError(`No server named ${name}; there are: ${[...servers.keys()].join(", ") || "none"}.`);
      }
      return server;
    },
    has: (name) => servers.has(name),
    get default() {
      return chosen ?? first;
    },
    setDefault(name) {
      if (!servers.has(name)) throw new NotFoundError(`No server named ${name}.`);
      chosen = name;
    },
    get names() {
      return [...servers.keys()];
    },
  };
}
