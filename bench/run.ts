import { mkdirSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Result, readBaseline, saveBaseline } from "./baseline.ts";
import { type HarnessOptions, measure, type RowResult } from "./harness.ts";
import { describeMachine } from "./machine.ts";
import { type RedisInstance, startRedis } from "./redis/instance.ts";
import { installPeers, missingPeers } from "./redis/peers.ts";
import { loadText, machineText, misses, rowText } from "./report.ts";
import { type Row, rows } from "./rows.ts";

const usage = `usage: npm run bench -- [options]

  --only <names>     rows whose names start with one of these (comma-separated)
  --runs <n>         runs of each row, default 5
  --quick            2 runs of a tenth of the messages: does it work, not how fast is it
  --patience <s>     seconds per row to wait for a quiet machine and to repeat disturbed runs, default 0
  --dir <folder>     where database files go, default the folder for temporary files
  --redis <name>     which Redis: redis (default), redis8, valkey; or set MILLRACE_REDIS_URL
  --aof              Redis appends every write to a file that is flushed once a second
  --json             the result as JSON on stdout
  --save             keep the result in bench/baseline.json
  --strict           exit 1 when a must is missed or a ratio fell by more than the tolerance
  --list             names of the rows`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    runs: { type: "string" },
    quick: { type: "boolean", default: false },
    patience: { type: "string", default: "0" },
    dir: { type: "string", default: tmpdir() },
    redis: { type: "string", default: "redis" },
    aof: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

if (values.help) {
  console.log(usage);
  process.exit();
}
const wanted = values.only?.split(",");
const chosen = rows.filter(({ name }) => wanted === undefined || wanted.some((prefix) => name.startsWith(prefix)));
if (chosen.length === 0) fail(`No row is called ${values.only}. There are: ${rows.map(({ name }) => name).join(", ")}`);
if (values.list) {
  console.log(chosen.map(({ name, title }) => `${name.padEnd(26)} ${title}`).join("\n"));
  process.exit();
}

const folder = resolve(values.dir);
mkdirSync(folder, { recursive: true });
const runs = {
  runs: Number(values.runs ?? (values.quick ? 2 : 5)),
  scale: values.quick ? 0.1 : 1,
  folder,
  patience: Number(values.patience),
  missing: missingPeers(),
};
if (!Number.isInteger(runs.runs) || runs.runs < 1) fail("Expected --runs to be an integer of at least 1.");
if (!(runs.patience >= 0)) fail("Expected --patience to be a number of seconds.");
if (values.save && values.quick) fail("A quick run is no baseline.");

/** One for all rows, if one of them needs it. */
async function redisFor(list: readonly Row[]): Promise<RedisInstance | undefined> {
  if (!list.some(({ sides }) => sides !== undefined)) return undefined;
  const lacking = [...runs.missing].filter((side) => list.some(({ sides }) => sides !== undefined && side in sides));
  if (lacking.length > 0) say(`Not installed, so not measured: ${lacking.join(", ")}. Install: ${installPeers}\n`);
  return await startRedis({ name: values.redis, aof: values.aof, folder }).catch((error: unknown) =>
    fail(error instanceof Error ? error.message : String(error)),
  );
}

const say = (text: string): void => (values.json ? console.error(text) : console.log(text));
const machine = describeMachine(folder);
const before = loadavg()[0] ?? 0;
const redis = await redisFor(chosen);
const options: HarnessOptions = { ...runs, ...(redis === undefined ? {} : { redis: redis.url }) };
say(`${machineText(machine)}${redis === undefined ? "" : `\n${redis.description}`}`);
say(`${options.runs} runs, median (range)\n`);

const baseline = readBaseline();
const results: RowResult[] = [];
const missed: string[] = [];
try {
  for (const row of chosen) {
    const known = baseline?.rows.find(({ name }) => name === row.name);
    const result = await measure(row, options);
    results.push(result);
    missed.push(...misses(row, result, known).map((what) => `${row.name}: ${what}`));
    say(`${rowText(row, result, known)}\n`);
  }
} finally {
  await redis?.stop();
}

const load = { before, after: loadavg()[0] ?? 0 };
const used = redis === undefined ? {} : { redis: redis.description };
const result: Result = { machine, ...used, scale: options.scale, load, rows: results };
say(loadText(result.load));
if (values.quick) say("A quick run: its figures are too rough to judge by.");
else say(missed.length === 0 ? "Nothing is missed." : `Missed:\n${missed.map((what) => `  ${what}`).join("\n")}`);
if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
if (values.save) saveBaseline(result);
if (values.strict && !values.quick && missed.length > 0) process.exitCode = 1;
