import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerTarget } from "../src/conformance/index.ts";
import { sqlite } from "../src/servers/sqlite/index.ts";

/** One file per case. The folder is made on first use, so that importing this makes none. */
export function sqliteTarget(): ServerTarget & { remove(): void } {
  let folder: string | undefined;
  const path = (namespace: string): string => {
    folder ??= mkdtempSync(join(tmpdir(), "millrace-conformance-"));
    mkdirSync(join(folder, namespace), { recursive: true });
    return join(folder, namespace, "jobs.db");
  };
  return {
    name: "sqlite",
    features: sqlite({ path: "unused.db" }).features,
    create: ({ leaseDuration, namespace }) => sqlite({ path: path(namespace), leaseDuration, sweepInterval: 200 }),
    supportsSecondConnection: true,
    channel: (name) => name,
    leaseDuration: 1000,
    countsOnlyStarted: true,
    cleanUp(namespace) {
      if (folder !== undefined) rmSync(join(folder, namespace), { recursive: true, force: true });
    },
    remove() {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
