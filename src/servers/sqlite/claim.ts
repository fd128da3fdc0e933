import { randomFillSync } from "node:crypto";
import { type ClaimedRow, type DeliveryOwner, SqliteDelivery } from "./delivery.ts";
import { type ExpiredMessage, expireRow } from "./expire.ts";
import { nobody } from "./layout.ts";
import type { Settings } from "./options.ts";
import type { Transaction } from "./work.ts";

const words = new Uint32Array(256);
let used = words.length;

/** A number below 2^47 that no other claim of the row has had: what proves that a lease is still ours. */
function newToken(): number {
  if (used === words.length) {
    randomFillSync(words);
    used = 0;
  }
  const high = (words[used] as number) & 0x7fff;
  const low = words[used + 1] as number;
  used += 2;
  return (high * 2 ** 32 + low) % nobody;
}

/** What one claim found. */
export interface Claim {
  readonly deliveries: SqliteDelivery[];
  readonly expired: ExpiredMessage[];
}

/**
 * Moves up to `limit` messages each that have become ready: leases that ran out, and delayed messages whose time has
 * come. All of them before the first is claimed, since any may be the most urgent one.
 * @returns whether there may be more
 */
export function wakeDue({ statements, now }: Transaction, channel: string, limit: number): boolean {
  const lapsed = Number(statements.lapse.run(channel, now, limit).changes);
  const due = Number(statements.promote.run(channel, now, limit).changes);
  return lapsed === limit || due === limit;
}

/**
 * Takes up to `limit` messages of one channel, the most urgent first.
 * @returns whether there may be more
 */
export function claimFrom(
  transaction: Transaction,
  channel: string,
  limit: number,
  into: Claim,
  owner: DeliveryOwner,
  settings: Settings,
): boolean {
  const { statements, now } = transaction;
  const rows = statements.next.all(channel, limit) as unknown as ClaimedRow[];
  if (rows.length === 0) return false;
  const token = newToken();
  const leaseEnd = settings.clock.monotonic() + owner.leaseDuration;
  const taken: number[] = [];
  for (const row of rows) {
    const [seq, id, , headers, , , deliveries, , , , expires] = row;
    if (expires !== null && expires <= now) {
      expireRow(transaction, { seq, channel, deliveries, headers }, settings.keepExpired);
      into.expired.push({ channel, id });
    } else {
      taken.push(seq);
      into.deliveries.push(new SqliteDelivery(owner, channel, row, token, leaseEnd));
    }
  }
  if (taken.length > 0) statements.lease.run(token, now + owner.leaseDuration, JSON.stringify(taken));
  return rows.length === limit;
}

/** How many milliseconds until a delayed message of these channels is due, if there is one. */
export function untilDue({ statements, now }: Transaction, channels: readonly string[]): number | undefined {
  let next: number | undefined;
  for (const channel of channels) {
    const due = statements.nextDue.get(channel)?.["due"] as number | undefined;
    if (due !== undefined && (next === undefined || due < next)) next = due;
  }
  return next === undefined ? undefined : Math.max(1, next - now);
}
