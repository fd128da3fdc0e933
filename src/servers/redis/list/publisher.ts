import { createHeaders } from "../../../internal/headers.ts";
import type { OutgoingMessage } from "../../../server/delivery.ts";
import { CapabilityError, MillraceError, OptionError, PublishError } from "../../../server/errors.ts";
import type { FeatureName } from "../../../server/features.ts";
import type { PublishOptions, Receipt } from "../../../server/server.ts";
import type { Argument } from "../transport.ts";
import { publishError, toTrouble } from "../trouble.ts";
import type { ListItem } from "./frame.ts";
import type { ListHost } from "./host.ts";

/** Most messages of one RPUSH. */
const batch = 500;

/** Sends messages. Those of one turn of the event loop are written together by the client. */
export class ListPublisher {
  readonly #connection: ListHost;

  constructor(connection: ListHost) {
    this.#connection = connection;
  }

  async publish(channel: string, message: OutgoingMessage, options?: PublishOptions): Promise<Receipt> {
    refuse(options);
    this.#requireOpen();
    await this.#push(channel, [this.#encode(message)]);
    return { id: message.id };
  }

  /** One result each, in order; a failed one is an error. */
  async publishBatch(
    channel: string,
    messages: readonly OutgoingMessage[],
    options?: PublishOptions,
  ): Promise<readonly (Receipt | Error)[]> {
    refuse(options);
    this.#requireOpen();
    const results: (Receipt | Error)[] = new Array(messages.length);
    const pushes: Promise<void>[] = [];
    for (let start = 0; start < messages.length; start += batch) {
      pushes.push(this.#pushSome(channel, messages, start, results));
    }
    await Promise.all(pushes);
    return results;
  }

  async #pushSome(
    channel: string,
    messages: readonly OutgoingMessage[],
    start: number,
    results: (Receipt | Error)[],
  ): Promise<void> {
    const frames: Argument[] = [];
    const places: number[] = [];
    for (let i = start; i < Math.min(start + batch, messages.length); i += 1) {
      try {
        frames.push(this.#encode(messages[i] as OutgoingMessage));
        places.push(i);
      } catch (error) {
        results[i] = asError(error);
      }
    }
    if (frames.length === 0) return;
    try {
      await this.#push(channel, frames);
      for (const i of places) results[i] = { id: (messages[i] as OutgoingMessage).id };
    } catch (error) {
      for (const i of places) results[i] = asError(error);
    }
  }

  #encode(message: OutgoingMessage): Argument {
    const { frame, clock, topicHeader } = this.#connection.settings;
    const item = itemOf(message, topicHeader, clock.now());
    return asArgument(frame.encode(item));
  }

  async #push(channel: string, frames: readonly Argument[]): Promise<void> {
    const { link, settings } = this.#connection;
    const key = settings.keyOf(channel);
    try {
      await link.send(key, ["RPUSH", key, ...frames]);
    } catch (error) {
      const trouble = toTrouble(error);
      if (trouble.kind === "lost") link.fail(trouble.error);
      throw publishError(trouble);
    }
  }

  #requireOpen(): void {
    try {
      this.#connection.requireOpen();
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code === "NOT_CONNECTED") throw error;
      throw new PublishError("failed", `The message was not sent: ${error.message}`, { cause: error });
    }
  }
}

export function asArgument(written: Uint8Array | string): Argument {
  if (typeof written === "string") return written;
  return Buffer.from(written.buffer, written.byteOffset, written.byteLength);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new PublishError("failed", String(error));
}

/** The topic has a place of its own in a frame. */
function itemOf(message: OutgoingMessage, topicHeader: string | false, sentAt: number): ListItem {
  const { id, payload, contentType, replyTo } = message;
  const topic = topicHeader === false ? undefined : message.headers[topicHeader];
  if (topicHeader === false || topic === undefined) {
    return { id, payload, topic: undefined, headers: message.headers, contentType, replyTo, sentAt };
  }
  const headers = createHeaders(message.headers);
  delete headers[topicHeader];
  return { id, payload, topic, headers, contentType, replyTo, sentAt };
}

/** Core asks first; whoever uses the server without it is told here. */
function refuse(options: PublishOptions | undefined): void {
  if (options === undefined) return;
  const { delay = 0, priority, expiresIn, dedupe, params = {} } = options;
  const asked: readonly (readonly [boolean, FeatureName])[] = [
    [delay > 0, "delay"],
    [priority !== undefined, "priority"],
    [expiresIn !== undefined, "expiry"],
    [dedupe !== undefined, "dedupe"],
  ];
  const found = asked.find(([isAsked]) => isAsked)?.[1];
  if (found !== undefined) {
    throw new CapabilityError("redisList", found, `A Redis list cannot do this: ${found}. Use redis() for it.`);
  }
  if (Object.keys(params).length > 0) throw new OptionError("redisList takes no params.");
}
