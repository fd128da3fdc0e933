import { bookkeepingHeader, parseBookkeeping } from "../server/bookkeeping.ts";
import type { Delivery, OutgoingMessage } from "../server/delivery.ts";
import { DecodeError } from "../server/errors.ts";
import type { PublishOptions } from "../server/publish-options.ts";
import type { Event } from "./event.ts";
import type { Settings } from "./options.ts";
import { readEvent } from "./read-event.ts";

/** That of the event, unless the message is a copy that was sent again and has an id of its own. */
function idOf(delivery: Delivery, event: Event | undefined): string | undefined {
  const packed = delivery.headers[bookkeepingHeader];
  const isCopy = packed !== undefined && parseBookkeeping(packed).replayOf !== undefined;
  return isCopy ? (delivery.id ?? event?.id) : (event?.id ?? delivery.id);
}

/** A delivery as handlers see it: without its envelope. What cannot be read is marked so. */
export function unwrapped(
  delivery: Delivery,
  settings: Settings,
  write: (message: OutgoingMessage) => OutgoingMessage,
): Delivery {
  let event: Event | undefined;
  let unreadable: Error | undefined;
  try {
    event = readEvent(delivery, settings);
  } catch (error) {
    unreadable = error instanceof Error ? error : new DecodeError("The message could not be read.", { cause: error });
  }
  const { reply, begin } = delivery;
  return {
    channel: delivery.channel,
    payload: event?.payload ?? delivery.payload,
    headers: event?.headers ?? delivery.headers,
    contentType: event === undefined ? delivery.contentType : event.contentType,
    replyTo: delivery.replyTo,
    id: idOf(delivery, event),
    brokerId: delivery.brokerId,
    deliveryCount: delivery.deliveryCount,
    lapses: delivery.lapses,
    sentAt: delivery.sentAt ?? event?.time,
    lease: delivery.lease,
    unreadable,
    settle: (outcome, note) => delivery.settle(outcome, note),
    ...(begin === undefined ? {} : { begin: () => begin.call(delivery) }),
    ...(reply === undefined
      ? {}
      : {
          reply: (message: OutgoingMessage, channel: string, options?: PublishOptions) =>
            reply.call(delivery, write(message), channel, options),
        }),
  };
}
