import { expect, test } from "vitest";
import { appSuite, type ConformanceCase, runSuite, type ServerTarget, serverSuite } from "../src/conformance/index.ts";
import { createHeaders } from "../src/internal/headers.ts";
import type { Delivery, OutgoingMessage } from "../src/server/delivery.ts";
import type { BrokerServer, PublishOptions, SubscribeOptions, Subscription } from "../src/server/server.ts";
import { memoryTarget, virtualMemoryTarget } from "./conformance.memory.ts";

/**
 * Who tests the tests: servers with one fault each, and the case that must find it. A case that no fault can fail proves
 * nothing.
 */

/** The given members in place of the original ones; everything else as it is. */
function replace<T extends object>(original: T, members: Partial<T>): T {
  return new Proxy(original, {
    get: (target, key) => {
      if (key in members) return members[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    has: (target, key) => (key in members ? members[key as keyof T] !== undefined : key in target),
  });
}

type Change<T> = (original: T) => Partial<T>;

const server = (change: Change<BrokerServer>) => (original: BrokerServer) => replace(original, change(original));

const sending = (
  change: (message: OutgoingMessage, options?: PublishOptions) => [OutgoingMessage, (PublishOptions | undefined)?],
) =>
  server((original) => ({
    publish: (channel, message, options) => original.publish(channel, ...change(message, options)),
  }));

const subscribing = (change: Change<SubscribeOptions>) =>
  server((original) => ({ subscribe: (options) => original.subscribe(replace(options, change(options))) }));

const receiving = (change: Change<Delivery>) =>
  subscribing((options) => ({
    onDelivery: (delivery) => options.onDelivery(replace(delivery, change(delivery))),
  }));

const subscription = (change: Change<Subscription>) =>
  server((original) => ({
    subscribe: async (options) => {
      const made = await original.subscribe(options);
      return replace(made, change(made));
    },
  }));

const dead = (change: Change<ReturnType<NonNullable<BrokerServer["deadLetters"]>>>) =>
  server((original) => ({
    deadLetters: (channel) => {
      const store = original.deadLetters?.(channel);
      if (store === undefined) throw new Error("no store");
      return replace(store, change(store));
    },
  }));

const nothing = (): void => {};

const faults: readonly [fault: string, foundBy: string, (original: BrokerServer) => BrokerServer][] = [
  [
    "the second connect fails",
    "lifecycle: connect may be called again, also at the same time",
    server((original) => {
      let calls = 0;
      return {
        connect: async (options) => (++calls > 1 ? Promise.reject(new Error("again")) : original.connect(options)),
      };
    }),
  ],
  [
    "disconnect leaves the state",
    "lifecycle: connect makes the server ready, disconnect closes it",
    server((original) => ({
      disconnect: async () => {
        await original.disconnect();
        await original.connect();
      },
    })),
  ],
  [
    "publish without a connection is accepted",
    "lifecycle: nothing works before connect: NotConnectedError",
    server(() => ({
      publish: async (_, { id }) => ({ id }),
    })),
  ],
  [
    "payloads go through text",
    "publish: all 256 byte values",
    sending((message, options) => [
      { ...message, payload: new TextEncoder().encode(new TextDecoder().decode(message.payload)) },
      options,
    ]),
  ],
  [
    "views of a buffer are sent whole",
    "publish: a part of a larger buffer",
    sending((message, options) => [{ ...message, payload: new Uint8Array(message.payload.buffer) }, options]),
  ],
  [
    "ids are made anew",
    "publish: the receipt and the delivery carry the id of the sender",
    sending((message, options) => [{ ...message, id: `x${message.id}` }, options]),
  ],
  [
    "header names are lowered",
    "headers: case is kept, and names that differ in case are two",
    sending((message, options) => [
      {
        ...message,
        headers: createHeaders(
          Object.fromEntries(Object.entries(message.headers).map(([k, v]) => [k.toLowerCase(), v])),
        ),
      },
      options,
    ]),
  ],
  [
    "headers live in a plain object",
    "headers: a name that was not sent is not there",
    receiving(({ headers }) => ({
      headers: { ...headers },
    })),
  ],
  [
    "headers lose a name that objects have",
    "headers: names that objects have anyway",
    receiving(({ headers }) => ({
      headers: createHeaders(Object.assign({}, headers)),
    })),
  ],
  [
    "values are trimmed",
    "headers: empty values, spaces, tabs and quotes",
    sending((message, options) => [
      {
        ...message,
        headers: createHeaders(Object.fromEntries(Object.entries(message.headers).map(([k, v]) => [k, v.trim()]))),
      },
      options,
    ]),
  ],
  [
    "content type gets a default",
    "headers: content type absent",
    sending((message, options) => [{ ...message, contentType: message.contentType ?? "application/json" }, options]),
  ],
  [
    "the reply address is lost",
    "publish: the reply address",
    sending((message, options) => [{ ...message, replyTo: undefined }, options]),
  ],
  [
    "batch results are out of order",
    "publish: publishBatch gives one result each, in order",
    server((original) => ({
      publishBatch: async (...args) => [...((await original.publishBatch?.(...args)) ?? [])].reverse(),
    })),
  ],
  [
    "every message comes twice",
    "load: eight publishers at once on two connections",
    subscribing((options) => ({
      onDelivery: (delivery) => {
        options.onDelivery(delivery);
        options.onDelivery(delivery);
      },
    })),
  ],
  [
    "the channel is a wrong one",
    "publish: another channel gets nothing, the right one the message",
    receiving(() => ({ channel: "x" })),
  ],
  [
    "one more than the limit",
    "flow: never more than 3 unsettled over three channels, and all get through",
    subscribing((options) => ({
      maxUnsettled: options.maxUnsettled + 1,
    })),
  ],
  [
    "the limit is per channel",
    "flow: never more than 2 unsettled over three channels, and all get through",
    server((original) => ({
      subscribe: async (options) => {
        const parts = await Promise.all(
          options.channels.map((one) => original.subscribe(replace(options, { channels: [one] }))),
        );
        const each = (act: (part: Subscription) => unknown) => async (): Promise<void> =>
          void (await Promise.all(parts.map(act)));
        return {
          pause: each((part) => part.pause()),
          resume: each((part) => part.resume()),
          drain: each((part) => part.drain()),
          close: each((part) => part.close()),
          lastContact: 0,
        };
      },
    })),
  ],
  [
    "pause does nothing",
    "flow: pause delivers nothing, also of what is published later; resume goes on",
    subscription(() => ({ pause: nothing })),
  ],
  [
    "resume does nothing",
    "flow: pause delivers nothing, also of what is published later; resume goes on",
    subscription(() => ({ resume: nothing })),
  ],
  [
    "drain does nothing",
    "flow: after drain nothing comes, and what is held can be settled",
    subscription(() => ({ drain: nothing })),
  ],
  [
    "drain gives back what is held",
    "flow: after drain nothing comes, and what is held can be settled",
    subscription((original) => ({
      drain: () => original.close(),
    })),
  ],
  [
    "close does nothing",
    "flow: close gives back what is held, at once",
    subscription(() => ({ close: async () => {} })),
  ],
  [
    "lastContact stands still",
    "flow: lastContact moves while nothing happens, and only forward",
    subscription(() => ({ lastContact: 7 })),
  ],
  [
    "last in, first out",
    "flow: order is kept for one consumer that takes one at a time",
    sending((message) => {
      last = Math.min(100, last + 1);
      return [message, { priority: last }];
    }),
  ],
  ["ack is forgotten", "settle: ack removes the message", receiving(() => ({ settle: nothing }))],
  [
    "nack drops",
    "deadletters: a nacked message is kept with everything and its reason",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome === "nack" ? "ack" : outcome, note),
    })),
  ],
  [
    "nack rejects",
    "settle: nack takes the message out of its channel",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome === "nack" ? "reject" : outcome, note),
    })),
  ],
  [
    "reject drops",
    "settle: reject brings the message back with the same id and content",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome === "reject" ? "ack" : outcome, note),
    })),
  ],
  [
    "retryAfter does not wait",
    "settle: retryAfter brings it back, not before the delay and not much later",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(typeof outcome === "object" ? "reject" : outcome, note),
    })),
  ],
  [
    "retryAfter waits too long",
    "settle: retryAfter brings it back, not before the delay and not much later",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(typeof outcome === "object" ? { retryAfter: 60_000 } : outcome, note),
    })),
  ],
  [
    "bookkeeping is lost",
    "settle: the bookkeeping header is carried on reject, and removed when there is none",
    receiving((original) => ({
      settle: (outcome) => original.settle(outcome),
    })),
  ],
  [
    "bookkeeping sticks",
    "settle: the bookkeeping header is carried on reject, and removed when there is none",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome, { ...note, bookkeeping: note?.bookkeeping ?? "a=9" }),
    })),
  ],
  [
    "the count stays 1",
    "redeliver: the count starts at 1 and rises with every reject",
    receiving(() => ({ deliveryCount: 1 })),
  ],
  [
    "a reject counts as a lapse",
    "redeliver: a reject is no lapse",
    receiving((original) => ({ lapses: (original.deliveryCount ?? 1) - 1 })),
  ],
  [
    "lapses are not counted",
    "redeliver: lapses in a row are counted, and a settle ends the row",
    receiving(() => ({ lapses: 0 })),
  ],
  [
    "a lost lease is settled silently",
    "lease: settling after it was lost is refused: LeaseLostError, and changes nothing",
    receiving((original) => ({
      settle: async (outcome, note) => {
        try {
          await original.settle(outcome, note);
        } catch {}
      },
    })),
  ],
  [
    "a lost lease is extended silently",
    "lease: extending after it was lost rejects with LeaseLostError and steals nothing",
    receiving(() => ({
      lease: { duration: 500, extend: nothing },
    })),
  ],
  [
    "extend does nothing",
    "lease: extend keeps a message far beyond its lease",
    receiving(() => ({ lease: { duration: 500, extend: nothing } })),
  ],
  ["delays are ignored", "delay: not before its time, and not much later", sending((message) => [message])],
  [
    "delays are cut to a 32-bit timer",
    "honesty: the longest declared delay is accepted",
    sending((message, options) => [
      message,
      { ...options, delay: (options?.delay ?? 0) > 2 ** 31 ? 1 : (options?.delay ?? 0) },
    ]),
  ],
  ["priorities are ignored", "priority: higher comes sooner", sending((message) => [message])],
  [
    "priorities are turned round",
    "priority: higher comes sooner",
    sending((message, options) => [message, { priority: 100 - (options?.priority ?? 10) }]),
  ],
  ["messages never expire", "expiry: too late it is dropped, not delivered", sending((message) => [message])],
  [
    "expiry is not reported",
    "expiry: the one who finds it is told which it was",
    subscribing(() => ({ onExpired: nothing })),
  ],
  [
    "nothing is a duplicate",
    "dedupe: a duplicate is ignored, and its receipt names the first",
    sending((message) => [message]),
  ],
  [
    "duplicates are always ignored",
    "dedupe: a duplicate is an error where that was asked for",
    sending((message, options) => [
      message,
      options?.dedupe === undefined ? options : { dedupe: { ...options.dedupe, onDuplicate: "ignore" } },
    ]),
  ],
  [
    "windows never end",
    "dedupe: after the window the key is free again",
    sending((message, options) => [
      message,
      options?.dedupe === undefined ? options : { dedupe: { ...options.dedupe, window: 1e9 } },
    ]),
  ],
  [
    "oldest first",
    "deadletters: list shows the newest 20, and pages through all with a cursor",
    dead((original) => ({
      list: async (options) => {
        const list = await original.list(options);
        return Object.assign([...list].reverse(), list.next === undefined ? {} : { next: list.next });
      },
    })),
  ],
  [
    "replay keeps the dead letter's place",
    "deadletters: replay sends it again with a new id that names the old one",
    dead(() => ({
      replay: async () => ["new"],
    })),
  ],
  [
    "replay of an unknown id is silent",
    "deadletters: replaying an unknown id is a NotFoundError",
    dead(() => ({ replay: async () => [] })),
  ],
  [
    "purge ignores its filter",
    "deadletters: list and purge can be narrowed to an actor or a reason",
    dead((original) => ({ purge: () => original.purge() })),
  ],
  [
    "reply does not settle",
    "reply: publishes and settles in one step",
    server((original) => ({
      subscribe: (options) =>
        original.subscribe(
          replace(options, {
            onDelivery: (delivery) =>
              options.onDelivery(
                replace(delivery, {
                  reply: async (message, channel) => void (await original.publish(channel, message)),
                }),
              ),
          }),
        ),
    })),
  ],
  [
    "delayed counts as ready",
    "inspect: delayed messages are counted apart until their time",
    server((original) => ({
      inspect: async (channel) => {
        const stats = await original.inspect!(channel);
        return { ...stats, ready: stats.ready + stats.delayed, delayed: 0 };
      },
    })),
  ],
  [
    "purge counts one too many",
    "inspect: purge removes what nobody holds, and says how many",
    server((original) => ({
      purge: async (channel) => (await original.purge!(channel)) + 1,
    })),
  ],
  [
    "a method is missing",
    "honesty: inspect() is there exactly when inspect is supported",
    server(() => ({ inspect: undefined as never })),
  ],
  [
    "credentials in the host",
    "honesty: info names protocol and host and shows no credentials",
    server((original) => ({
      info: { ...original.info, host: "user:secret@localhost" },
    })),
  ],
  ["works before connect", "honesty: creating a server does nothing", server(() => ({ state: "ready" }))],
];

