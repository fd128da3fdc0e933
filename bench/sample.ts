import { type CaseName, cases } from "./cases/index.ts";

/**
 * One run of one case, in this process, which does nothing else:
 *
 *     node --expose-gc bench/sample.ts <case> <scale> <folder> [url of a Redis]
 *
 * Prints what it measured as JSON.
 */
const [name = "", scale = "1", folder = ".", redis] = process.argv.slice(2);
const run = cases[name as CaseName];
if (run === undefined) throw new Error(`There is no case ${JSON.stringify(name)}.`);
const measured = await run({ scale: Number(scale), folder, ...(redis === undefined ? {} : { redis }) });
const { user, system } = process.cpuUsage();
const total = user + system + (measured.elsewhere ?? 0);
process.stdout.write(JSON.stringify({ ...measured, total }), () => process.exit());
