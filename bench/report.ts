import { type Result, tolerance } from "./baseline.ts";
import { type Figure, judge } from "./figure.ts";
import { disturbance, type RowResult, type Side } from "./harness.ts";
import type { Machine } from "./machine.ts";
import type { Row } from "./rows.ts";
import type { Spread } from "./stats.ts";

const number = (value: number, digits: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function range({ median, min, max }: Spread, digits: number): string {
  return `${number(median, digits)} (${number(min, digits)} to ${number(max, digits)})`;
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(36)} ${text}`;
}

function sideLine(label: string, { rate, cpu, server }: Side): string {
  const redis = server === undefined ? "" : `, ${range(server, 2)} in Redis`;
  return line(label, `${range(rate, 0)} messages/s, ${range(cpu, 2)} µs CPU per message${redis}`);
}

function figureLine(figure: Figure, found: Spread | undefined, before: Spread | undefined): string {
  const { label, unit, digits, must, goal, better = "high" } = figure;
  const verdict = (name: string, limit: number | undefined): string => {
    const bound = `${name} ${better === "high" ? "≥" : "≤"} ${limit}`;
    return limit === undefined ? "" : `; ${bound}: ${judge(figure, found?.median ?? Number.NaN, limit)}`;
  };
  const text = found === undefined ? "–" : `${range(found, digits)}${unit === undefined ? "" : ` ${unit}`}`;
  const baseline = before === undefined ? "" : `; baseline ${number(before.median, digits)}`;
  return line(label, `${text}${verdict("must", must)}${verdict("goal", goal)}${baseline}`);
}

/** What a row has missed, in words. Empty when all is well. */
export function misses(row: Row, result: RowResult, baseline: RowResult | undefined): string[] {
  const missed: string[] = [];
  const { ratio } = result;
  if (ratio !== undefined && row.must !== undefined && ratio.median < row.must) missed.push(`ratio under ${row.must}`);
  for (const { key, label, max } of row.metrics ?? []) {
    const found = result.metrics[key]?.median ?? Number.NaN;
    if (max !== undefined && !(found <= max)) missed.push(`${label} over ${max}`);
  }
  for (const figure of row.figures ?? []) {
    const { label, must, better = "high" } = figure;
    const [found, before] = [result.figures?.[label]?.median ?? Number.NaN, baseline?.figures?.[label]?.median];
    if (must !== undefined && judge(figure, found, must) !== "reached") {
      missed.push(
        Number.isNaN(found) ? `${label} not measured` : `${label} ${better === "high" ? "under" : "over"} ${must}`,
      );
    }
    const bound = (before ?? Number.NaN) * (better === "high" ? 1 - tolerance : 1 + tolerance);
    if (judge(figure, found, bound) === "MISSED" && !Number.isNaN(bound) && must !== undefined) {
      missed.push(`${label} more than ${tolerance * 100} % worse than the baseline`);
    }
  }
  if (ratio !== undefined && baseline?.ratio !== undefined && ratio.median < baseline.ratio.median * (1 - tolerance)) {
    missed.push(`ratio more than ${tolerance * 100} % under the baseline`);
  }
  return missed;
}

function ratioText(row: Row, ratio: Spread, baseline: RowResult | undefined): string {
  const verdict = (name: string, limit: number | undefined): string =>
    limit === undefined ? "" : `; ${name} ${limit}: ${ratio.median >= limit ? "reached" : "MISSED"}`;
  const before = baseline?.ratio === undefined ? "" : `; baseline ${number(baseline.ratio.median, 2)}`;
  return `${range(ratio, 2)}${verdict("must", row.must)}${verdict("goal", row.goal)}${before}`;
}

export function rowText(row: Row, result: RowResult, baseline: RowResult | undefined): string {
  const lines = [`${row.name}: ${row.title}`];
  if (result.ratio !== undefined) lines.push(line("ratio", ratioText(row, result.ratio, baseline)));
  if (result.cpuRatio !== undefined) lines.push(line("ratio by CPU", range(result.cpuRatio, 2)));
  if (result.price !== undefined) lines.push(line("price", `${range(result.price, 0)} ns per message`));
  lines.push(sideLine("ours", result.ours));
  if (result.against !== undefined) lines.push(sideLine(row.compare === "price" ? "without" : "bare", result.against));
  for (const { key, label, unit, digits, max } of row.metrics ?? []) {
    const found = result.metrics[key];
    if (found === undefined) continue;
    const limit = max === undefined ? "" : `; at most ${max}: ${found.median <= max ? "reached" : "MISSED"}`;
    lines.push(line(label, `${range(found, digits)} ${unit}${limit}`));
  }
  for (const [name, side] of Object.entries(result.sides ?? {})) lines.push(sideLine(name, side));
  for (const figure of row.figures ?? []) {
    lines.push(figureLine(figure, result.figures?.[figure.label], baseline?.figures?.[figure.label]));
  }
  if (result.others > disturbance) {
    const share = `${number(result.others * 100, 0)} % of a core`;
    lines.push(line("warning", `other processes used up to ${share} meanwhile: do not rely on this row`));
  }
  return lines.join("\n");
}

export function machineText({ cpu, cores, memory, system, disk, node, sqlite }: Machine): string {
  const disks = disk === "tmpfs" ? "tmpfs (flushes cost nothing here: use --dir for a real disk)" : disk;
  return `${cpu}, ${cores} cores, ${memory}, ${system}, ${disks}; Node ${node}, SQLite ${sqlite}`;
}

export function loadText({ before, after }: Result["load"]): string {
  return `load average of one minute: ${number(before, 2)} before, ${number(after, 2)} after`;
}
