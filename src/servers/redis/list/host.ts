import type { Logger } from "../../../server/logger.ts";
import type { SettleCode } from "../../../server/settle-reason.ts";
import type { Link } from "../link.ts";
import type { Argument, Dial, Reply } from "../transport.ts";
import type { ListSettings } from "./options.ts";

/** The connection for everything but blocking reads, as those on it see it. */
export interface ListHost {
  readonly settings: ListSettings;
  readonly dial: Dial;
  readonly link: Link;
  readonly logger: Logger;
  /** Throws when there is no connection. */
  requireOpen(): void;
  /** Sends a command for somebody who waits for it; errors are ours. */
  send(key: string, args: readonly Argument[]): Promise<Reply>;
  /** A message is gone for good. */
  onDropped(channel: string, id: string | undefined, reason: SettleCode | undefined): void;
  forget(subscription: object): void;
}
