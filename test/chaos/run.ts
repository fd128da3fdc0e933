import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";

/**
 * Kills and stops workers at random under load, then checks the ledger in the words of queue checkers: attempt,
 * acknowledged, ok, lost, unexpected, duplicated, recovered. Exit code 1 when a guarantee is broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    rounds: { type: "string", default: "20" },
    messages: { type: "string", default: "20000" },
  },
});
let seed = Number(values.seed);
/** A small deterministic generator (mulberry32, Tommy Ettinger, public domain): a run can be repeated by its seed. */
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

const workers = 4;
const heldPerWorker = 60;
const folder = mkdtempSync(join(tmpdir(), "millrace-chaos-"));
const path = join(folder, "chaos.db");
const ledger = join(folder, "ledger.jsonl");
const script = fileURLToPath(new URL("./worker.ts", import.meta.url));
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const start = (): ChildProcess => spawn(process.execPath, [script, path, ledger], { stdio: "inherit" });

console.log(`seed ${values.seed}, node ${process.version}, ${values.rounds} faults, ${values.messages} messages`);
const app = createApp({ server: sqlite({ path }), logger: false });
const work = app.actor({ name: "work", channel: "chaos" }, () => {});
const acknowledged = new Set<string>();
await app.connect();
const pool = Array.from({ length: workers }, start);
const total = Number(values.messages);
const producing = (async () => {
  for (let sent = 0; sent < total; sent += 100) {
    const results = await app.sendMany(work, new Array(Math.min(100, total - sent)).fill({ some: "data" }));
    for (const { id } of results) acknowledged.add(id);
    await pause(20);
  }
})();

let kills = 0;
let stops = 0;
for (let round = 0; round < Number(values.rounds); round += 1) {
  await pause(200 + random() * 600);
  const index = Math.floor(random() * workers);
  const victim = pool[index];
  if (victim === undefined) continue;
  if (random() < 0.25) {
    console.log(`round ${round}: SIGSTOP for two leases, then SIGCONT`);
    victim.kill("SIGSTOP");
    await pause(4500);
    victim.kill("SIGCONT");
    stops += 1;
  } else {
    console.log(`round ${round}: SIGKILL`);
    victim.kill("SIGKILL");
    kills += 1;
    await pause(random() * 300);
    pool[index] = start();
  }
}
await producing;
for (let empty = false; !empty; ) {
  await pause(100);
  const { ready, inFlight, delayed } = await app.inspect("chaos");
  empty = ready + inFlight + delayed === 0;
}
const dead = await app.deadLetters("chaos").count();
const exits = pool.map((child) => new Promise<number | null>((resolve) => child.once("exit", resolve)));
for (const child of pool) child.kill("SIGTERM");
const codes = await Promise.all(exits);
await app.close();

const starts = new Map<string, number>();
const ends = new Map<string, number>();
let leasesLost = 0;
for (const line of readFileSync(ledger, "utf8").split("\n")) {
  if (line === "") continue;
  const entry = JSON.parse(line) as { start?: string; end?: string; log?: { event: string } };
  if (entry.start !== undefined) starts.set(entry.start, (starts.get(entry.start) ?? 0) + 1);
  if (entry.end !== undefined) ends.set(entry.end, (ends.get(entry.end) ?? 0) + 1);
  if (entry.log?.event === "message.lease.lost") leasesLost += 1;
}
const database = new DatabaseSync(path);
const integrity = database.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
database.close();
const lost = [...acknowledged].filter((id) => !ends.has(id)).length;
const duplicated = [...ends.values()].reduce((sum, count) => sum + count - 1, 0);
const unexpected = [...ends.keys()].filter((id) => !acknowledged.has(id)).length;
const recovered = [...starts].filter(([id, count]) => count > (ends.get(id) ?? 0)).length;
const bound = (kills + stops) * heldPerWorker;
console.log({
  attempt: total,
  acknowledged: acknowledged.size,
  ok: ends.size,
  ...{ lost, unexpected, duplicated, recovered, dead, leasesLost, kills, stops, bound, integrity, codes },
});
// A code of null: the signal came before the worker had got as far as listening for it.
const broken = lost > 0 || unexpected > 0 || duplicated > bound || dead > 0 || integrity !== "ok";
rmSync(folder, { recursive: true, force: true });
console.log(broken ? "BROKEN" : "all guarantees held");
process.exitCode = broken || codes.some((code) => code !== 0 && code !== null) ? 1 : 0;
