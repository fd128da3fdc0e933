import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { type Launched, launch } from "./launch.ts";
import { type ProcessRecipe, type Program, provide } from "./recipes.ts";

export interface StartedBroker extends Launched {
  readonly url: string;
  /** Holds its data and log. */
  readonly folder: string;
  readonly origin: string;
}

/** Starts a broker on a free port, in a new folder below `parent`. Rejects with the reason where it cannot be had. */
export async function startBroker(
  name: string,
  recipe: ProcessRecipe,
  { parent, say }: { readonly parent: string; say(line: string): void },
): Promise<StartedBroker> {
  const program: Program = await provide(recipe, say);
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  const port = await freePort();
  const url = recipe.url(port);
  try {
    const command = [...program.command, ...recipe.args({ port, folder })];
    const launched = await launch({ command, folder, ready: (pid) => recipe.ready(url, pid) });
    return { ...launched, url, folder, origin: program.origin };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** SIGTERM, and after ten seconds SIGKILL. `lives` is asked again before each signal: process ids are reused. */
export async function stopProcess(pid: number, lives: () => boolean): Promise<void> {
  for (const [signal, patience] of [
    ["SIGTERM", 10_000],
    ["SIGKILL", 5_000],
  ] as const) {
    if (!lives()) return;
    process.kill(pid, signal);
    const deadline = performance.now() + patience;
    while (lives() && performance.now() < deadline) await sleep(10);
  }
  if (lives()) throw new Error(`pid ${pid} does not stop`);
}
