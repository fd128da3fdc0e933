import { mkdirSync, rmSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import type { Options } from "./options.ts";

/** Where the messages wait and where their results are kept. */
export interface Place {
  readonly server: ReturnType<typeof sqlite> | ReturnType<typeof inMemory>;
  /** File of the results; two databases, because the queue's file belongs to millrace alone. */
  readonly results: string;
  /** For people. */
  readonly title: string;
  /** Whether another process finds the messages again. */
  readonly durable: boolean;
}

const defaultFile = fileURLToPath(new URL(".data/webhooks.db", import.meta.url));

/** Adapters are interchangeable: the rest of the example does not know which one it runs on. */
export function openPlace({ server, fresh }: Options): Place {
  const address = server ?? `sqlite:${defaultFile}`;
  const [scheme] = address.split(":", 1);
  if (scheme === "memory") return { server: inMemory(), results: ":memory:", title: "memory", durable: false };
  if (scheme === "sqlite") {
    const path = resolve(address.slice("sqlite:".length).replace(/^\/\//, "") || defaultFile);
    const results = `${path.replace(/\.db$/, "")}.results.db`;
    if (fresh) for (const file of [path, results]) removeDatabase(file);
    mkdirSync(dirname(path), { recursive: true });
    // A killed process holds its messages until their leases end. The default of 30 s suits a production system, where
    // a pause of some seconds must not look like a death; here somebody is watching.
    const queue = sqlite({ path, leaseDuration: "3s", sweepInterval: "500ms" });
    return { server: queue, results, title: `sqlite, ${shortest(path)}`, durable: true };
  }
  throw new TypeError(`--server: expected sqlite:<path> or memory:, got ${address}`);
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
