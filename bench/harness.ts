import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measurement } from "./case.ts";
import type { CaseName } from "./cases/index.ts";
import { cost, rate, serverCost } from "./figure.ts";
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
  /** URL of the Redis that rows may use as they like. */
  readonly redis?: string;
  /** Sides of rows that are not installed. */
  readonly missing: ReadonlySet<string>;
}

export interface Side {
  /** Messages per second. */
  readonly rate: Spread;
  /** Microseconds of the processor per message. */
  readonly cpu: Spread;
  /** Microseconds of the server's processor per message. */
  readonly server?: Spread;
  readonly figures?: Readonly<Record<string, Spread>>;
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
  readonly sides?: Readonly<Record<string, Side>>;
  /** By label. */
  readonly figures?: Readonly<Record<string, Spread>>;
  /** Cores used by other processes in the worst run that counts. */
  readonly others: number;
}

type Sample = Measurement & { readonly total: number };

const script = fileURLToPath(new URL("./sample.ts", import.meta.url));
const execute = promisify(execFile);

async function sample(name: CaseName, { folder, scale, redis }: HarnessOptions): Promise<Sample> {
  const own = mkdtempSync(join(folder, "millrace-bench-"));
  try {
    const argv = [
      "--expose-gc",
      "--no-warnings",
      script,
      name,
      String(scale),
      own,
      ...(redis === undefined ? [] : [redis]),
    ];
    const { stdout } = await execute(process.execPath, argv, { timeout: 600_000 });
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
  /** `ours`, `against` where the row has it, and its other sides. */
  readonly samples: Readonly<Record<string, Sample>>;
  readonly others: number;
}

/** All sides, one directly after the other, each run beginning with another. */
async function runOnce(row: Row, index: number, options: HarnessOptions): Promise<Run> {
  const neighbours = new Neighbours();
  const samples: Record<string, Sample> = {};
  const against = row.against === undefined ? {} : { against: row.against };
  const names: Record<string, CaseName> = { ours: row.ours, ...against, ...row.sides };
  const order = Object.entries(names).filter(([side]) => !options.missing.has(side));
  const first = index % order.length;
  for (const [side, name] of [...order.slice(first), ...order.slice(0, first)]) {
    samples[side] = await sample(name, options);
  }
  const own = Object.values(samples).reduce((sum, { total }) => sum + total, 0);
  return { samples, others: neighbours.share(own) };
}

const time = ({ messages, wall }: Sample): number => (wall / messages) * 1e6;

/** What each of the samples says, where all of them say it. */
function each(samples: readonly Sample[], value: (sample: Sample) => number): Spread | undefined {
  const values = samples.map(value);
  return values.some(Number.isNaN) ? undefined : spread(values);
}

function side(samples: readonly Sample[]): Side {
  const server = each(samples, serverCost);
  const keys = Object.keys(samples[0]?.figures ?? {});
  const figures = keys.map(
    (key) => [key, spread(samples.map((sample) => sample.figures?.[key] ?? Number.NaN))] as const,
  );
  return {
    rate: spread(samples.map(rate)),
    cpu: spread(samples.map(cost)),
    ...(server === undefined ? {} : { server }),
    ...(figures.length === 0 ? {} : { figures: Object.fromEntries(figures) }),
  };
}

/** Of rows with more than two sides. */
function summarizeSides(row: Row, runs: readonly Run[]): Pick<RowResult, "sides" | "figures"> {
  if (row.figures === undefined) return {};
  const sides = Object.keys(row.sides ?? {}).flatMap((name) => {
    const samples = runs.flatMap((run) => run.samples[name] ?? []);
    return samples.length === 0 ? [] : [[name, side(samples)] as const];
  });
  const figures = row.figures.flatMap(({ label, value }) => {
    const values = runs.map((run) => value(run.samples));
    return values.some(Number.isNaN) ? [] : [[label, spread(values)] as const];
  });
  return { sides: Object.fromEntries(sides), figures: Object.fromEntries(figures) };
}

function summarize(row: Row, runs: readonly Run[]): RowResult {
  const ours = runs.map((run) => run.samples["ours"] as Sample);
  const metrics = (row.metrics ?? []).map(({ key }) => {
    return [key, spread(ours.map(({ figures }) => figures?.[key] ?? Number.NaN))] as const;
  });
  const result: RowResult = {
    name: row.name,
    runs: runs.length,
    ours: side(ours),
    metrics: Object.fromEntries(metrics),
    others: Math.max(...runs.map(({ others }) => others)),
    ...summarizeSides(row, runs),
  };
  const pairs = runs.flatMap(({ samples: { ours: own, against: other } }) => {
    return own === undefined || other === undefined ? [] : [[own, other] as const];
  });
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
