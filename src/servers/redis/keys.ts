import type { Settings } from "./options.ts";

/** One stream of a channel: its messages of one priority. */
export interface StreamKey {
  readonly key: string;
  /** The lowest priority that goes here. */
  readonly level: number;
}

/** The Redis keys of one channel. All carry the same hash tag, so that they share a slot of a cluster. */
export interface ChannelKeys {
  readonly channel: string;
  /** The stream of ordinary messages. */
  readonly stream: string;
  /** Streams by priority, the highest first; `stream` is one of them. */
  readonly streams: readonly StreamKey[];
  /** Sorted set of messages whose time has not come. */
  readonly delayed: string;
  /** Numbers delayed messages, so that those of one millisecond keep their order. */
  readonly sequence: string;
  readonly dead: string;
  /** Hash from message id to entry of `dead`. */
  readonly deadIds: string;
  /** Key of a dedupe key. */
  dedupe(key: string): string;
}

/** Replies nobody fetched vanish after this many milliseconds. */
export const replyLifetime = 3_600_000;
const replyPrefix = "millrace.reply.";

/** Whether this is an address that core made for replies: it lives as long as somebody uses it. */
export function isReplyChannel(channel: string): boolean {
  return channel.startsWith(replyPrefix);
}

/** Braces would end the hash tag early, `%` marks what was encoded. */
function tagOf(channel: string): string {
  return channel.replace(/[%{}]/g, encodeURIComponent);
}

/** The stream of a level; the ordinary one where there is none of its own. */
export function streamOf({ streams, stream }: ChannelKeys, level: number): string {
  for (let i = 0; i < streams.length; i += 1) {
    const one = streams[i] as StreamKey;
    if (one.level === level) return one.key;
  }
  return stream;
}

/** A name for other keys of the same slot. */
function tagged(stream: string): string {
  return /\{[^}]+\}/.test(stream) ? stream : `{${stream}}`;
}

export function channelKeys(
  { keyPrefix, streamKey, levels, normalLevel }: Pick<Settings, "keyPrefix" | "streamKey" | "levels" | "normalLevel">,
  channel: string,
): ChannelKeys {
  const stream = streamKey?.(channel) ?? `${keyPrefix}{${tagOf(channel)}}`;
  const base = tagged(stream);
  return {
    channel,
    stream,
    // Replies are never urgent: one stream will do.
    streams: (isReplyChannel(channel) ? [normalLevel] : levels).map((level) => ({
      level,
      key: level === normalLevel ? stream : `${base}:p${level}`,
    })),
    delayed: `${base}:delayed`,
    sequence: `${base}:sequence`,
    dead: `${base}:dead`,
    deadIds: `${base}:dead-ids`,
    dedupe: (key) => `${base}:dedupe:${key}`,
  };
}
