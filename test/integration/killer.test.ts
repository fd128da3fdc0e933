import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";

const worker = fileURLToPath(new URL("../fixtures/integration/killer-worker.ts", import.meta.url));
const deliveryLimit = 6;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-killer-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("one message that kills its process among a thousand good ones ends dead-lettered, and no good one does", async () => {
  const path = join(folder, "jobs.db");
  const app = createApp({ server: sqlite({ path }), logger: false });
  const work = app.actor({ name: "work" }, () => {});
  await app.sendMany(
    work,
    Array.from({ length: 1001 }, (_, i) => (i === 500 ? { i, kill: true } : { i })),
  );
  let crashes = 0;
  for (let over = false; !over; ) {
    const { status, stderr } = spawnSync(process.execPath, [worker, path, String(deliveryLimit)], { encoding: "utf8" });
    over = status === 0;
    if (!over) expect({ status, stderr }).toEqual({ status: 9, stderr: "" });
    if (!over) crashes += 1;
    expect(crashes).toBeLessThanOrEqual(deliveryLimit);
  }
  const dead = await app.deadLetters("default").list();
  expect(dead.map(({ payload, reason }) => [JSON.parse(Buffer.from(payload).toString()), reason.code])).toEqual([
    [{ i: 500, kill: true }, "poison"],
  ]);
  expect(await app.inspect("default")).toMatchObject({ ready: 0, inFlight: 0, delayed: 0, dead: 1 });
  await app.close();
}, 60_000);
