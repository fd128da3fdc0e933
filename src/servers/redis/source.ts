import type { ChannelKeys } from "./keys.ts";

/** One stream as a subscription reads it. */
export interface Source {
  readonly key: string;
  readonly level: number;
  /** Its place among the streams of the channel, from 1. */
  readonly place: number;
  readonly channel: ChannelState;
  /** The stream and its group are known to exist. */
  isThere: boolean;
  /** The last read got all it asked for: there may be more. */
  isHot: boolean;
  /** Last id of the stream when it was found empty. */
  lastId: string;
}

/** One channel as a subscription reads it. */
export interface ChannelState {
  readonly keys: ChannelKeys;
  /** By level, the highest first. */
  readonly sources: readonly Source[];
  readonly normal: Source;
  /** A key of it holds something else: it is left out until that is repaired. */
  isBroken: boolean;
  /** A stream other than the normal one has messages. */
  hasUrgent: boolean;
  /** It has a stream that we have not seen yet. */
  isStale: boolean;
}

export function createChannelState(keys: ChannelKeys): ChannelState {
  const sources: Source[] = [];
  const state: ChannelState = {
    keys,
    sources,
    isBroken: false,
    hasUrgent: false,
    isStale: false,
    get normal() {
      return sources.find(({ key }) => key === keys.stream) as Source;
    },
  };
  for (const { key, level } of keys.streams) {
    const place = sources.length + 1;
    sources.push({ key, level, place, channel: state, isThere: false, isHot: false, lastId: "0-0" });
  }
  return state;
}
