import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CaseName, cases } from "./cases/index.ts";
import { startRedis } from "./redis/instance.ts";
import { rows } from "./rows.ts";

/** Where the time of our side of a row goes: `node bench/profile.ts <row or case> [--top n] [--scale x]`. */
interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { top: { type: "string", default: "35" }, scale: { type: "string", default: "1" } },
});
const asked = positionals[0] ?? "";
const name = rows.find((row) => row.name === asked)?.ours ?? asked;
if (!(name in cases)) {
  console.error(`usage: node bench/profile.ts <row or case> [--top n] [--scale x]\n\n${Object.keys(cases).join("\n")}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "millrace-profile-"));

/** Of what a Redis case starts, only the process that is measured has a profile, beside the one that waits for it. */
function record(one: CaseName, redis: string | undefined): Profile {
  const data = join(folder, "data");
  mkdirSync(data);
  const sample = fileURLToPath(new URL("./sample.ts", import.meta.url));
  const flags = ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${folder}`];
  const argv = [
    ...flags,
    "--expose-gc",
    "--no-warnings",
    sample,
    one,
    values.scale,
    data,
    ...(redis === undefined ? [] : [redis]),
  ];
  const measured = execFileSync(process.execPath, argv, { encoding: "utf8" });
  console.log(`${one}: ${measured}\n`);
  const profiles = readdirSync(folder)
    .filter((entry) => entry.endsWith(".cpuprofile"))
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Profile);
  return profiles.toSorted((a, b) => busy(b) - busy(a))[0] as Profile;
}

/** Microseconds in which it did something. */
function busy({ nodes, samples, timeDeltas }: Profile): number {
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id));
  return timeDeltas.reduce((sum, delta, index) => (idle.has(samples[index] as number) ? sum : sum + delta), 0);
}

/** `dist/runtime/runner.js:12`, without what stands before the package. */
function place({ url, lineNumber }: CallFrame): string {
  if (url === "") return "(engine)";
  const path = url.replace(/^file:\/\//, "");
  const short = path.match(/(?:node_modules|\/dist|\/bench)\/.*$/)?.[0].replace(/^\//, "") ?? path;
  return `${short}:${lineNumber + 1}`;
}

/** Which part of the program a function belongs to. */
function part({ functionName, url }: CallFrame): string {
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(idle)") return "idle";
  const own = url.match(/\/dist\/(servers\/[^/]+|[^/]+)\//)?.[1];
  if (own !== undefined && !url.includes("node_modules")) return `millrace ${own}`;
  if (url.includes("node_modules")) return (url.match(/node_modules\/([^/]+)/)?.[1] as string) ?? "packages";
  if (url.includes("/bench/")) return "benchmark";
  return url === "" ? "engine and native (JSON, SQLite, Buffer)" : "node";
}

function ranking(times: ReadonlyMap<string, number>, total: number, top: number): string {
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, top)
    .map(
      ([what, time]) =>
        `${((time / total) * 100).toFixed(1).padStart(6)} %  ${(time / 1000).toFixed(0).padStart(6)} ms  ${what}`,
    )
    .join("\n");
}

const redis = asked.startsWith("redis") ? await startRedis({ name: "redis", aof: false, folder }) : undefined;
try {
  const { nodes, samples, timeDeltas } = record(name as CaseName, redis?.url);
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const functions = new Map<string, number>();
  const parts = new Map<string, number>();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id) as CallFrame;
    const time = timeDeltas[index] ?? 0;
    const label = `${frame.functionName || "(anonymous)"}  ${place(frame)}`;
    functions.set(label, (functions.get(label) ?? 0) + time);
    parts.set(part(frame), (parts.get(part(frame)) ?? 0) + time);
    total += time;
  }
  console.log(
    `Self time by part (of ${(total / 1000).toFixed(0)} ms, start and warm-up included)\n${ranking(parts, total, 20)}\n`,
  );
  console.log(`Self time by function\n${ranking(functions, total, Number(values.top))}`);
} finally {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
}