let last = 0;

function caseOf(cases: readonly ConformanceCase[], name: string): ConformanceCase {
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

test.each(faults)("%s: found by %s", async (_, name, change) => {
  last = 0;
  const target: ServerTarget = {
    ...virtualMemoryTarget,
    timeouts: { arrive: 1000, contact: 1000 },
    create: async (options) => change(await virtualMemoryTarget.create(options)),
  };
  const [healthy, faulty] = await runSuite([
    caseOf(serverSuite(virtualMemoryTarget), name),
    caseOf(serverSuite(target), name),
  ]);
  expect(healthy?.status, String(healthy?.error)).toBe("passed");
  expect(faulty?.status).toBe("failed");
});

/** The same for apps: they cannot be better than their server, and must show it. */
const appFaults: readonly [fault: string, foundBy: string, (original: BrokerServer) => BrokerServer][] = [
  [
    "reject drops",
    'outcome: onError "reject" brings it back',
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome === "reject" ? "nack" : outcome, note),
    })),
  ],
  [
    "nack drops",
    "outcome: a dead letter tells who failed how, and keeps the bytes",
    receiving((original) => ({
      settle: (outcome, note) => original.settle(outcome === "nack" ? "ack" : outcome, note),
    })),
  ],
  [
    "bookkeeping is lost",
    "retry: it runs again until it succeeds, and the handler sees both counters",
    receiving((original) => ({
      settle: (outcome) => original.settle(outcome),
    })),
  ],
  [
    "extend does nothing",
    "takeover: a handler longer than three leases runs once, the lease is renewed",
    receiving(() => ({
      lease: { duration: 500, extend: nothing },
    })),
  ],
  [
    "drain gives back what runs",
    "stop: graceful, what runs is finished and nothing runs twice",
    subscription((original) => ({
      drain: () => original.close(),
    })),
  ],
  [
    "the limit is not kept",
    "takeover: a message that waits for a slot keeps its lease, too",
    subscribing(() => ({ maxUnsettled: 1 })),
  ],
  ["priorities are ignored", "send: priority", sending((message) => [message])],
  [
    "headers are lost",
    "app: the handler sees id, channel, headers, counters and reply address",
    receiving(({ headers }) => ({
      headers: createHeaders({ topic: headers["topic"] }),
    })),
  ],
];

test.concurrent.each(appFaults)("behind an app: %s: found by %s", async (_, name, change) => {
  const target: ServerTarget = {
    ...memoryTarget,
    timeouts: { arrive: 1000, late: 1000 },
    create: async (options) => change(await memoryTarget.create(options)),
  };
  const cases = [caseOf(appSuite(memoryTarget), name), { ...caseOf(appSuite(target), name), timeout: 5000 }];
  const [healthy, faulty] = await runSuite(cases);
  expect(healthy?.status, String(healthy?.error)).toBe("passed");
  expect(faulty?.status).toBe("failed");
});

test("the wrapping itself is no fault", async () => {
  const unchanged = (original: BrokerServer): BrokerServer =>
    sending((message, options) => [message, options])(
      receiving(() => ({}))(subscription(() => ({}))(dead(() => ({}))(original))),
    );
  const target: ServerTarget = {
    ...virtualMemoryTarget,
    create: async (options) => unchanged(await virtualMemoryTarget.create(options)),
  };
  const results = await runSuite(serverSuite(target));
  expect(results.filter(({ status }) => status === "failed").map((result) => [result.case.name, result.error])).toEqual(
    [],
  );
});
