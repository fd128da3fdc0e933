import { type Awaitable, isPromise } from "../internal/awaitable.ts";
import type { OutgoingMessage } from "../server/delivery.ts";
import { OptionError } from "../server/errors.ts";
import type { Features } from "../server/features.ts";
import type { BrokerServer, Receipt } from "../server/server.ts";
import { typeHeader } from "./attributes.ts";
import { writeBinary } from "./binary.ts";
import { readDeadLetters } from "./dead-letters.ts";
import { documented } from "./document.ts";
import { type CloudEventsOptions, readOptions } from "./options.ts";
import { unwrapped } from "./receive.ts";
import { writeStructured } from "./structured.ts";

function isError(value: OutgoingMessage | Error): value is Error {
  return value instanceof Error;
}

/** Sends those that could be written; the others keep their errors, in their places. */
function publishWritten(
  written: readonly (OutgoingMessage | Error)[],
  publish: (messages: readonly OutgoingMessage[]) => Awaitable<readonly (Receipt | Error)[]>,
): Awaitable<readonly (Receipt | Error)[]> {
  const sound = written.filter((one): one is OutgoingMessage => !isError(one));
  if (sound.length === written.length) return publish(sound);
  const merge = (receipts: readonly (Receipt | Error)[]): readonly (Receipt | Error)[] => {
    const rest = [...receipts];
    return written.map((one) => (isError(one) ? one : (rest.shift() as Receipt | Error)));
  };
  if (sound.length === 0) return merge([]);
  const receipts = publish(sound);
  return isPromise(receipts) ? receipts.then(merge) : merge(receipts);
}

/**
 * A server whose messages are CloudEvents 1.0: written in the given mode, read in both. The type of an event is the topic,
 * its id is the id of the message, its content type that of the message; all other attributes are headers: `ce-source`,
 * `ce-subject`, `ce-time` and extensions such as `ce-partitionkey`, to read and to send. What is no valid event is a dead
 * letter with the reason `decode`. Everything else is up to the server inside. Errors: `OptionError`; sending rejects with
 * `InvalidHeaderError` for attributes that cannot be.
 *
 * @example
 * const app = createApp({ server: cloudEvents(redis({ url }), { source: "/shop/orders" }) });
 */
export function cloudEvents<Params extends object, F extends Features>(
  server: BrokerServer<Params, F>,
  options: CloudEventsOptions,
): BrokerServer<Params, F> {
  if (typeof server?.publish !== "function")
    throw new OptionError("cloudEvents() expects a server as its first argument.");
  if (typeof server.topicHeader === "string") {
    throw new OptionError("The topic of a CloudEvent is its type: leave topicHeader of the server out.");
  }
  const settings = readOptions(options, server.info);
  const write = (message: OutgoingMessage): OutgoingMessage =>
    settings.mode === "binary" ? writeBinary(message, settings) : writeStructured(message, settings);
  const tryWrite = (message: OutgoingMessage): OutgoingMessage | Error => {
    try {
      return write(message);
    } catch (error) {
      return error as Error;
    }
  };
  const { publishBatch, deadLetters, inspect, purge, bindingsOf } = server;
  return {
    get info() {
      return server.info;
    },
    get features() {
      return server.features;
    },
    get state() {
      return server.state;
    },
    topicHeader: server.topicHeader ?? typeHeader,
    envelope: documented(settings, (other, clock) =>
      cloudEvents(other, { ...options, prefix: settings.prefix, clock }),
    ),
    connect: (given) => server.connect(given),
    disconnect: () => server.disconnect(),
    publish: (channel, message, given) => server.publish(channel, write(message), given),
    ...(publishBatch && {
      publishBatch: (channel, messages, given) =>
        publishWritten(messages.map(tryWrite), (written) => publishBatch.call(server, channel, written, given)),
    }),
    subscribe: (given) =>
      server.subscribe({ ...given, onDelivery: (delivery) => given.onDelivery(unwrapped(delivery, settings, write)) }),
    ...(deadLetters && { deadLetters: (channel) => readDeadLetters(deadLetters.call(server, channel), settings) }),
    ...(inspect && { inspect: (channel) => inspect.call(server, channel) }),
    ...(purge && { purge: (channel) => purge.call(server, channel) }),
    ...(bindingsOf && { bindingsOf: (channel, action) => bindingsOf.call(server, channel, action) }),
  };
}
