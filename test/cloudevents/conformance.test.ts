import type { BrokerServer, Delivery } from "millrace";
import { cloudEvents } from "millrace/cloudevents";
import { appSuite, type ConformanceCase, defineTests, type ServerTarget, serverSuite } from "millrace/conformance";
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

/** They write the header `topic` by hand; of an event the topic is the type. */
const byHand =
  /an empty payload runs an actor|a rejected promise dead-letters|an error dead-letters|something thrown that is no error|success acks/;
const suits = ({ name }: ConformanceCase): boolean => !byHand.test(name);

for (const mode of ["binary", "structured"] as const) {
  const target = inEvents(memoryTarget, mode);
  describe.concurrent(target.name, () => {
    defineTests([...serverSuite(plain(target)), ...appSuite(target).filter(suits)], { describe, it });
  });
}
