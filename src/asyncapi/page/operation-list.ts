import type {
  AsyncApiChannel,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiReference,
  AsyncApiReply,
} from "../document.ts";
import { entriesOf, type PageContext } from "./context.ts";
import { tagNames } from "./described.ts";
import { plainText } from "./html.ts";
import type { NamedMessage } from "./message-view.ts";
import { isReference } from "./resolver.ts";
import { withTraits } from "./traits.ts";

/** What a message does, from the view of the app. */
export type Direction = "receive" | "send" | "reply" | "request";

export interface ShownMessage extends NamedMessage {
  /** What identifies it, however many references lead to it. */
  readonly pointer: string;
}

export interface ShownChannel {
  readonly key: string;
  readonly channel: AsyncApiChannel;
}

/** An operation with everything that a page says of it. */
export interface ShownOperation {
  readonly key: string;
  readonly operation: AsyncApiOperation;
  readonly title: string;
  readonly direction: Direction;
  readonly channel: ShownChannel | undefined;
  readonly messages: readonly ShownMessage[];
  readonly reply:
    | {
        readonly reply: AsyncApiReply;
        readonly channel: ShownChannel | undefined;
        readonly messages: readonly ShownMessage[];
      }
    | undefined;
  /** The first tag, or the channel where no operation has tags. */
  readonly group: string;
}

function channelAt(context: PageContext, reference: unknown): ShownChannel | undefined {
  const followed = context.resolver.follow<AsyncApiChannel>(reference as AsyncApiReference | undefined);
  if (followed === undefined) return undefined;
  // The name that was used, not the one it finally stands under: channels may be references themselves.
  const used = isReference(reference) ? reference.$ref.split("/").at(-1) : undefined;
  const direct = Object.entries(context.document.channels ?? {}).find(([, value]) => value === followed.value)?.[0];
  return { key: direct ?? followed.pointer?.at(-1) ?? used ?? "", channel: followed.value };
}

/** Messages by their references, or all messages of a channel where none are named. */
export function messagesAt(
  context: PageContext,
  references: readonly AsyncApiReference[] | undefined,
  channel: ShownChannel | undefined,
): readonly ShownMessage[] {
  const read = (key: string, message: AsyncApiMessage, pointer: string): ShownMessage => ({
    key,
    message: withTraits(context.resolver, message),
    pointer,
  });
  if (!Array.isArray(references)) {
    return entriesOf<AsyncApiMessage>(context, channel?.channel.messages).map(({ key, value, pointer }) =>
      read(key, value, pointer?.join("/") ?? `channels/${channel?.key}/messages/${key}`),
    );
  }
  return (references as readonly AsyncApiReference[]).flatMap((reference) => {
    const followed = context.resolver.follow<AsyncApiMessage>(reference);
    if (followed === undefined) return [];
    return [read(followed.pointer?.at(-1) ?? "message", followed.value, followed.pointer?.join("/") ?? "")];
  });
}

export function listOperations(context: PageContext): readonly ShownOperation[] {
  const entries = entriesOf<AsyncApiOperation>(context, context.document.operations).map(({ key, value }) => ({
    key,
    operation: withTraits(context.resolver, value),
  }));
  const tagged = entries.some(({ operation }) => tagNames(context, operation.tags).length > 0);
  const shown = entries.map(({ key, operation }): ShownOperation => {
    const channel = channelAt(context, operation.channel);
    const reply = context.resolver.follow<AsyncApiReply>(operation.reply)?.value;
    const replyChannel = reply === undefined ? undefined : channelAt(context, reply.channel);
    const direction = reply === undefined ? operation.action : operation.action === "send" ? "request" : "reply";
    const group = tagged
      ? (tagNames(context, operation.tags)[0] ?? "Other")
      : (channel?.channel.address ?? channel?.key);
    return {
      key,
      operation,
      title: plainText(operation.title ?? key),
      direction: direction === "send" || direction === "request" || direction === "reply" ? direction : "receive",
      channel,
      messages: messagesAt(context, operation.messages, channel),
      reply: reply && {
        reply,
        channel: replyChannel,
        messages:
          reply.messages === undefined && replyChannel === undefined
            ? []
            : messagesAt(context, reply.messages, replyChannel),
      },
      group: plainText(group ?? ""),
    };
  });
  // Groups in the order in which they first appear, so that neighbours stay neighbours.
  return [...Map.groupBy(shown, ({ group }) => group).values()].flat();
}
