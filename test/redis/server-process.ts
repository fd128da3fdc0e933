import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../dev/free-port.ts";
import { guard } from "../../dev/guard.ts";
import { type Launched, launch } from "../../dev/launch.ts";
import type { Place } from "../../dev/recipes.ts";
import { type Reply, type RespOptions, respCommands } from "../../dev/resp.ts";
import { stopProcess } from "../../dev/start-broker.ts";

export interface ServerOptions {
  readonly name: string;
  /** The command line for a port and a folder of its own. */
  command(place: Place): readonly string[];
  url(port: number): string;
  readonly tls?: NonNullable<RespOptions["tls"]>;
}

/** A server that speaks RESP and belongs to one test. It dies with the process that runs the test, however that ends. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  /** With the password, if there is one. */
  readonly url: string;
  /** Its data and its log. */
  readonly folder: string;
  /** `undefined` while it does not run. */
  readonly pid: number | undefined;
  /** One command on a connection of its own, without a client library. Rejects on an error reply, and after 5 s. */
  command(...words: readonly string[]): Promise<Reply>;
  /** Again on the same port and data, after `kill` or `shutDown`. Resolves when it answers. */
  start(): Promise<void>;
  /** SIGTERM. The data stays. */
  shutDown(): Promise<void>;
  /** SIGKILL. The data stays. */
  kill(): Promise<void>;
  /** `shutDown`, if it runs, and `start`. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void;
  resume(): void;
  /** For good: the data goes, too. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// A test process of vitest outlives vitest when that is killed, and goes on with its test.
process.once("disconnect", () => process.exit(1));

/** Starts one on a free port. Resolves when it answers; rejects with the last line of its log when it does not. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryServer(options);
    } catch (error) {
      // Somebody else took the port since it was free.
      if (attempt === 3 || !/already in use|listening socket|another server/i.test(String(error))) throw error;
    }
  }
}

async function tryServer({ name, command, url: urlOf, tls }: ServerOptions): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  const sentry = guard(folder);
  const port = await freePort();
  const url = urlOf(port);
  let current: Launched | undefined;

  const ask = (words: readonly string[]): Promise<Reply> =>
    respCommands(url, [words], tls === undefined ? {} : { tls }).then(([reply]) => reply ?? null);

  async function ready(pid: number): Promise<void> {
    await ask(["PING"]);
    if (!String(await ask(["INFO", "server"])).includes(`process_id:${pid}\r`))
      throw new Error(`${url}: another server`);
  }

  async function start(): Promise<void> {
    if (current !== undefined) throw new Error(`${name} at ${url} runs already`);
    const spawned = (pid: number): void => sentry.watch(pid);
    const launched = await launch({ command: command({ port, folder }), folder, ready, spawned });
    current = launched;
    void launched.gone.then(() => {
      if (current !== launched) return;
      current = undefined;
      sentry.watch(undefined);
    });
  }

  async function end(how: "SIGTERM" | "SIGKILL"): Promise<void> {
    const ending = current;
    if (ending === undefined) return;
    // Waiting for it is a reason to live, other than having it.
    ending.child.ref();
    const lives = (): boolean => ending.child.exitCode === null && ending.child.signalCode === null;
    if (how === "SIGKILL") ending.child.kill("SIGKILL");
    else {
      // One that is paused cannot hear SIGTERM.
      ending.child.kill("SIGCONT");
      await stopProcess(ending.pid, lives);
    }
    await ending.gone;
  }

  async function stop(): Promise<void> {
    await end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    sentry.release();
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    host: "127.0.0.1",
    port,
    url,
    folder,
    get pid() {
      return current?.pid;
    },
    command: (...words) => ask(words),
    start,
    shutDown: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async restart() {
      await end("SIGTERM");
      await start();
    },
    pause: () => void current?.child.kill("SIGSTOP"),
    resume: () => void current?.child.kill("SIGCONT"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
