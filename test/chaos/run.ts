import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createApp, PublishManyError } from "millrace";
import { readLedger } from "./ledger.ts";
import { openPlace } from "./place.ts";
import { serverAt } from "./server-at.ts";

/**
 * Kills and stops workers at random under load, and the broker where there is one, then checks the ledger in the words of queue
 * checkers: attempt, acknowledged, ok, lost, unexpected, duplicated, recovered. Exit code 1 when a guarantee is broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    rounds: { type: "string", default: "20" },
    messages: { type: "string", default: "20000" },
    server: { type: "string", default: "sqlite" },
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
const place = await openPlace(values.server, folder);
const ledger = join(folder, "ledger.jsonl");
const script = fileURLToPath(new URL("./worker.ts", import.meta.url));
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const start = (): ChildProcess => spawn(process.execPath, [script, place.address, ledger], { stdio: "inherit" });

const { seed: from, rounds, messages, server } = values;
console.log(`seed ${from}, ${server}, node ${process.version}, ${rounds} faults, ${messages} messages`);
const app = createApp({ server: serverAt(place.address), logger: false });
const work = app.actor({ name: "work", channel: "chaos" }, () => {});
const acknowledged = new Set<string>();
/** Sends of which nobody knows what became of them: their messages may run or not. */
let unknown = 0;
await app.connect();
const pool = Array.from({ length: workers }, start);
const total = Number(messages);

async function sendSome(count: number): Promise<void> {
  try {
    for (const { id } of await app.sendMany(work, new Array(count).fill({ some: "data" }))) acknowledged.add(id);
  } catch (error) {
    if (!(error instanceof PublishManyError)) throw error;
    for (const result of error.results) {
      if (result instanceof Error) unknown += 1;
      else acknowledged.add((result as { readonly id: string }).id);
    }
    await pause(100);
  }
}

const producing = (async () => {
  for (let sent = 0; sent < total; sent += 100) {
    await sendSome(Math.min(100, total - sent));
    await pause(20);
  }
})();

let kills = 0;
let stops = 0;
let restarts = 0;
for (let round = 0; round < Number(rounds); round += 1) {
  await pause(200 + random() * 600);
  const index = Math.floor(random() * workers);
  const victim = pool[index];
  if (victim === undefined) continue;
  const chance = random();
  if (place.restart !== undefined && (chance < 0.15 || round === Math.floor(Number(rounds) / 2))) {
    console.log(`round ${round}: SIGKILL of the broker`);
    await place.restart();
    restarts += 1;
  } else if (chance < 0.4) {
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
for (let left = 1; left > 0; ) {
  await pause(100);
  try {
    const { ready, inFlight, delayed } = await app.inspect("chaos");
    left = ready + inFlight + delayed;
  } catch {
    // The broker was killed a moment ago.
  }
}
const dead = await app.deadLetters("chaos").count();
const exits = pool.map((child) => new Promise<number | null>((resolve) => child.once("exit", resolve)));
for (const child of pool) child.kill("SIGTERM");
const codes = await Promise.all(exits);
await app.close();

const { starts, ends, leasesLost } = readLedger(ledger);
const wrong = await place.check();
const lost = [...acknowledged].filter((id) => !ends.has(id)).length;
const duplicated = [...ends.values()].reduce((sum, count) => sum + count - 1, 0);
const strange = [...ends.keys()].filter((id) => !acknowledged.has(id)).length;
const unexpected = Math.max(0, strange - unknown);
const recovered = [...starts].filter(([id, count]) => count > (ends.get(id) ?? 0)).length;
// A broker that restarts cuts off every worker at once: what was settled and not answered runs again.
const bound = (kills + stops + restarts * workers) * heldPerWorker;
console.log({
  attempt: total,
  acknowledged: acknowledged.size,
  ok: ends.size,
  ...{
    lost,
    unknown,
    unexpected,
    duplicated,
    recovered,
    dead,
    leasesLost,
    kills,
    stops,
    restarts,
    bound,
    wrong,
    codes,
  },
});
// A code of null: the signal came before the worker had got as far as listening for it.
const broken = lost > 0 || unexpected > 0 || duplicated > bound || dead > 0 || wrong !== undefined;
await place.close();
rmSync(folder, { recursive: true, force: true });
console.log(broken ? "BROKEN" : "all guarantees held");
process.exitCode = broken || codes.some((code) => code !== 0 && code !== null) ? 1 : 0;
