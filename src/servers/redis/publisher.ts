import type { OutgoingMessage } from "../../server/delivery.ts";
import { DuplicateMessageError, MillraceError, OptionError, PublishError } from "../../server/errors.ts";
import { integerOption } from "../../server/option.ts";
import { priority } from "../../server/priority.ts";
import type { PublishOptions, Receipt } from "../../server/server.ts";
import { withMessage } from "./encode.ts";
import { type ChannelKeys, isReplyChannel, replyLifetime, streamOf } from "./keys.ts";
import { levelOf } from "./levels.ts";
import type { Link } from "./link.ts";
import { publishScript } from "./lua/publish.ts";
import type { Settings } from "./options.ts";
import { runScript } from "./script.ts";
import type { Argument, Reply } from "./transport.ts";
import { publishError, toTrouble } from "./trouble.ts";

/** `params` of a send to Redis. */
export interface RedisParams {
  /**
   * Trims the stream to its newest so many entries. What is trimmed is gone, whether it was processed or not: for streams that
   * are kept (`settled: "keep"`), or for messages that are worthless once there are newer ones.
   */
  readonly maxLength?: number;
  /** With `maxLength`: trim only where that is cheap (`~`), leaving some more. Default `true`. */
  readonly approximate?: boolean;
  /** Fail instead of creating a stream that does not exist, that is, when nobody has ever used the channel. */
  readonly noMakeStream?: boolean;
  /** Id of the entry instead of Redis's own. Must be larger than all before; its time counts as the time of sending. */
  readonly streamId?: string;
}

/** Who wants to know at once what this process sends. */
export interface PublishEvents {
  requireOpen(): void;
  /** A message went to a stream other than the ordinary one, or will be due in so many milliseconds. */
  onSent(channel: string, isUrgent: boolean, delay: number): void;
}

interface Command {
  readonly key: string;
  readonly args: Argument[];
}

const ids = /^(\*|\d+(-(\d+|\*))?)$/;

/** Sends messages. Those of one turn of the event loop are written together by the client. */
export class Publisher {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #keysOf: (channel: string) => ChannelKeys;
  readonly #events: PublishEvents;

  constructor(settings: Settings, link: Link, keysOf: (channel: string) => ChannelKeys, events: PublishEvents) {
    this.#settings = settings;
    this.#link = link;
    this.#keysOf = keysOf;
    this.#events = events;
  }

  publish(channel: string, message: OutgoingMessage, options: PublishOptions | undefined): Promise<Receipt> {
    if (!this.#link.isOpen) return this.#refuse();
    if (options !== undefined && ((options.delay ?? 0) > 0 || options.dedupe !== undefined)) {
      return this.#publishByScript(channel, message, options);
    }
    const { key, args } = this.plain(channel, message, options);
    const sent = this.#link.post(key, args, true).then(
      (reply) => {
        this.#link.answered();
        if (options?.priority !== undefined) this.#tellUrgent(channel, options.priority);
        return receiptOf(message.id, reply);
      },
      (error: unknown) => this.#fail(this.#link.failed(error)),
    );
    if (isReplyChannel(channel)) this.#link.send(key, ["PEXPIRE", key, String(replyLifetime)]).catch(() => {});
    return sent;
  }

