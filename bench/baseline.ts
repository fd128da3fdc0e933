import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RowResult } from "./harness.ts";
import type { Machine } from "./machine.ts";

/** What `--json` prints and `--save` keeps. */
export interface Result {
  readonly machine: Machine;
  /** Which Redis, where rows needed one. */
  readonly redis?: string;
  readonly scale: number;
  /** Load averages of one minute. */
  readonly load: { readonly before: number; readonly after: number };
  readonly rows: readonly RowResult[];
}

const path = fileURLToPath(new URL("./baseline.json", import.meta.url));

/** A ratio may fall by this share before it counts as worse. */
export const tolerance = 0.1;

export function readBaseline(): Result | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Result) : undefined;
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

/** Rows that were not measured this time stay as they were. */
export function saveBaseline(result: Result): void {
  const before = readBaseline();
  const redis = result.redis ?? before?.redis;
  const rows = new Map(before?.rows.map((row) => [row.name, row]));
  for (const row of result.rows) rows.set(row.name, row);
  writeFileSync(
    path,
    `${JSON.stringify({ ...result, ...(redis && { redis }), rows: [...rows.values()] }, rounded, 2)}\n`,
  );
}
