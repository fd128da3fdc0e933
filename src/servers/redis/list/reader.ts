import type { MillraceError } from "../../../server/errors.ts";
import { Link } from "../link.ts";
import { rotated } from "../read-order.ts";
import type { Transport } from "../transport.ts";
import { toTrouble } from "../trouble.ts";
import type { ListHost } from "./host.ts";

/** Who reads. */
export interface ListReaderOwner {
  readonly isOpen: boolean;
  /** How many more messages may be taken. */
  readonly room: number;
  /** Keeps room for what a read may bring. */
  reserve(count: number): void;
  /** Hands up one item of this channel. */
  deliver(channel: string, bytes: Buffer): void;
  linkChanged(error?: MillraceError): void;
  linkDenied(error: MillraceError): void;
  /** A read failed although there is a connection; it is tried again after this many milliseconds. */
  troubled(error: MillraceError, delay: number): void;
  healthy(): void;
}

/** Milliseconds until the next try after an error, by kind. */
const pauses = { busy: 250, other: 1000 };
/** A read that was told to end before Redis knew of it is told again. */
const repeatInterrupt = 5;

/**
 * Takes items, one read at a time, and never more than there is room for: with `LPOP` and a count while there are some, then with
 * `BLPOP` on a connection of its own, which takes one.
 */
export class ListReader {
  lastContact: number;
  readonly #connection: ListHost;
  readonly #owner: ListReaderOwner;
  readonly #channels: readonly string[];
  readonly #byKey: ReadonlyMap<string, string>;
  readonly #link: Link;
  /** The running turn, if there is one. */
  #turn: Promise<void> | undefined;
  #isBlocked = false;
  /** How Redis knows our connection: by its number a blocked read can be ended. */
  #client: { readonly id: string; readonly address: string } | undefined;
  #mayHaveMore = true;
  #round = 0;

  constructor(connection: ListHost, owner: ListReaderOwner, channels: readonly string[]) {
    const { settings, dial } = connection;
    this.#connection = connection;
    this.#owner = owner;
    this.#channels = channels;
    this.#byKey = new Map(channels.map((channel) => [settings.keyOf(channel), channel]));
    this.lastContact = settings.clock.monotonic();
    this.#link = new Link(
      { dial, clock: settings.clock, patience: settings.commandTimeout + settings.blockTime, usage: "reads" },
      {
        greet: (transport) => this.#greet(transport),
        onReady: () => owner.linkChanged(),
        onLost: (error) => owner.linkChanged(error),
        onDenied: (error) => owner.linkDenied(error),
      },
    );
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  open(): Promise<void> {
    return this.#link.open(this.#connection.settings.connectTimeout);
  }

  close(): void {
    this.#link.close();
  }

  /** Reads if there is room and nobody reads yet. */
  fill(): void {
    if (this.#turn !== undefined || this.#channels.length === 0 || !this.#mayRead()) return;
    this.#turn = this.#read().then(
      () => {
        this.#turn = undefined;
        this.fill();
      },
      (error: unknown) => {
        this.#turn = undefined;
        this.#explain(error);
      },
    );
  }

  #mayRead(): boolean {
    const { isOpen, room } = this.#owner;
    return isOpen && room > 0 && this.#link.isOpen && this.#connection.link.isOpen;
  }

  /** Resolves once no read is under way. */
  async quiet(): Promise<void> {
    while (this.#turn !== undefined && !this.#owner.isOpen) {
      this.#interrupt();
      await this.#turn;
    }
  }

  #interrupt(): void {
    if (!this.#isBlocked || this.#client === undefined) return;
    const turn = this.#turn;
    const { link, settings } = this.#connection;
    link.send("", ["CLIENT", "UNBLOCK", this.#client.id]).then(
      (ended) => {
        // The read may still be on its way: another connection, another order.
        if (ended === 0 && turn === this.#turn) {
          settings.clock.setTimer(() => turn === this.#turn && this.#interrupt(), repeatInterrupt, { unref: true });
        }
      },
      () => {}, // It ends by itself after `blockTime`.
    );
  }

  async #greet(transport: Transport): Promise<void> {
    const info = String(await transport.send("", ["CLIENT", "INFO"]));
    const before = this.#client;
    if (before !== undefined) {
      // Redis may not know yet that the old connection is gone, and would give it a message that nobody gets. After a
      // restart the number alone may be somebody else's.
      const kill = ["CLIENT", "KILL", "ID", before.id, "ADDR", before.address];
      transport.send("", kill).catch(() => {});
    }
    this.#client = { id: /\bid=(\d+)/.exec(info)?.[1] ?? "", address: /\baddr=(\S+)/.exec(info)?.[1] ?? "" };
    this.#mayHaveMore = true;
  }

  async #read(): Promise<void> {
    while (this.#mayHaveMore && this.#mayRead()) await this.#takeSome();
    if (this.#mayRead()) await this.#wait();
  }

  /** From every channel its share, or from some channels one each where there is less room than channels. */
  async #takeSome(): Promise<void> {
    const { link, settings } = this.#connection;
    const { room } = this.#owner;
    const chosen = rotated(this.#channels, this.#round).slice(0, room);
    this.#round += 1;
    const count = Math.min(Math.floor(room / chosen.length), settings.batchSize);
    const reserved = count * chosen.length;
    this.#owner.reserve(reserved);
    let most = 0;
    const replies = await Promise.allSettled(
      chosen.map((channel) => link.send(settings.keyOf(channel), ["LPOP", settings.keyOf(channel), String(count)])),
    );
    this.#owner.reserve(-reserved);
    for (const [i, reply] of replies.entries()) {
      // What others brought is handed up first: it is nowhere else.
      if (reply.status === "rejected" || reply.value === null) continue;
      const items = reply.value as readonly Buffer[];
      most = Math.max(most, items.length);
      for (const bytes of items) this.#owner.deliver(chosen[i] as string, bytes);
    }
    this.#mayHaveMore = most === count;
    const failed = replies.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
    if (failed === undefined) {
      this.#contact();
      return;
    }
    const trouble = toTrouble(failed.reason);
    if (trouble.kind === "lost") link.fail(trouble.error);
    throw failed.reason;
  }

  /** Waits for the next item. */
  async #wait(): Promise<void> {
    const { settings } = this.#connection;
    const keys = rotated(this.#channels, this.#round).map(settings.keyOf);
    this.#round += 1;
    this.#owner.reserve(1);
    this.#isBlocked = true;
    let reply: readonly [key: Buffer, item: Buffer] | null;
    try {
      const args = ["BLPOP", ...keys, String(settings.blockTime / 1000)];
      reply = (await this.#link.send("", args)) as typeof reply;
    } finally {
      this.#isBlocked = false;
      this.#owner.reserve(-1);
    }
    this.#contact();
    if (reply === null) return;
    this.#mayHaveMore = true;
    this.#owner.deliver(this.#byKey.get(String(reply[0])) as string, reply[1]);
  }

  #contact(): void {
    this.lastContact = this.#connection.settings.clock.monotonic();
    this.#owner.healthy();
  }

  #explain(thrown: unknown): void {
    const { kind, error } = toTrouble(thrown);
    if (kind === "lost") {
      this.#link.fail(error);
      // A server that must not be written to answers: then it is our turn to leave it.
      if (error.cause instanceof Error && /READONLY/.test(error.cause.message)) this.#connection.link.fail(error);
      return;
    }
    this.#owner.troubled(error, kind === "busy" ? pauses.busy : pauses.other);
  }
}
