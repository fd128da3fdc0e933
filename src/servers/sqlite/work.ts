import type { MillraceError } from "../../server/errors.ts";
import type { Statements } from "./statements.ts";
import type { Store } from "./store.ts";

/** The transaction of one tick. */
export interface Transaction {
  readonly store: Store;
  readonly statements: Statements;
  /** By SQLite's clock, milliseconds since the epoch. */
  readonly now: number;
  /** Channels that got a dead letter; their oldest are dropped before the commit if there are too many. */
  readonly buried: Set<string>;
}

/** One thing that somebody wants done in the next transaction, and waits for. */
export abstract class Work<T = void> {
  /** Resolves once the transaction is on disk. */
  readonly promise: Promise<T>;
  protected result: T | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve as (value: unknown) => void;
      this.#reject = reject;
    });
  }

  /** Channel in which this made messages ready, for the subscriptions of this process. */
  get wakes(): string | undefined {
    return undefined;
  }

  /** May be called again: its transaction can be rolled back on account of a neighbour. An error fails this work only. */
  execute(transaction: Transaction): void {
    this.result = this.run(transaction);
  }

  /** The transaction is committed. */
  done(): void {
    this.#resolve(this.result);
  }

  /** @param unknown the commit itself failed: what was run may be on disk nevertheless */
  fail(error: MillraceError, _unknown: boolean): void {
    this.#reject(error);
  }

  protected abstract run(transaction: Transaction): T;
}

/** Runs several statements of one work as one: all of them or none. */
export function atomically<T>({ statements, store }: Transaction, run: () => T): T {
  statements.savepoint.run();
  try {
    const result = run();
    statements.release.run();
    return result;
  } catch (error) {
    if (store.inTransaction) {
      statements.undo.run();
      statements.release.run();
    }
    throw error;
  }
}

/** A work given as a function; for everything that is not on the hot path. */
export class Task<T> extends Work<T> {
  readonly #run: (transaction: Transaction) => T;
  readonly #wakes: string | undefined;
  constructor(run: (transaction: Transaction) => T, wakes?: string) {
    super();
    this.#run = run;
    this.#wakes = wakes;
  }
  override get wakes(): string | undefined {
    return this.#wakes;
  }
  protected run(transaction: Transaction): T {
    return this.#run(transaction);
  }
}
