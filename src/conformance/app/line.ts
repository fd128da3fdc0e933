import { type Awaitable, isPromise } from "../../internal/awaitable.ts";
import type { Delivery } from "../../server/delivery.ts";
import type { BrokerServer, SubscribeOptions, Subscription } from "../../server/server.ts";

export interface Line {
  readonly server: BrokerServer;
  /** From here on nothing gets through in either direction, and nobody is told: the worker behind it is as good as dead. */
  cut(): Promise<void>;
}

/**
 * A server seen through a line of one's own. Several lines to one server object are several connections: the end of one
 * leaves the others alone.
 */
export function openLine(server: BrokerServer, shared: boolean): Line {
  const subscriptions = new Set<Subscription>();
  const silence = new Promise<never>(() => {});
  let connected = false;
  let isCut = false;
  const through = <T>(act: () => Awaitable<T>): Awaitable<T> => (isCut ? silence : act());
  const promised = async <T>(act: () => Awaitable<T>): Promise<T> => through(act);

  const watched = (delivery: Delivery): Delivery => {
    const { lease, begin, reply } = delivery;
    return {
      channel: delivery.channel,
      payload: delivery.payload,
      headers: delivery.headers,
      contentType: delivery.contentType,
      replyTo: delivery.replyTo,
      id: delivery.id,
      brokerId: delivery.brokerId,
      deliveryCount: delivery.deliveryCount,
      lapses: delivery.lapses,
      sentAt: delivery.sentAt,
      settle: (outcome, note) => through(() => delivery.settle(outcome, note)),
      lease: lease && { duration: lease.duration, extend: () => through(() => lease.extend()) },
      ...(begin === undefined ? {} : { begin: () => through(() => delivery.begin?.()) }),
      ...(reply === undefined
        ? {}
        : { reply: (message, channel) => through(() => delivery.reply?.(message, channel)) }),
    };
  };

  const subscribe = async (options: SubscribeOptions): Promise<Subscription> => {
    const subscription = await server.subscribe({
      ...options,
      onDelivery: (delivery) => {
        if (!isCut) options.onDelivery(watched(delivery));
      },
      onStateChange: (state, error) => {
        if (!isCut) options.onStateChange(state, error);
      },
    });
    subscriptions.add(subscription);
    return {
      pause: () => through(() => subscription.pause()),
      resume: () => through(() => subscription.resume()),
      drain: () => through(() => subscription.drain()),
      close: () => promised(() => subscription.close()),
      get lastContact() {
        return subscription.lastContact;
      },
    };
  };

  const { deadLetters, inspect, purge, publishBatch } = server;
  const line: BrokerServer = {
    info: server.info,
    features: server.features,
    ...(server.topicHeader === undefined ? {} : { topicHeader: server.topicHeader }),
    get state() {
      return connected || !shared ? server.state : "closed";
    },
    connect: (options) =>
      promised(async () => {
        if (!shared || server.state === "closed") await server.connect(options);
        connected = true;
      }),
    disconnect: () =>
      promised(async () => {
        connected = false;
        if (!shared) return server.disconnect();
        await Promise.all([...subscriptions].map((subscription) => subscription.close()));
        subscriptions.clear();
      }),
    publish: (channel, message, options) => through(() => server.publish(channel, message, options)),
    subscribe: (options) => promised(() => subscribe(options)),
    ...(publishBatch === undefined ? {} : { publishBatch: publishBatch.bind(server) }),
    ...(deadLetters === undefined ? {} : { deadLetters: deadLetters.bind(server) }),
    ...(inspect === undefined ? {} : { inspect: inspect.bind(server) }),
    ...(purge === undefined ? {} : { purge: purge.bind(server) }),
  };

  return {
    server: line,
    async cut() {
      isCut = true;
      for (const subscription of subscriptions) {
        const drained = subscription.drain();
        if (isPromise(drained)) await drained;
      }
    },
  };
}
