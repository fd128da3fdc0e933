import { spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Program, type Recipe, recipes } from "./recipes.ts";
import { cache, forget, isOurs, type RunningBroker, remember, running } from "./running.ts";

const usage = `usage: dev/brokers <command> [names]

  up [names]      get and start brokers (default: all): ${Object.keys(recipes).join(", ")}
  down [names]    stop what up started
  status [names]  one line per broker
  env [names]     shell lines for the test run:  eval "$(dev/brokers env)"

MILLRACE_REQUIRE=a,b        a named broker that is not there is a failure, not a skip
MILLRACE_<NAME>_URL         a broker you run yourself; up leaves it alone
MILLRACE_SUITE              Debian suite to take brokers from (default trixie; sid for newer ones)
MILLRACE_DEBIAN_MIRROR      where from`;

type ProcessRecipe = Extract<Recipe, { kind: "process" }>;

const required = (process.env["MILLRACE_REQUIRE"] ?? "").split(",").filter(Boolean);
const say = (name: string, text: string): void => console.log(`${name.padEnd(10)} ${text}`);
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The URL of a broker that is there: named by its variable, or started by us. */
function found(name: string, recipe: ProcessRecipe): { readonly url: string; readonly from: string } | undefined {
  const given = process.env[recipe.variable];
  if (given) return { url: given, from: recipe.variable };
  const broker = running(name);
  return broker && { url: broker.url, from: `${broker.origin}, pid ${broker.pid}` };
}

/** Picks the first program that can be had; collects why the others cannot. */
function provide(recipe: ProcessRecipe): Program {
  const reasons: string[] = [];
  for (const program of recipe.programs) {
    try {
      return program();
    } catch (error) {
      reasons.push(reason(error));
    }
  }
  throw new Error(reasons.join("; "));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function start(name: string, recipe: ProcessRecipe): Promise<RunningBroker> {
  const program = provide(recipe);
  mkdirSync(join(cache, "data"), { recursive: true });
  const folder = mkdtempSync(join(cache, "data", `${name}-`));
  const port = await freePort();
  const [command, ...args] = program.command({ port, folder });
  if (command === undefined) throw new Error("empty command line");
  const log = openSync(join(folder, "log"), "a");
  const child = spawn(command, args, { cwd: folder, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`exited with ${code ?? signal}: ${tail(folder)}`)));
  });
  failed.catch(() => undefined);
  const url = recipe.url(port);
  try {
    await Promise.race([failed, answers(recipe, url, 30_000)]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  if (child.pid === undefined) throw new Error("no process id");
  child.removeAllListeners();
  child.unref();
  const broker = { pid: child.pid, url, folder, origin: program.origin };
  remember(name, broker);
  return broker;
}

async function answers(recipe: ProcessRecipe, url: string, within: number): Promise<void> {
  const deadline = performance.now() + within;
  for (;;) {
    try {
      return await recipe.ready(url);
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`does not answer at ${url}: ${reason(error)}`);
      await sleep(20);
    }
  }
}

function tail(folder: string): string {
  const lines = readFileSync(join(folder, "log"), "utf8").trim().split("\n");
  return lines.at(-1) ?? "no output";
}

async function stop(name: string, broker: RunningBroker): Promise<void> {
  for (const [signal, patience] of [
    ["SIGTERM", 10_000],
    ["SIGKILL", 5_000],
  ] as const) {
    if (!isOurs(broker)) break;
    process.kill(broker.pid, signal);
    const deadline = performance.now() + patience;
    while (isOurs(broker) && performance.now() < deadline) await sleep(20);
  }
  if (isOurs(broker)) throw new Error(`pid ${broker.pid} does not stop`);
  forget(name);
  rmSync(broker.folder, { recursive: true, force: true });
}

async function up(name: string, recipe: ProcessRecipe): Promise<void> {
  const there = found(name, recipe);
  try {
    if (there === undefined) {
      const broker = await start(name, recipe);
      say(name, `up at ${broker.url} (${broker.origin}, pid ${broker.pid})`);
    } else {
      await answers(recipe, there.url, 5_000);
      say(name, `up at ${there.url} (${there.from})`);
    }
  } catch (error) {
    if (required.includes(name)) {
      say(name, `FAILED, and MILLRACE_REQUIRE names it: ${reason(error)}`);
      process.exitCode = 1;
    } else {
      say(name, `SKIPPED: ${reason(error)} (or set ${recipe.variable})`);
    }
  }
}

async function down(name: string): Promise<void> {
  const broker = running(name);
  if (broker === undefined) {
    forget(name);
    return say(name, "not running");
  }
  await stop(name, broker);
  say(name, "stopped");
}

async function status(name: string, recipe: ProcessRecipe): Promise<void> {
  const there = found(name, recipe);
  if (there === undefined) return say(name, "down");
  const state = await recipe.ready(there.url).then(
    () => "up",
    (error: unknown) => `no answer: ${reason(error)},`,
  );
  say(name, `${state} at ${there.url} (${there.from})`);
}

const [command = "help", ...names] = process.argv.slice(2);
const wanted = names.length > 0 ? names : Object.keys(recipes);
const unknown = [...wanted, ...required].filter((name) => !(name in recipes));

if (!["up", "down", "status", "env"].includes(command)) {
  console.log(usage);
  process.exitCode = command === "help" ? 0 : 2;
} else if (unknown.length > 0) {
  console.error(`no recipe for ${unknown.join(", ")}; there are: ${Object.keys(recipes).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const name of wanted) {
    const recipe = recipes[name];
    if (recipe === undefined) continue;
    if (command === "env") {
      const there = recipe.kind === "process" ? found(name, recipe) : undefined;
      if (recipe.kind === "process" && there) console.log(`export ${recipe.variable}='${there.url}'`);
    } else if (recipe.kind === "embedded") say(name, "embedded: nothing to start");
    else if (command === "up") await up(name, recipe);
    else if (command === "down") await down(name);
    else await status(name, recipe);
  }
}
