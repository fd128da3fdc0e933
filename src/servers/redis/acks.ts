import type { RedisDelivery } from "./delivery.ts";
import type { Holder } from "./holder.ts";
import type { Link } from "./link.ts";
import type { Settings } from "./options.ts";
import { runScript } from "./script.ts";
import type { Source } from "./source.ts";
import type { Argument, Reply } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** Deliveries of one stream that are done, written together and answered together. */
class AckBatch {
  readonly entries: string[] = [];
  readonly deliveries: RedisDelivery[] = [];
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

const largest = 1000;

const ackScript = `
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
`;

/**
 * The way of most messages: acknowledge and delete, without a script, one round trip for all of a turn. An answer that counts
 * fewer entries than were sent means that some were settled before (by an attempt whose answer was lost), or deleted by
 * somebody: both are done.
 */
export class Acks {
  readonly underway: Set<Promise<void>> = new Set();
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #holder: Holder;
  readonly #hasXackdel: () => boolean;
  #mayNotXackdel = false;
  readonly #batches = new Map<Source, AckBatch>();

  constructor(settings: Settings, link: Link, holder: Holder, hasXackdel: () => boolean) {
    this.#settings = settings;
    this.#link = link;
    this.#holder = holder;
    this.#hasXackdel = hasXackdel;
  }

  add(delivery: RedisDelivery): Promise<void> {
    let batch = this.#batches.get(delivery.source);
    if (batch === undefined) {
      batch = new AckBatch();
      this.#batches.set(delivery.source, batch);
    }
    batch.entries.push(delivery.entry);
    batch.deliveries.push(delivery);
    const { promise } = batch;
    if (batch.entries.length === largest) {
      this.#batches.delete(delivery.source);
      this.#write(delivery.source, batch);
    }
    return promise;
  }

  flush(): void {
    if (this.#batches.size === 0) return;
    for (const [source, batch] of this.#batches) this.#write(source, batch);
    this.#batches.clear();
  }

  #write(source: Source, batch: AckBatch): void {
    for (const delivery of batch.deliveries) this.#holder.freeing(delivery);
    this.underway.add(batch.promise);
    this.#send(source.key, batch.entries).then(
      () => {
        this.underway.delete(batch.promise);
        for (const delivery of batch.deliveries) this.#holder.released(delivery);
        batch.resolve();
        this.#holder.changed();
      },
      (error: unknown) => {
        this.underway.delete(batch.promise);
        const trouble = toTrouble(error);
        for (const delivery of batch.deliveries) {
          delivery.settling = false;
          this.#holder.stillHeld(delivery);
        }
        batch.reject(trouble.error);
        if (trouble.kind === "lost") this.#link.fail(trouble.error);
      },
    );
  }

  /** It is there, but not for this user; or not there any more, since another server has taken over. */
  #withoutXackdel(error: unknown, key: string, entries: readonly string[]): Promise<Reply> {
    const { kind } = toTrouble(error);
    if (kind !== "denied" && kind !== "command") throw error;
    this.#mayNotXackdel = true;
    return this.#send(key, entries);
  }

  #send(key: string, entries: readonly string[]): Promise<Reply> {
    const { group, keepsSettled } = this.#settings;
    const ack: Argument[] = ["XACK", key, group, ...entries];
    if (keepsSettled) return this.#link.send(key, ack);
    if (this.#hasXackdel() && !this.#mayNotXackdel) {
      const args = ["XACKDEL", key, group, "IDS", String(entries.length), ...entries];
      return this.#link.send(key, args).catch((error: unknown) => this.#withoutXackdel(error, key, entries));
    }
    const byScript = (): Promise<Reply> => runScript(this.#link, ackScript, [key], [group, ...entries]);
    if (!this.#link.isOrdered) return byScript();
    const ignore = (): void => {}; // What went wrong, EXEC tells.
    this.#link.send(key, ["MULTI"]).catch(ignore);
    this.#link.send(key, ack).catch(ignore);
    this.#link.send(key, ["XDEL", key, ...entries]).catch(ignore);
    return this.#link.send(key, ["EXEC"]).then(
      (replies) => {
        const failed = (replies as readonly unknown[] | null)?.find((reply) => reply instanceof Error);
        if (failed !== undefined) throw failed;
        return replies;
      },
      (error: unknown) => {
        // Without room, Redis takes no command behind MULTI, not even these. A script may make room, and else says what is wrong.
        if (error instanceof Error && error.message.startsWith("EXECABORT")) return byScript();
        throw error;
      },
    );
  }
}
