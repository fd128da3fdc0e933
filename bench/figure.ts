import type { Measurement } from "./case.ts";

/** What the sides of a row measured in one run, by their names; a side that is not installed is missing. */
export type Samples = Readonly<Record<string, Measurement | undefined>>;

/** A number that is made of one run of all sides; reported as the median of the runs. */
export interface Figure {
  readonly label: string;
  readonly unit?: string;
  readonly digits: number;
  /** `NaN` when a side is missing. */
  value(run: Samples): number;
  /** Worse than this is a miss. */
  readonly must?: number;
  readonly goal?: number;
  /** Which way is better. Default `high`. */
  readonly better?: "high" | "low";
}

export type Judgement = "reached" | "MISSED" | "not measured";

export function judge({ better = "high" }: Pick<Figure, "better">, value: number, limit: number): Judgement {
  if (Number.isNaN(value)) return "not measured";
  return (better === "high" ? value >= limit : value <= limit) ? "reached" : "MISSED";
}

/** Messages per second. */
export const rate = (sample: Measurement | undefined): number =>
  sample === undefined ? Number.NaN : (sample.messages / sample.wall) * 1000;

/** Microseconds of the processor per message. */
export const cost = (sample: Measurement | undefined): number =>
  sample === undefined ? Number.NaN : sample.cpu / sample.messages;

export const serverCost = (sample: Measurement | undefined): number =>
  sample?.server === undefined ? Number.NaN : sample.server / sample.messages;

export const own = (sample: Measurement | undefined, key: string): number => sample?.figures?.[key] ?? Number.NaN;
