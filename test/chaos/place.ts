import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { requireProgram } from "../brokers.ts";
import { startRedis } from "../redis/redis-process.ts";

/** Where the messages of a run are. */
export interface Place {
  /** By which the workers find it: `sqlite:<path>` or a Redis URL. */
  readonly address: string;
  /** Kills the broker and starts it again; absent where there is none. */
  readonly restart?: () => Promise<void>;
  /** What must be true once all is done; resolves to what is wrong. */
  check(): Promise<string | undefined>;
  close(): Promise<void>;
}

export async function openPlace(kind: string, folder: string): Promise<Place> {
  if (kind === "sqlite") return sqlitePlace(join(folder, "chaos.db"));
  if (kind === "redis") return redisPlace();
  throw new TypeError(`--server: expected sqlite or redis, got ${kind}`);
}

function sqlitePlace(path: string): Place {
  return {
    address: `sqlite:${path}`,
    async check() {
      const database = new DatabaseSync(path);
      const verdict = database.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
      database.close();
      return verdict === "ok" ? undefined : `integrity check: ${verdict}`;
    },
    async close() {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    },
  };
}

/** A Redis of its own that has every write on disk before it answers. */
async function redisPlace(): Promise<Place> {
  if ((await requireProgram("redis")) === undefined)
    throw new Error("there is no Redis to be had: see CONTRIBUTING.md");
  const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  return {
    address: server.url,
    async restart() {
      await server.kill();
      await server.start();
    },
    async check() {
      // What is settled has left no trace: neither an entry nor a pending one.
      const left = await server.command("XLEN", "millrace:{chaos}");
      const pending = (await server.command("XPENDING", "millrace:{chaos}", "millrace")) as readonly unknown[];
      return left === 0 && pending[0] === 0 ? undefined : `${left} entries and ${pending[0]} pending ones are left`;
    },
    close: () => server.stop(),
  };
}
