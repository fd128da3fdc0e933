import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Guard, guard } from "./guard.ts";
import { untilAnswered } from "./launch.ts";
import { type ProcessRecipe, type Program, provide, recipes, requiredBrokers } from "./recipes.ts";
import { found } from "./running.ts";
import { startBroker, stopProcess } from "./start-broker.ts";

export interface HostedBroker {
  readonly url: string;
  /** What it says it is: "Redis 7.0.15". */
  readonly version: string;
}

/** Why something is not to be had here. */
export interface Missing {
  readonly missing: string;
}

/** Brokers for one test run: each is started when it is first asked for, and stopped at the end. */
export interface BrokerHost {
  /** One that is there already is used, and outlives the host. */
  broker(name: string): Promise<HostedBroker | Missing>;
  /** For tests that start brokers of their own. */
  program(name: string): Promise<Program | Missing>;
  close(): Promise<void>;
}

/** Prints what it starts and, once, what is not to be had. Its brokers die with this process, however that ends. */
export function createBrokerHost(print: (line: string) => void): BrokerHost {
  const started: (() => Promise<void>)[] = [];
  const brokers = new Map<string, Promise<HostedBroker | Missing>>();
  const programs = new Map<string, Promise<Program | Missing>>();
  const say = (name: string, text: string): void => print(`${name.padEnd(10)} ${text}`);

  async function start(name: string, recipe: ProcessRecipe): Promise<HostedBroker> {
    const there = found(name, recipe.variable);
    if (there !== undefined) {
      await untilAnswered(() => recipe.ready(there.url), 2_000);
      const version = await recipe.version(there.url);
      say(name, `${version} is there (${there.from})`);
      return { url: there.url, version };
    }
    let sentry: Guard | undefined;
    const broker = await startBroker(name, recipe, {
      parent: tmpdir(),
      say: (line) => say(name, line),
      spawned(pid, folder) {
        sentry = guard(folder);
        sentry.watch(pid);
      },
    }).catch((error: unknown) => {
      sentry?.release();
      throw error;
    });
    const { pid, child, folder, url } = broker;
    // Its number may be another process's by the time the guard acts.
    void broker.gone.then(() => sentry?.watch(undefined));
    started.push(async () => {
      await stopProcess(pid, () => child.exitCode === null && child.signalCode === null);
      rmSync(folder, { recursive: true, force: true });
      sentry?.release();
    });
    const version = await recipe.version(url);
    say(name, `${version} started at ${url} (${broker.origin})`);
    return { url, version };
  }

  function once<T extends object>(
    known: Map<string, Promise<T | Missing>>,
    name: string,
    get: (recipe: ProcessRecipe) => Promise<T>,
  ): Promise<T | Missing> {
    const recipe = recipes[name];
    if (recipe?.kind !== "process") throw new Error(`no recipe to start a broker ${name} in dev/recipes.ts`);
    const getting =
      known.get(name) ??
      get(recipe).catch((error: unknown) => {
        const missing = `${error instanceof Error ? error.message : String(error)} (or set ${recipe.variable})`;
        if (!requiredBrokers().includes(name)) say(name, `SKIPPED: ${missing}`);
        return { missing };
      });
    known.set(name, getting);
    return getting;
  }

  return {
    broker: (name) => once(brokers, name, (recipe) => start(name, recipe)),
    program: (name) => once(programs, name, (recipe) => provide(recipe, (line) => say(name, line))),
    async close() {
      await Promise.all(started.splice(0).map((stop) => stop()));
    },
  };
}
