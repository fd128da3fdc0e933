import type { SettleCode } from "../../server/settle-reason.ts";
import type { RedisDelivery } from "./delivery.ts";
import type { ChannelState } from "./source.ts";

/** Who keeps the account of unsettled deliveries. */
export interface Holder {
  readonly consumer: string;
  /** It holds many messages, so that others will be settled in a moment. */
  readonly isCrowded: boolean;
  /** Its settling is written: what is read after it over the same connection may take its place. */
  freeing(delivery: RedisDelivery): void;
  /** Settling did not work out. */
  stillHeld(delivery: RedisDelivery): void;
  /** It is settled or lost for good. */
  released(delivery: RedisDelivery): void;
  /** Settles were written or answered: there may be room. */
  changed(): void;
  /** A message came back to its channel, after so many milliseconds. */
  returned(channel: ChannelState, delay: number): void;
  /** A failed message was removed, since dead letters are turned off. */
  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void;
  /** Dead letters over `maxSize` were removed. */
  onEvicted(channel: string, count: number): void;
}
