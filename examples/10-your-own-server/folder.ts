import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { BrokerServer, ConnectionState, Subscription } from "millrace";
import { NotConnectedError } from "millrace";
import { features } from "./features.ts";
import { prepare, rescue, store } from "./stored.ts";
import { createSubscription } from "./subscription.ts";

/** A queue in a folder: a message changes hands by being renamed. */
export function folder({ path }: { readonly path: string }): BrokerServer<object, typeof features> {
  const subscriptions = new Set<Subscription>();
  let state: ConnectionState = "closed";
  let last = 0;

  function check(): void {
    if (state !== "ready") throw new NotConnectedError("folder");
  }

  /** Files are taken in the order of their names, which is that of sending. */
  function nextName(): string {
    last = Math.max(last + 1, Date.now() * 1000);
    return `${last}-${randomUUID()}`;
  }

  return {
    info: { protocol: "file", host: "localhost", title: "A folder" },
    features,
    get state() {
      return state;
    },
    async connect() {
      await mkdir(path, { recursive: true });
      state = "ready";
    },
    async disconnect() {
      for (const subscription of [...subscriptions]) await subscription.close();
      state = "closed";
    },
    async publish(channel, message) {
      check();
      const name = nextName();
      await prepare(path, channel);
      const payload = Buffer.from(message.payload).toString("base64");
      await store(path, channel, name, { ...message, headers: { ...message.headers }, payload });
      return { id: message.id };
    },
    async subscribe(options) {
      check();
      for (const { name } of options.channels) {
        await prepare(path, name);
        await rescue(path, name);
      }
      const subscription = createSubscription(path, options, () => subscriptions.delete(subscription));
      subscriptions.add(subscription);
      return subscription;
    },
  };
}
