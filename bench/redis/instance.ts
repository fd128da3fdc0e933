import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { guard } from "../../dev/guard.ts";
import { recipes } from "../../dev/recipes.ts";
import { startBroker, stopProcess } from "../../dev/start-broker.ts";
import { openProbe } from "./probe.ts";

export interface RedisOptions {
  /** Which of those that dev/ knows: `redis`, `redis8`, `valkey`. */
  readonly name: string;
  /** Append every write to a file that is flushed once a second. */
  readonly aof: boolean;
  /** The server's folder is made in it. */
  readonly folder: string;
}

export interface RedisInstance {
  readonly url: string;
  /** What it says it is, and what it does with its data. */
  readonly description: string;
  stop(): Promise<void>;
}

/** The one Redis that all sides of all rows are measured on; it ends with this process. */
export async function startRedis({ name, aof, folder }: RedisOptions): Promise<RedisInstance> {
  const recipe = recipes[name];
  if (recipe?.kind !== "process") throw new Error(`There is no Redis called ${JSON.stringify(name)}.`);
  const given = process.env[recipe.variable];
  if (given) {
    if (aof) throw new Error(`--aof is for a Redis that is started here, not for that of ${recipe.variable}.`);
    await refuseData(given, recipe.variable);
    return { url: given, description: `${await recipe.version(given)}, ${recipe.variable}`, stop: async () => {} };
  }
  const persistence = aof ? ["--appendonly", "yes", "--appendfsync", "everysec"] : ["--appendonly", "no"];
  const own = {
    ...recipe,
    args: ({ port, folder: dir }: { port: number; folder: string }) => {
      return ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", ...persistence];
    },
  };
  const parent = mkdtempSync(join(folder, "millrace-bench-"));
  const sentry = guard(parent);
  const broker = await startBroker(name, own, { parent, say: console.error }).catch((error: unknown) => {
    sentry.release();
    rmSync(parent, { recursive: true, force: true });
    throw error;
  });
  sentry.watch(broker.pid);
  let lives = true;
  void broker.gone.then(() => {
    lives = false;
  });
  const version = await recipe.version(broker.url);
  return {
    url: broker.url,
    description: `${version} (${broker.origin}), ${aof ? "AOF flushed every second" : "nothing kept on disk"}`,
    async stop() {
      await stopProcess(broker.pid, () => lives);
      sentry.release();
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** Rows empty the whole server. */
async function refuseData(url: string, variable: string): Promise<void> {
  const probe = await openProbe(url);
  const keys = await probe.keys().finally(() => probe.close());
  if (keys > 0) throw new Error(`The Redis of ${variable} has ${keys} keys, and the benchmark would delete them.`);
}
