import { type CaseName, cases } from "./cases/index.ts";

/**
 * One run of one case, in this process, which does nothing else:
 *
 *     node --expose-gc bench/sample.ts <case> <scale> <folder>
 *
 * Prints what it measured as JSON.
 */
const [name = "", scale = "1", folder = "."] = process.argv.slice(2);
const run = cases[name as CaseName];
if (run === undefined) throw new Error(`There is no case ${JSON.stringify(name)}.`);
const measured = await run({ scale: Number(scale), folder });
const { user, system } = process.cpuUsage();
process.stdout.write(JSON.stringify({ ...measured, total: user + system }));
