import type { TimerHandle } from "../../internal/clock.ts";
import { Ring } from "../../internal/ring.ts";
import { MillraceError } from "../../server/errors.ts";
import type { Settings } from "./options.ts";
import { insertRun, longestRun, nextRun } from "./publish-run.ts";
import { PublishWork } from "./publish-work.ts";
import type { Store } from "./store.ts";
import { type Trouble, toTrouble } from "./trouble.ts";
import type { Transaction, Work } from "./work.ts";

/** Somebody who takes messages in the transactions of others' work: a subscription. */
export interface Claimer {
  /** Has room and reason to look. */
  readonly hungry: boolean;
  /** There may be messages in this channel. */
  expect(channel: string): void;
  claim(transaction: Transaction, limit: number, isLate: () => boolean): void;
  /** The transaction is on disk, whether this claimer took part in it or not. */
  committed(): void;
  rolledBack(): void;
  /** Claiming fails for now. */
  blocked(error: MillraceError): void;
}

/** What the committer tells its owner. */
export interface CommitterEvents {
  /** The connection is of no use any more; the committer has let go of it. */
  onTrouble(trouble: Trouble, store: Store | undefined): void;
  /** The first transaction on this connection succeeded. */
  onProven(): void;
  /** Dead letters over `maxSize` were removed. */
  onEvicted(channel: string, count: number): void;
}

/** Milliseconds of one transaction after which it takes no more work, settles and sends; claims get what is left. */
const shares = { urgent: 3, ordinary: 6, claims: 9 };
/** Milliseconds until the next try when there is no room even for claims. */
const fullPause = 250;
/** Messages read at once; between two such chunks a claimer looks at the time. */
export const claimChunk = 100;

/**
 * Group commit: everything that is asked for within one turn of the event loop becomes one transaction, because the
 * flush to disk costs more than hundreds of rows. Its size is limited by rows and by time, so that the event loop never
 * stops for long; the rest follows in the next turn. Settles come first (they make room), then sends, then claims.
 */
export class Committer {
  /** Monotonic milliseconds of the last statement that succeeded. */
  lastContact = 0;
  readonly #settings: Settings;
  readonly #events: CommitterEvents;
  readonly #urgent: Ring<Work<unknown>> = new Ring();
  readonly #ordinary: Ring<Work<unknown>> = new Ring();
  readonly #claimers: Claimer[] = [];
  readonly #taken: Work<unknown>[] = [];
  readonly #failures = new Map<Work<unknown>, MillraceError>();
  #urgentTaken = 0;
  #store: Store | undefined;
  #isProven = false;
  #refusal: MillraceError;
  #scheduled = false;
  #pause: TimerHandle | undefined;
  #busySince: number | undefined;
  #busyTries = 0;
  #limit: number;
  /** Set when there was no room: settles, claims and sends take turns, so that those that need none go on. */
  #turn: 0 | 1 | 2 | undefined;
  #deadline = 0;

  constructor(settings: Settings, events: CommitterEvents, refusal: MillraceError) {
    this.#settings = settings;
    this.#events = events;
    this.#limit = settings.batchSize;
    this.#refusal = refusal;
  }

  get store(): Store | undefined {
    return this.#store;
  }

  attach(store: Store): void {
    this.#store = store;
    this.#isProven = false;
    this.lastContact = this.#settings.clock.monotonic();
    this.schedule();
  }

  /** Lets go of the connection: what waits and what comes is refused with this error. */
  detach(refusal: MillraceError): void {
    this.#store = undefined;
    this.#refusal = refusal;
    this.#resume();
    this.#failAll(refusal);
  }

  addClaimer(claimer: Claimer): void {
    this.#claimers.push(claimer);
    this.schedule();
  }

  removeClaimer(claimer: Claimer): void {
    const index = this.#claimers.indexOf(claimer);
    if (index >= 0) this.#claimers.splice(index, 1);
  }

