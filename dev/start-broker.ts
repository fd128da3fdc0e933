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

export interface StartOptions {
  /** The folder that gets the broker's own. */
  readonly parent: string;
  say(line: string): void;
  /** Called as soon as there is a process. */
  spawned?(pid: number, folder: string): void;
}

/** Starts a broker on a free port, in a new folder. Rejects with the reason where it cannot be had. */
export async function startBroker(
  name: string,
  recipe: ProcessRecipe,
  { parent, say, spawned }: StartOptions,
): Promise<StartedBroker> {
  const program: Program = await provide(recipe, say);
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  const port = await freePort();
  const url = recipe.url(port);
  try {
    const command = [...program.command, ...recipe.args({ port, folder })];
    const launched = await launch({
      command,
      folder,
      ready: (pid) => recipe.ready(url, pid),
      spawned: (pid) => spawned?.(pid, folder),
    });
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
