import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// A producer that is gone before the worker starts. They share contracts.ts and a queue, nothing else, and could run on
// two machines with a broker in between. This file only starts them, one after the other.

const folder = mkdtempSync(join(tmpdir(), "millrace-"));
for (const script of ["producer.ts", "worker.ts"]) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { status } = spawnSync(process.execPath, [file], {
    stdio: "inherit",
    env: { ...process.env, JOBS: join(folder, "jobs.db") },
  });
  if (status !== 0) process.exitCode = 1;
}
rmSync(folder, { recursive: true });
