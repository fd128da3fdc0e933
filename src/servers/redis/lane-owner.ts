import type { MillraceError } from "../../server/errors.ts";
import type { Logger } from "../../server/logger.ts";
import type { Subscription } from "../../server/server.ts";
import type { SettleCode } from "../../server/settle-reason.ts";
import type { ChannelKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import type { Settings } from "./options.ts";
import type { Publisher } from "./publisher.ts";
import type { Source } from "./source.ts";
import type { Dial } from "./transport.ts";

/** What subscriptions need of the connection that they belong to. */
export interface SubscriptionHost {
  readonly settings: Settings;
  readonly dial: Dial;
  /** For everything but blocking reads. */
  readonly link: Link;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly hasXackdel: boolean;
  keysOf(channel: string): ChannelKeys;
  /** Milliseconds since the epoch by Redis's clock, as well as we know it. */
  redisTime(): number;
  /** Redis said what time it is. */
  setRedisTime(time: number): void;
  forget(subscription: Subscription): void;
  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void;
  onEvicted(channel: string, count: number): void;
}

/** What the lanes of a subscription need of it. */
export interface LaneOwner {
  readonly connection: SubscriptionHost;
  readonly consumer: string;
  readonly leaseDuration: number;
  readonly isOpen: boolean;
  readonly isClosed: boolean;
  /** The most that it ever holds. */
  readonly capacity: number;
  /** How many more messages may be asked for over the connection that settles are written to, after those that are written. */
  readonly room: number;
  /** How many more may be asked for over any connection. */
  readonly safeRoom: number;
  /** How many streams are read in all. */
  readonly sourceCount: number;
  /** Keeps room for what a read may bring. */
  reserve(count: number): void;
  /**
   * Hands up an entry that is pending for us.
   * @param count Redis's count of its deliveries
   * @param counted whether that includes this one
   */
  deliver(
    source: Source,
    entry: string,
    fields: readonly Buffer[],
    count: number,
    counted: boolean,
    leaseEnd: number,
  ): void;
  /** Those of these entries that nobody handles. */
  strays(entries: readonly string[]): string[];
  /**
   * Lets go of what nobody has settled or renewed for long after its lease; returns their entries. Only what was found so twice:
   * after a stall of the process, renewals come as late as we do.
   */
  abandoned(): string[];
  /** There is something to read, or something to read differently. */
  replan(): void;
  linkChanged(error?: MillraceError): void;
  linkDenied(error: MillraceError): void;
  /** A read or the upkeep failed although there is a connection: tries again soon. */
  troubled(error: MillraceError, delay: number): void;
  /** A read worked. */
  healthy(): void;
}