  /** In the next transaction. `urgent` is for work that frees something: it overtakes sends. */
  add<T>(work: Work<T>, urgent = false): Promise<T> {
    if (this.#store === undefined) work.fail(this.#refusal, false);
    else {
      (urgent ? this.#urgent : this.#ordinary).push(work as Work<unknown>);
      this.schedule();
    }
    return work.promise;
  }

  schedule(): void {
    if (this.#scheduled || this.#pause !== undefined || this.#store === undefined) return;
    this.#scheduled = true;
    setImmediate(this.#tick);
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    const store = this.#store;
    if (store === undefined || this.#pause !== undefined || !this.#pending) return;
    let committing = false;
    try {
      store.verify();
      store.statements.begin.run();
      this.#fill(store);
      committing = true;
      store.statements.commit.run();
    } catch (error) {
      store.rollback();
      this.#undo(toTrouble(error, store.path), committing);
      return;
    }
    this.#finish();
  };

  get #pending(): boolean {
    return this.#urgent.size > 0 || this.#ordinary.size > 0 || this.#claimers.some((claimer) => claimer.hungry);
  }

  #fill(store: Store): void {
    const { clock, batchSize, deadLimit } = this.#settings;
    const start = clock.monotonic();
    const transaction: Transaction = { store, statements: store.statements, now: store.now(), buried: new Set() };
    const turn = this.#nextTurn();
    if (turn === undefined || turn === 0) this.#take(this.#urgent, transaction, start + shares.urgent);
    this.#urgentTaken = this.#taken.length;
    if (turn === undefined || turn === 2) this.#take(this.#ordinary, transaction, start + shares.ordinary);
    if (turn === undefined || turn === 1) {
      this.#deadline = start + shares.claims;
      for (const claimer of this.#claimers) if (claimer.hungry) claimer.claim(transaction, batchSize, this.#isLate);
      // Whoever came first comes last next time, so that no subscription starves the others.
      const first = this.#claimers.shift();
      if (first !== undefined) this.#claimers.push(first);
    }
    for (const channel of transaction.buried) {
      if (deadLimit === Number.POSITIVE_INFINITY) break;
      const evicted = Number(store.statements.trimDead.run(channel, deadLimit).changes);
      if (evicted > 0) this.#events.onEvicted(channel, evicted);
    }
  }

  readonly #isLate = (): boolean => this.#settings.clock.monotonic() >= this.#deadline;

  /** With little room: the next kind that has something to do. */
  #nextTurn(): 0 | 1 | 2 | undefined {
    if (this.#turn === undefined) return undefined;
    for (let i = 0; i < 3; i += 1) {
      this.#turn = ((this.#turn + 1) % 3) as 0 | 1 | 2;
      if (this.#turn === 0 && this.#urgent.size > 0) break;
      if (this.#turn === 1 && this.#claimers.some((claimer) => claimer.hungry)) break;
      if (this.#turn === 2 && this.#ordinary.size > 0) break;
    }
    return this.#turn;
  }

  #take(queue: Ring<Work<unknown>>, transaction: Transaction, until: number): void {
    const { clock } = this.#settings;
    for (let left = this.#limit, unchecked = 1; left > 0; ) {
      if (unchecked >= 16) {
        if (clock.monotonic() >= until) return;
        unchecked = 0;
      }
      const from = this.#taken.length;
      this.#moveRun(queue, left);
      const count = this.#taken.length - from;
      if (count === 0) return;
      this.#execute(from, transaction);
      left -= count;
      unchecked += count;
    }
  }

  /** Takes the next work, and up to `most` in all that one statement can insert. */
  #moveRun(queue: Ring<Work<unknown>>, most: number): void {
    const first = queue.shift();
    if (first === undefined) return;
    this.#taken.push(first);
    if (!(first instanceof PublishWork && first.isPlain)) return;
    for (let left = Math.min(most, longestRun) - 1; left > 0; left -= 1) {
      const next = queue.peek();
      if (!(next instanceof PublishWork && next.joins(first))) return;
      queue.shift();
      this.#taken.push(next);
    }
  }

  /** Runs what has been taken, from this one on. */
  #execute(from: number, transaction: Transaction): void {
    for (let at = from; at < this.#taken.length; ) {
      const count = nextRun(this.#taken.length - at);
      if (count === 1 || !this.#insertRun(at, count, transaction)) {
        for (let i = at; i < at + count; i += 1) this.#executeOne(this.#taken[i] as Work<unknown>, transaction);
      }
      at += count;
    }
  }

  /** @returns false when the statement failed: which row is to blame shows when each has one of its own */
  #insertRun(from: number, count: number, transaction: Transaction): boolean {
    try {
      insertRun(transaction, this.#taken, from, count);
    } catch (error) {
      this.#ownError(error, transaction.store);
      return false;
    }
    this.#expect(this.#taken[from] as Work<unknown>);
    return true;
  }

  #executeOne(work: Work<unknown>, transaction: Transaction): void {
    try {
      work.execute(transaction);
    } catch (error) {
      this.#failures.set(work, this.#ownError(error, transaction.store));
      return;
    }
    this.#expect(work);
  }

  #expect(work: Work<unknown>): void {
    const channel = this.#claimers.length === 0 ? undefined : work.wakes;
    if (channel !== undefined) for (const claimer of this.#claimers) claimer.expect(channel);
  }

  /** An error of one statement is its work's own; one that ends the transaction is everybody's and thrown again. */
  #ownError(error: unknown, store: Store): MillraceError {
    if (!store.inTransaction) throw error;
    if (error instanceof MillraceError) return error;
    const trouble = toTrouble(error, store.path);
    if (trouble.kind !== "statement") throw trouble;
    return trouble.error;
  }

  #finish(): void {
    this.lastContact = this.#settings.clock.monotonic();
    this.#busySince = undefined;
    this.#busyTries = 0;
    if (this.#turn !== undefined && this.#taken.length > 0) {
      this.#limit = Math.min(this.#settings.batchSize, this.#limit * 2);
      if (this.#turn === 2 && this.#limit === this.#settings.batchSize) this.#turn = undefined;
    }
    const taken = this.#taken.splice(0);
    const failures = this.#failures.size === 0 ? undefined : new Map(this.#failures);
    this.#failures.clear();
    if (!this.#isProven) {
      this.#isProven = true;
      this.#events.onProven();
    }
    for (const work of taken) {
      const failure = failures?.get(work);
      if (failure === undefined) work.done();
      else work.fail(failure, false);
    }
    for (const claimer of [...this.#claimers]) claimer.committed();
    if (this.#pending) this.schedule();
  }

  #undo(trouble: Trouble, committing: boolean): void {
    this.#failures.clear();
    for (const claimer of this.#claimers) claimer.rolledBack();
    const taken = this.#taken.splice(0);
    if (trouble.kind === "busy" || trouble.kind === "full") {
      // Alone in its transaction, hence to blame. Without taking turns it may have been a claim beside it.
      const blamed = trouble.kind === "full" && this.#turn !== undefined && taken.length === 1;
      if (blamed) taken.pop()?.fail(trouble.error, false);
      else if (trouble.kind === "full") this.#limit = Math.max(1, taken.length >> 1);
      const settles = Math.min(this.#urgentTaken, taken.length);
      for (let i = taken.length - 1; i >= 0; i -= 1) {
        (i < settles ? this.#urgent : this.#ordinary).unshift(taken[i] as Work<unknown>);
      }
      if (trouble.kind === "busy") this.#waitForLock(trouble.error);
      else this.#makeRoom(trouble.error, taken.length);
      return;
    }
    const store = this.#store;
    for (const work of taken) work.fail(trouble.error, committing);
    this.detach(trouble.error);
    this.#events.onTrouble(trouble, store);
  }

  #waitForLock(error: MillraceError): void {
    const { clock, busyTimeout } = this.#settings;
    const now = clock.monotonic();
    this.#busySince ??= now;
    if (now - this.#busySince >= busyTimeout) {
      this.#busySince = undefined;
      this.#failAll(error);
      for (const claimer of this.#claimers) claimer.blocked(error);
    }
    this.#busyTries += 1;
    // Short at first, since most transactions take a few milliseconds; random, so that processes do not march in step.
    this.#wait(1 + Math.random() * Math.min(20, 3 + this.#busyTries));
  }

  #makeRoom(error: MillraceError, retried: number): void {
    const claiming = this.#turn === 1;
    this.#turn ??= 2;
    if (retried === 0 && claiming) {
      for (const claimer of this.#claimers) if (claimer.hungry) claimer.blocked(error);
      if (this.#urgent.size === 0 && this.#ordinary.size === 0) this.#wait(fullPause);
    }
    this.schedule();
  }

  #wait(delay: number): void {
    this.#pause = this.#settings.clock.setTimer(() => {
      this.#pause = undefined;
      this.schedule();
    }, delay);
  }

  #resume(): void {
    this.#settings.clock.clearTimer(this.#pause);
    this.#pause = undefined;
    this.#busySince = undefined;
    this.#busyTries = 0;
  }

  #failAll(error: MillraceError): void {
    for (const work of [...this.#urgent.takeAll(), ...this.#ordinary.takeAll()]) work.fail(error, false);
  }
}
