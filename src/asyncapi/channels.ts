import { type Channel, mergeChannels } from "../contract/channel.ts";
import type { BrokerServer } from "../server/server.ts";
import { bindingsOf, mergeBindings } from "./bindings.ts";
import type { AsyncApiChannel, AsyncApiParameter, AsyncApiReference } from "./document.ts";
import { Names, toKey } from "./names.ts";
import { referTo } from "./reference.ts";
import { defined, type Workshop } from "./workshop.ts";

interface Entry {
  readonly key: string;
  channel: Channel;
  readonly messages: Map<string, AsyncApiReference>;
  readonly servers: Set<string>;
  readonly actions: Set<"send" | "receive">;
}

export interface ChannelUse {
  readonly channel: Channel;
  readonly message: string;
  readonly action: "send" | "receive";
  /** Names of the servers. */
  readonly servers: readonly string[];
}

/** References that an operation needs: to its channel, and to its message there. */
export interface ChannelPlace {
  readonly channel: AsyncApiReference;
  readonly message: AsyncApiReference;
}

const repliesKey = "replies";

/** Braces that stand for nothing are text; in an address of AsyncAPI all braces stand for a parameter. */
function addressOf({ address, parameters }: Channel): string {
  return address.replace(/\{([^{}]*)\}|[{}]/g, (part, name: string | undefined) => {
    const isParameter = name !== undefined && parameters !== undefined && Object.hasOwn(parameters, name);
    return isParameter ? part : encodeURIComponent(part);
  });
}

/** The channels of a document: one per address, and one for replies, whose address only the request knows. */
export class Channels {
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Names();
  readonly #replies: Map<string, AsyncApiReference> = new Map();
  readonly #replyServers = new Set<string>();
  #repliesKey: string | undefined;

  /** Notes who uses a channel, and with which message. */
  use({ channel, message, action, servers }: ChannelUse): ChannelPlace {
    const { address } = channel;
    let entry = this.#entries.get(address);
    if (entry === undefined) {
      const key = this.#names.claim(toKey(address.replace(/[{}]/g, ""), "channel"), `address ${address}`).name;
      entry = { key, channel, messages: new Map(), servers: new Set(), actions: new Set() };
      this.#entries.set(address, entry);
    } else {
      entry.channel = mergeChannels(entry.channel, channel);
    }
    entry.messages.set(message, referTo("components", "messages", message));
    for (const server of servers) entry.servers.add(server);
    entry.actions.add(action);
    return { channel: referTo("channels", entry.key), message: referTo("channels", entry.key, "messages", message) };
  }

  /** To be called once all channels are known: theirs are the better names. */
  useReplies(message: string, servers: readonly string[]): ChannelPlace {
    this.#repliesKey ??= this.#names.claim(repliesKey, "replies").name;
    this.#replies.set(message, referTo("components", "messages", message));
    for (const server of servers) this.#replyServers.add(server);
    const key = this.#repliesKey;
    return { channel: referTo("channels", key), message: referTo("channels", key, "messages", message) };
  }

  all(workshop: Workshop, serverKeys: ReadonlyMap<string, string>): Readonly<Record<string, AsyncApiChannel>> {
    const { servers } = workshop.source;
    const references = (names: ReadonlySet<string>): readonly AsyncApiReference[] | undefined => {
      // In the order of the servers, not of their use.
      const used = [...serverKeys].filter(([name]) => names.has(name)).map(([, key]) => referTo("servers", key));
      return used.length === 0 ? undefined : used;
    };
    const made: Record<string, AsyncApiChannel> = {};
    for (const { key, channel, messages, servers: names, actions } of this.#entries.values()) {
      const used = [...servers].filter(([name]) => names.has(name)).map(([, server]) => server as BrokerServer);
      const derived = [...actions].flatMap((action) => bindingsOf(used, channel.address, action));
      const { parameters } = channel;
      made[key] = defined<AsyncApiChannel>({
        address: addressOf(channel),
        ...workshop.described(channel),
        servers: references(names),
        parameters: parameters === undefined ? undefined : parametersOf(parameters),
        messages: Object.fromEntries(messages),
        bindings: mergeBindings(
          derived.map((one) => one.channel),
          channel.bindings,
        ),
      });
    }
    if (this.#repliesKey !== undefined) {
      made[this.#repliesKey] = defined<AsyncApiChannel>({
        address: null,
        title: "Replies",
        description: "Where a reply goes is in its request.",
        servers: references(this.#replyServers),
        messages: Object.fromEntries(this.#replies),
      });
    }
    return made;
  }
}

function parametersOf(
  parameters: NonNullable<Channel["parameters"]>,
): Readonly<Record<string, AsyncApiParameter>> | undefined {
  const entries = Object.entries(parameters).map(([name, parameter]) => [name, { ...parameter }] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
