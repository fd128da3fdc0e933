import {
  ConnectionError,
  type MillraceError,
  PublishError,
  ServerBusyError,
  ServerCorruptError,
  ServerFullError,
} from "../../server/errors.ts";

/**
 * What kind of trouble the file is in. `statement`: only this statement failed. `busy`: another process has the lock.
 * `full`: no room. `lost`: the file cannot be used now (gone, read-only, I/O error) and is opened again until it can.
 * `broken`: it will never be right by itself.
 */
export type TroubleKind = "statement" | "busy" | "full" | "lost" | "broken";

/** An error of the file together with what it means for us. Never leaves this folder: `error` does. */
export class Trouble extends Error {
  readonly kind: TroubleKind;
  readonly error: MillraceError;
  constructor(kind: TroubleKind, error: MillraceError) {
    super(error.message, { cause: error });
    this.kind = kind;
    this.error = error;
  }
}

const name = (path: string): string => JSON.stringify(path);

/** By primary result code of SQLite (https://www.sqlite.org/rescode.html). */
function byCode(code: number, path: string, options: ErrorOptions): Trouble | undefined {
  switch (code) {
    case 5: // BUSY
    case 6: // LOCKED
    case 15: // PROTOCOL: lost a race for the lock of the write-ahead log
      return new Trouble(
        "busy",
        new ServerBusyError(`SQLite file ${name(path)} is locked by another process.`, options),
      );
    case 13: // FULL
      return new Trouble("full", new ServerFullError(`There is no room left for SQLite file ${name(path)}.`, options));
    case 11: // CORRUPT
    case 24: // FORMAT
      return new Trouble(
        "broken",
        new ServerCorruptError(`SQLite file ${name(path)} is damaged; restore it from a backup.`, options),
      );
    case 26: // NOTADB
      return new Trouble("broken", new ServerCorruptError(`${name(path)} is not an SQLite database.`, options));
    case 8: // READONLY
      return new Trouble(
        "lost",
        new ConnectionError(`SQLite file ${name(path)} cannot be written; check file and folder permissions.`, options),
      );
    case 3: // PERM
    case 14: // CANTOPEN
    case 23: // AUTH
      return new Trouble(
        "lost",
        new ConnectionError(
          `SQLite file ${name(path)} cannot be opened; check that folder and file exist and their permissions.`,
          options,
        ),
      );
    case 7: // NOMEM
    case 10: // IOERR
      return new Trouble("lost", new ConnectionError(`SQLite file ${name(path)} cannot be read or written.`, options));
    default:
      return undefined;
  }
}

/** Puts whatever `node:sqlite` or the file system threw into one of the kinds. */
export function toTrouble(thrown: unknown, path: string): Trouble {
  if (thrown instanceof Trouble) return thrown;
  const { errcode, code } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
    readonly errcode?: unknown;
    readonly code?: unknown;
  };
  const options = { cause: thrown };
  if (typeof errcode === "number") {
    const known = byCode(errcode & 0xff, path, options);
    if (known !== undefined) return known;
  } else if (code === "ENOENT") return byCode(14, path, options) as Trouble;
  else if (code === "ENOSPC" || code === "EDQUOT") return byCode(13, path, options) as Trouble;
  else if (code === "ERR_INVALID_STATE") {
    return new Trouble("lost", new ConnectionError(`The connection to SQLite file ${name(path)} is closed.`, options));
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new Trouble(
    "statement",
    new ConnectionError(`SQLite file ${name(path)} refused a statement: ${text}`, options),
  );
}

/** What a sender gets. `unknown` only when the commit itself failed: it may have reached the disk. */
export function publishError(error: MillraceError, outcome: "failed" | "unknown"): PublishError {
  const text = outcome === "failed" ? "The message was not stored" : "The message may or may not be stored";
  return new PublishError(outcome, `${text}: ${error.message}`, { cause: error });
}
