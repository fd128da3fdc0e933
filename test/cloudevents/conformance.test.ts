import type { BrokerServer, Delivery } from "millrace";
import { cloudEvents } from "millrace/cloudevents";
import { appSuite, defineTests, type ServerTarget, serverSuite } from "millrace/conformance";
import { describe, it } from "vitest";
import { memoryTarget } from "../conformance.memory.ts";
import { replace } from "../core/stage.ts";

// The envelope takes nothing away: whatever a server promises holds with events, too, batches and replies included.

type Mode = "binary" | "structured";

function inEvents(target: ServerTarget, mode: Mode): ServerTarget {
  return {
    ...target,
    name: `${target.name}, ${mode} events`,
    create: async (options) => cloudEvents((await target.create(options)) as BrokerServer, { source: "/test", mode }),
  };
}

function withoutAttributes<T extends Pick<Delivery, "headers">>(message: T): T {
  const headers = Object.create(null) as Record<string, string>;
  for (const name in message.headers) if (!name.startsWith("ce-")) headers[name] = message.headers[name] as string;
  return { ...message, headers };
}

/** The suite for servers compares headers one by one; attributes are those that it did not send. */
function plain(target: ServerTarget): ServerTarget {
  return {
    ...target,
    async create(options) {
      const server = await target.create(options);
      return replace(server, {
        subscribe: (given) =>
          server.subscribe({ ...given, onDelivery: (delivery) => given.onDelivery(withoutAttributes(delivery)) }),
        deadLetters(channel) {
          const store = server.deadLetters?.(channel);
          if (store === undefined) throw new Error("the server has no dead letters");
          return replace(store, {
            async get(id) {
              const entry = await store.get(id);
              return entry === undefined ? undefined : withoutAttributes(entry);
            },
            async list(filter) {
              const entries = await store.list(filter);
              const next = entries.next === undefined ? {} : { next: entries.next };
              return Object.assign(entries.map(withoutAttributes), next);
            },
          });
        },
      });
    },
  };
}

/** Cases for apps that publish without the app write the header `topic`; of an event the topic is the type. */
function typed(target: ServerTarget): ServerTarget {
  return {
    ...target,
    async create(options) {
      const server = (await target.create(options)) as BrokerServer;
      return replace(server, {
        publish(channel, message, given) {
          const { topic, ...rest } = message.headers;
          const headers = topic === undefined ? rest : { ...rest, "ce-type": topic };
          return server.publish(channel, { ...message, headers }, given);
        },
      });
    },
  };
}

for (const mode of ["binary", "structured"] as const) {
  const target = inEvents(memoryTarget, mode);
  describe.concurrent(target.name, () => {
    defineTests([...serverSuite(plain(target)), ...appSuite(typed(target))], { describe, it });
  });
}