  /** One result each, in order; a failed one is an error. */
  publishBatch(
    channel: string,
    messages: readonly OutgoingMessage[],
    options: PublishOptions | undefined,
  ): Promise<readonly (Receipt | Error)[]> {
    const results = new Array<Receipt | Error>(messages.length);
    if (messages.length === 0) return Promise.resolve(results);
    return new Promise((resolve) => {
      let left = messages.length;
      const store = (i: number, result: Receipt | Error): void => {
        results[i] = result;
        left -= 1;
        if (left === 0) resolve(results);
      };
      for (let i = 0; i < messages.length; i += 1) {
        this.#publishOne(channel, messages[i] as OutgoingMessage, options).then(
          (receipt) => store(i, receipt),
          (error: unknown) => store(i, error instanceof Error ? error : new PublishError("failed", String(error))),
        );
      }
    });
  }

  /** XADD of a message that has neither a delay nor a dedupe key. */
  plain(channel: string, message: OutgoingMessage, options: PublishOptions | undefined): Command {
    const keys = this.#keysOf(channel);
    const level = options?.priority === undefined ? undefined : this.#levelOf(options.priority);
    const key = level === undefined ? keys.stream : streamOf(keys, level);
    const start = options?.params === undefined ? ["XADD", key, "*"] : ["XADD", key, ...argumentsOf(options.params)];
    return { key, args: withMessage(start, message, options) };
  }

  async #publishOne(channel: string, message: OutgoingMessage, options: PublishOptions | undefined): Promise<Receipt> {
    return this.publish(channel, message, options);
  }

  async #publishByScript(channel: string, message: OutgoingMessage, options: PublishOptions): Promise<Receipt> {
    const keys = this.#keysOf(channel);
    const { dedupe, delay = 0 } = options;
    if (delay > 0 && options.params !== undefined && Object.keys(options.params).length > 0) {
      throw new OptionError("params of redis cannot be used with a delay: the entry is made later, by a worker.");
    }
    const level = this.#levelOf(options.priority ?? (priority["normal"] as number));
    const head = argumentsOf(options.params ?? {});
    const fields = withMessage([], message, options);
    const stream = streamOf(keys, level);
    const args = [
      String(Math.ceil(dedupe?.window ?? 0)),
      message.id,
      String(Math.ceil(delay)),
      String(level),
      String(head.length),
      ...head,
      ...fields,
    ];
    const names = [stream, keys.delayed, keys.sequence, dedupe === undefined ? stream : keys.dedupe(dedupe.key)];
    let reply: Reply;
    try {
      reply = await runScript(this.#link, publishScript, names, args);
    } catch (error) {
      return this.#fail(error);
    }
    const [verdict, place] = reply as readonly Reply[];
    if (verdict === 0) {
      if (dedupe?.onDuplicate === "throw") throw new DuplicateMessageError(dedupe.key);
      return { id: String(place), duplicate: true };
    }
    this.#events.onSent(channel, level !== this.#settings.normalLevel, delay);
    return receiptOf(message.id, place ?? null);
  }

  #levelOf(given: number): number {
    return levelOf(given, this.#settings.levels);
  }

  #tellUrgent(channel: string, given: number): void {
    if (this.#levelOf(given) !== this.#settings.normalLevel) this.#events.onSent(channel, true, 0);
  }

  async #refuse(): Promise<Receipt> {
    try {
      this.#events.requireOpen();
    } catch (error) {
      if (error instanceof MillraceError && error.code !== "NOT_CONNECTED") {
        throw new PublishError("failed", `The message was not sent: ${error.message}`, { cause: error });
      }
      throw error;
    }
    throw new PublishError("failed", "The message was not sent: there is no connection.");
  }

  #fail(error: unknown): never {
    if (error instanceof MillraceError && !(error.code === "CONNECTION_FAILED")) throw error;
    const trouble = toTrouble(error);
    if (trouble.kind === "lost") this.#link.fail(trouble.error);
    throw publishError(trouble);
  }
}

function receiptOf(id: string, reply: Reply): Receipt {
  if (reply === null) {
    throw new PublishError("failed", "The message was not stored: its stream does not exist and noMakeStream is set.");
  }
  return { id, brokerId: String(reply) };
}

/** What stands between key and fields of XADD. */
function argumentsOf(params: RedisParams): string[] {
  const args: string[] = [];
  const { maxLength, approximate = true, noMakeStream = false, streamId = "*" } = params;
  if (noMakeStream) args.push("NOMKSTREAM");
  if (maxLength !== undefined) {
    integerOption("params.maxLength of redis", maxLength, { min: 0 });
    args.push("MAXLEN", approximate ? "~" : "=", String(maxLength));
  }
  if (!ids.test(streamId)) throw new OptionError("Expected params.streamId of redis to be like 1730000000000-0.");
  args.push(streamId);
  return args;
}
