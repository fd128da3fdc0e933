import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Launch {
  readonly command: readonly string[];
  /** The process starts in it, and its output goes to the file `log` there. */
  readonly folder: string;
  /** Rejects while the server does not answer. Gets the process id, to be sure that it is this one that does. */
  ready(pid: number): Promise<void>;
  /** Called as soon as there is a process, long before it answers. */
  spawned?(pid: number): void;
}

/** A server process that answers. */
export interface Launched {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
}

/** Starts a server and waits until it answers; rejects, with the last line of its log, if it does not. */
export async function launch({ command, folder, ready, spawned }: Launch): Promise<Launched> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("empty command line");
  const log = openSync(join(folder, "log"), "a");
  const child = spawn(program, args, { cwd: folder, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  let starting = true;
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (starting) reject(new Error(`exited with ${code ?? signal}: ${lastLine(folder)}`));
    });
  });
  failed.catch(() => undefined);
  child.unref();
  const { pid } = child;
  if (pid === undefined) return failed;
  spawned?.(pid);
  const limit = new AbortController();
  try {
    await Promise.race([failed, untilAnswered(() => ready(pid), 30_000, limit.signal)]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    starting = false;
    limit.abort();
  }
  return { pid, child, gone };
}

/** Asks again and again, at most for this many milliseconds. */
export async function untilAnswered(ask: () => Promise<void>, within: number, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + within;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline || signal?.aborted) throw error;
      await sleep(20);
    }
  }
}

function lastLine(folder: string): string {
  return readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1) || "no output";
}
