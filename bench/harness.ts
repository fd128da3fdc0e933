import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measurement } from "./case.ts";
import type { CaseName } from "./cases/index.ts";
import { Neighbours } from "./machine.ts";
import type { Row } from "./rows.ts";
import { type Spread, spread } from "./stats.ts";

/** More of one core than this makes a run doubtful. */
export const disturbance = 0.2;

export interface HarnessOptions {
  readonly runs: number;
  readonly scale: number;
  /** Folder for database files; where it is decides which disk is measured. */
  readonly folder: string;
  /** Seconds per row to spend on waiting for a quiet machine and on repeating disturbed runs. */
  readonly patience: number;
}

export interface Side {
  /** Messages per second. */
  readonly rate: Spread;
  /** Microseconds of the processor per message. */
  readonly cpu: Spread;
}

export interface RowResult {
  readonly name: string;
  readonly runs: number;
  readonly ratio?: Spread;
  /** Ratio of the processor time per message: less sensitive to neighbours, and to waiting for the disk. */
  readonly cpuRatio?: Spread;
  /** Nanoseconds per message. */
  readonly price?: Spread;
  readonly ours: Side;
  readonly against?: Side;
  readonly metrics: Readonly<Record<string, Spread>>;
  /** Cores used by other processes in the worst run that counts. */
  readonly others: number;
}

type Sample = Measurement & { readonly total: number };

const script = fileURLToPath(new URL("./sample.ts", import.meta.url));
const execute = promisify(execFile);

async function sample(name: CaseName, { folder, scale }: HarnessOptions): Promise<Sample> {
  const own = mkdtempSync(join(folder, "millrace-bench-"));
  try {
    const argv = ["--expose-gc", "--no-warnings", script, name, String(scale), own];
    const { stdout } = await execute(process.execPath, argv);
    return JSON.parse(stdout) as Sample;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Waits until the others are quiet, at most so many milliseconds. */
async function quiet(limit: number): Promise<void> {
  for (const end = performance.now() + limit; performance.now() < end; ) {
    const neighbours = new Neighbours();
    await sleep(500);
    if (neighbours.share(0) < disturbance / 2) return;
  }
}

interface Run {
  readonly ours: Sample;
  readonly against: Sample | undefined;
  readonly others: number;
}

/** Both sides, one directly after the other, in turns first. */
async function runOnce(row: Row, index: number, options: HarnessOptions): Promise<Run> {
  const neighbours = new Neighbours();
  const samples = new Map<CaseName, Sample>();
  const order = row.against === undefined ? [row.ours] : [row.ours, row.against];
  if (index % 2 === 1) order.reverse();
  for (const name of order) samples.set(name, await sample(name, options));
  const own = [...samples.values()].reduce((sum, { total }) => sum + total, 0);
  return {
    ours: samples.get(row.ours) as Sample,
    against: row.against === undefined ? undefined : samples.get(row.against),
    others: neighbours.share(own),
  };
}

const rate = ({ messages, wall }: Sample): number => (messages / wall) * 1000;
const cost = ({ messages, cpu }: Sample): number => cpu / messages;
const time = ({ messages, wall }: Sample): number => (wall / messages) * 1e6;
const side = (samples: readonly Sample[]): Side => ({
  rate: spread(samples.map(rate)),
  cpu: spread(samples.map(cost)),
});

function summarize(row: Row, runs: readonly Run[]): RowResult {
  const ours = runs.map((run) => run.ours);
  const metrics = (row.metrics ?? []).map(({ key }) => {
    return [key, spread(ours.map(({ figures }) => figures?.[key] ?? Number.NaN))] as const;
  });
  const result: RowResult = {
    name: row.name,
    runs: runs.length,
    ours: side(ours),
    metrics: Object.fromEntries(metrics),
    others: Math.max(...runs.map(({ others }) => others)),
  };
  const pairs = runs.flatMap((run) => (run.against === undefined ? [] : [[run.ours, run.against] as const]));
  if (pairs.length === 0) return result;
  const against = side(pairs.map(([, other]) => other));
  if (row.compare === "price") return { ...result, against, price: spread(pairs.map(([a, b]) => time(a) - time(b))) };
  const ratio = spread(pairs.map(([a, b]) => rate(a) / rate(b)));
  const cpuRatio = spread(pairs.map(([a, b]) => cost(b) / cost(a)));
  return { ...result, against, ratio, cpuRatio };
}

export async function measure(row: Row, options: HarnessOptions): Promise<RowResult> {
  const end = performance.now() + options.patience * 1000;
  const runs: Run[] = [];
  while (runs.length < options.runs) {
    await quiet(end - performance.now());
    const run = await runOnce(row, runs.length, options);
    if (run.others <= disturbance || performance.now() >= end) runs.push(run);
  }
  return summarize(row, runs);
}
