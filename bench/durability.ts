import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort } from "../dev/free-port.ts";
import { guard } from "../dev/guard.ts";
import { type Launched, launch } from "../dev/launch.ts";
import { provide, recipes } from "../dev/recipes.ts";
import { inFlight } from "./case.ts";
import { maker } from "./redis/shape.ts";
import { loadSide, type SideName, sideNames } from "./redis/side.ts";

/**
 * What the settings of the benchmark are worth: kills Redis while messages are sent, starts it again with the same
 * settings in the same folder, and counts what is there: `node bench/durability.ts [--side ours] [--redis redis]`.
 */
const { values } = parseArgs({
  options: { side: { type: "string", default: "ours" }, redis: { type: "string", default: "redis" } },
});
const recipe = recipes[values.redis];
if (recipe?.kind !== "process") throw new Error(`There is no Redis called ${values.redis}.`);
if (!sideNames.includes(values.side as SideName)) throw new Error(`Sides are ${sideNames.join(", ")}.`);
const side = await loadSide(values.side as SideName);
const { ready, url: urlAt } = recipe;
const program = await provide(recipe, console.error);

const settings = {
  "nothing kept on disk (the benchmark)": ["--save", "", "--appendonly", "no"],
  "AOF, flushed every second (--aof)": ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
  "AOF, flushed before each answer": ["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
};

async function round(args: readonly string[]): Promise<{ readonly confirmed: number; readonly left: number }> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-durability-"));
  const sentry = guard(folder);
  const port = await freePort();
  const url = urlAt(port);
  const command = [...program.command, "--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...args];
  async function start(): Promise<Launched> {
    const launched = await launch({ command, folder, ready: (pid) => ready(url, pid) });
    sentry.watch(launched.pid);
    launched.child.ref(); // While it is waited for, nothing else may keep this process alive.
    return launched;
  }
  let server = await start();
  try {
    const sender = await side.connect({ url, shape: "plain" });
    const make = maker("plain");
    let [confirmed, killed] = [0, false];
    const sending = inFlight(100, Number.POSITIVE_INFINITY, async (index) => {
      if (killed) throw new Error("enough");
      await sender.send(make(index));
      confirmed += 1;
    });
    const ended = sending.catch(() => {});
    await sleep(1000);
    server.child.kill("SIGKILL");
    killed = true;
    await server.gone;
    // What was confirmed before is counted; what waits for an answer now may be stored or not.
    const counted = confirmed;
    server = await start();
    await ended;
    const other = await side.connect({ url, shape: "plain" });
    const left = await other.left();
    await Promise.allSettled([other.close(), sender.close()]);
    return { confirmed: counted, left };
  } finally {
    sentry.watch(undefined);
    server.child.kill("SIGKILL");
    await server.gone;
    sentry.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const [name, args] of Object.entries(settings)) {
  const { confirmed, left } = await round(args);
  const lost = Math.max(0, confirmed - left);
  console.log(`${name.padEnd(38)} confirmed ${confirmed}, there after the restart ${left}, lost ${lost}`);
}
process.exit();
