import { statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ConnectionError, OptionError, ServerCorruptError } from "../../server/errors.ts";
import { migrate } from "./layout.ts";
import type { Settings } from "./options.ts";
import { prepareStatements, type Statements } from "./statements.ts";
import { Trouble, toTrouble } from "./trouble.ts";

/** File systems over a network (NFS, SMB 1 to 3) by their magic number on Linux. Locks and shared memory fail there. */
const networks: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42]);

type Constructor = typeof DatabaseSync;

/** One open connection to the file. Every method throws {@link Trouble}, or the error of a single statement as is. */
export class Store {
  readonly path: string;
  readonly statements: Statements;
  readonly #db: DatabaseSync;
  readonly #device: number;
  readonly #inode: number;
  readonly #extra = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.path = path;
    const { dev, ino } = statSync(path);
    this.#device = dev;
    this.#inode = ino;
    this.statements = prepareStatements(db);
  }

  /**
   * Opens the file and brings it into shape.
   * @param create whether a missing file is created
   */
  static open(DatabaseSync: Constructor, settings: Settings, create: boolean): Store {
    const path = resolve(settings.path);
    let db: DatabaseSync | undefined;
    try {
      refuseNetwork(path);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined && !create) {
        throw new Trouble("lost", new ConnectionError(`SQLite file ${JSON.stringify(path)} does not exist.`));
      }
      if (found !== undefined && !found.isFile()) {
        throw new Trouble("broken", new ConnectionError(`${JSON.stringify(path)} is not a file.`));
      }
      // No waiting inside SQLite: it would block the event loop. Whoever finds the file locked tries again later.
      db = new DatabaseSync(path, { timeout: 0 });
      setUp(db, settings.synchronous);
      migrate(db, path);
      return new Store(db, path);
    } catch (error) {
      db?.close();
      throw toTrouble(error, path);
    }
  }

  /** A statement that is not on the hot path; prepared when first used. */
  prepare(text: string): StatementSync {
    let statement = this.#extra.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#extra.set(text, statement);
    }
    return statement;
  }

  /** Checks that the path still leads to the open file: a message stored in a deleted file would be lost unnoticed. */
  verify(): void {
    let found: ReturnType<typeof statSync>;
    try {
      found = statSync(this.path, { throwIfNoEntry: false });
    } catch (error) {
      throw toTrouble(error, this.path);
    }
    if (found?.ino === this.#inode && found.dev === this.#device) return;
    const what = found === undefined ? "was deleted or moved" : "was replaced by another file";
    const text = `SQLite file ${JSON.stringify(this.path)} ${what} while in use. Put it back to go on.`;
    throw new Trouble("lost", new ServerCorruptError(text));
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  now(): number {
    return this.statements.now.get()?.["now"] as number;
  }

  /** Changes when another connection has written to the file. */
  dataVersion(): number {
    return this.statements.dataVersion.get()?.["data_version"] as number;
  }

  rollback(): void {
    try {
      if (this.#db.isTransaction) this.statements.rollback.run();
    } catch {
      // The connection is beyond use then, which the caller's own error says already.
    }
  }

  /** Never throws: what could not be closed is closed with the process. */
  close(): void {
    try {
      this.#db.close();
    } catch {
      // Closed before.
    }
  }
}

function refuseNetwork(path: string): void {
  let type: number;
  try {
    type = statfsSync(dirname(path)).type;
  } catch {
    return; // A missing folder is reported by the attempt to open the file.
  }
  if (networks.has(type)) {
    throw new Trouble(
      "broken",
      new OptionError(`SQLite file ${JSON.stringify(path)} is on a network file system, where its locks do not work.`),
    );
  }
}

function setUp(db: DatabaseSync, synchronous: "full" | "normal"): void {
  const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") {
    const text = `SQLite cannot keep a write-ahead log here (journal mode ${String(mode)}); use a local disk.`;
    throw new Trouble("broken", new ConnectionError(text));
  }
  // fullfsync matters on macOS only, where a plain flush does not reach the disk itself.
  db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA fullfsync = ${synchronous === "full" ? 1 : 0}`);
  db.exec("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF");
}
