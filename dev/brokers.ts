import { rmSync } from "node:fs";
import { join } from "node:path";
import { untilAnswered } from "./launch.ts";
import { type ProcessRecipe, recipes, requiredBrokers } from "./recipes.ts";
import { cache, forget, found, isOurs, type RunningBroker, remember, running } from "./running.ts";
import { startBroker, stopProcess } from "./start-broker.ts";

const usage = `usage: dev/brokers <command> [names]

  up [names]      get and start brokers (default: all): ${Object.keys(recipes).join(", ")}
  down [names]    stop what up started
  status [names]  one line per broker
  env [names]     shell lines for the test run:  eval "$(dev/brokers env)"

MILLRACE_REQUIRE=a,b        a named broker that is not there is a failure, not a skip
MILLRACE_<NAME>_URL         a broker you run yourself; up leaves it alone
MILLRACE_SUITE              Debian suite to take all brokers from, instead of the one each recipe names
MILLRACE_DEBIAN_MIRROR      where from (default: the machine's own apt sources, then deb.debian.org)`;

const required = requiredBrokers();
const say = (name: string, text: string): void => console.log(`${name.padEnd(10)} ${text}`);
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function up(name: string, recipe: ProcessRecipe): Promise<void> {
  try {
    const there = found(name, recipe.variable);
    if (there !== undefined) {
      await untilAnswered(() => recipe.ready(there.url), 5_000);
      return say(name, `${await recipe.version(there.url)} up at ${there.url} (${there.from})`);
    }
    const parent = join(cache, "data");
    const { pid, url, folder, origin } = await startBroker(name, recipe, { parent, say: (line) => say(name, line) });
    if (!remember(name, { pid, url, folder, origin })) {
      await stop({ pid, url, folder, origin });
      return up(name, recipe);
    }
    say(name, `${await recipe.version(url)} up at ${url} (${origin}, pid ${pid})`);
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
  await stop(broker);
  forget(name);
  say(name, "stopped");
}

async function stop(broker: RunningBroker): Promise<void> {
  await stopProcess(broker.pid, () => isOurs(broker));
  rmSync(broker.folder, { recursive: true, force: true });
}

async function status(name: string, recipe: ProcessRecipe): Promise<void> {
  const there = found(name, recipe.variable);
  if (there === undefined) return say(name, "down");
  const state = await recipe.version(there.url).then(
    (version) => `${version} up`,
    (error: unknown) => `no answer: ${reason(error)},`,
  );
  say(name, `${state} at ${there.url} (${there.from})`);
}

async function obey(command: string, name: string): Promise<void> {
  const recipe = recipes[name];
  if (recipe?.kind !== "process") {
    if (command !== "env") say(name, "embedded: nothing to start");
  } else if (command === "env") {
    const there = found(name, recipe.variable);
    if (there) console.log(`export ${recipe.variable}='${there.url}'`);
  } else if (command === "up") await up(name, recipe);
  else if (command === "down") await down(name);
  else await status(name, recipe);
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
  await Promise.all(wanted.map((name) => obey(command, name)));
}
