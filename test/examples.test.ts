import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";

/**
 * The main example under kill -9, from outside: a process per run, and the files that remain as evidence. The output of
 * all examples is compared by `examples/run.ts`.
 */
const source = (path: string): string => new URL(`../src/${path}`, import.meta.url).href;

/** Lets the example import the sources by the package's public names, as everything does that vitest runs. */
const hook = `
  import { registerHooks } from "node:module";
  const sources = ${JSON.stringify({
    millrace: source("index.ts"),
    "millrace/memory": source("servers/memory/index.ts"),
    "millrace/redis": source("servers/redis/index.ts"),
    "millrace/sqlite": source("servers/sqlite/index.ts"),
  })};
  registerHooks({
    resolve: (name, context, next) => name in sources ? { url: sources[name], shortCircuit: true } : next(name, context),
  });`;

const main = fileURLToPath(new URL("../examples/github-webhooks/main.ts", import.meta.url));
const total = 329;
/** Of the defects in the actors: two locked issues, one star without a date. */
const dead = 3;

const defaultMaxPayloadBytes = 2 ** 20;

let folder = "";
let running: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-webhooks-"));
});

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  /** All of stdout so far. */
  output(): string;
  /** Resolves when stdout has such a line, or when the process is gone. */
  saw(pattern: RegExp): Promise<void>;
  readonly ended: Promise<number | NodeJS.Signals>;
}

function demo(...args: readonly string[]): Run {
  const flags = ["--no-warnings", "--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const child = spawn(process.execPath, [...flags, main, "--server", "sqlite:webhooks.db", ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  let output = "";
  let look = (): void => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    look();
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal ?? "SIGKILL"));
  });
  return {
    child,
    output: () => output,
    async saw(pattern) {
      const found = new Promise<void>((resolve) => {
        look = () => {
          if (pattern.test(output)) resolve();
        };
        look();
      });
      await Promise.race([found, ended]);
    },
    ended,
  };
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Done, left and lost, as a run says them before it goes on. */
function resumed(output: string): { readonly done: number; readonly left: number; readonly lost: number } | undefined {
  const match = /^resuming: (\d+) done, (\d+) left, (\d+) lost/m.exec(output);
  return match === null ? undefined : { done: Number(match[1]), left: Number(match[2]), lost: Number(match[3]) };
}

interface Evidence {
  readonly handled: number;
  readonly twice: number;
  readonly dead: number;
  readonly queued: number;
  readonly integrity: readonly unknown[];
}

/** What the files say, read without any code of the example. */
async function inspectFiles(): Promise<Evidence> {
  const files = ["webhooks.db", "webhooks.results.db"].map((name) => new DatabaseSync(join(folder, name)));
  const integrity = files.map((db) => db.prepare("PRAGMA integrity_check").get()?.["integrity_check"]);
  const counts = files[1]?.prepare("SELECT count(DISTINCT delivery) AS n, total(times > 1) AS twice FROM result").get();
  for (const db of files) db.close();
  const app = createApp({ server: sqlite({ path: join(folder, "webhooks.db"), create: false }), logger: false });
  const { ready, inFlight, delayed } = await app.inspect("webhooks");
  const letters = await app.deadLetters("webhooks").count();
  await app.close();
  const queued = ready + inFlight + delayed;
  return { handled: Number(counts?.["n"]), twice: Number(counts?.["twice"]), dead: letters, queued, integrity };
}

const allDone = { handled: total - dead, dead, queued: 0, integrity: ["ok", "ok"] };
const totals = new RegExp(`^ *total +${total} +${total - dead} +${dead} +1 +2$`, "m");

test("the demo accounts for every webhook, and has nothing to do the second time", { timeout: 60_000 }, async () => {
  const first = demo();
  expect(await first.ended, first.output()).toBe(0);
  expect(first.output()).toMatch(totals);
  const largest = Number(/the largest (\d+) kB$/m.exec(first.output())?.[1]) * 1000;
  expect(largest).toBeLessThan(defaultMaxPayloadBytes);
  expect(first.output()).toContain("tried again: 3, delivered twice: 0, lost: 0");
  expect(first.output()).not.toMatch(/[^\P{Cc}\n]/u); // No control character but line ends.
  expect(await inspectFiles()).toEqual({ ...allDone, twice: 0 });

  const second = demo();
  expect(await second.ended, second.output()).toBe(0);
  expect(second.output()).toContain("nothing to do");
  expect(second.output()).toMatch(totals);
  expect(await inspectFiles()).toEqual({ ...allDone, twice: 0 });

  const replay = demo("--replay", "--fixed");
  expect(await replay.ended, replay.output()).toBe(0);
  expect(replay.output()).toContain("replayed: 3 dead letters");
  expect(await inspectFiles()).toEqual({ ...allDone, handled: total, dead: 0, twice: 0 });
});

test("kill -9 at any point loses nothing and counts nothing twice", { timeout: 90_000 }, async () => {
  // In the middle of sending, then three times in the middle of the work.
  const sending = demo("--slow", "100");
  await sending.saw(/^queue: /m);
  await pause(Math.random() * 60);
  sending.child.kill("SIGKILL");
  expect(await sending.ended).toBe("SIGKILL");

  let done = 0;
  for (let kills = 0; kills < 3; kills += 1) {
    const run = demo("--slow", "100");
    await run.saw(/^(resuming|sent): /m);
    await pause(50 + Math.random() * 350);
    run.child.kill("SIGKILL");
    expect(await run.ended, run.output()).toBe("SIGKILL");
    const state = resumed(run.output()) ?? { done: 0, left: total, lost: 0 };
    expect(state.done + state.left).toBe(total);
    expect(state.lost).toBe(0);
    expect(state.done).toBeGreaterThanOrEqual(done);
    done = state.done;
  }
  const { handled, dead: letters } = await inspectFiles();
  expect(handled + letters).toBeGreaterThan(0);
  expect(handled + letters).toBeLessThan(total);

  const last = demo();
  expect(await last.ended, last.output()).toBe(0);
  expect(resumed(last.output())).toEqual({ done: handled + letters, left: total - handled - letters, lost: 0 });
  expect(last.output()).toMatch(totals);
  const evidence = await inspectFiles();
  expect(evidence).toMatchObject(allDone);
  const reported = /delivered twice: (\d+)(?: \((\d+) handled twice, counted once\))?, lost: 0$/m.exec(last.output());
  expect(Number(reported?.[1])).toBeGreaterThan(0);
  expect(Number(reported?.[2] ?? 0)).toBe(evidence.twice);
});

test("Ctrl-C finishes what is in hand, and the next run goes on without doing anything twice", {
  timeout: 60_000,
}, async () => {
  const first = demo("--slow", "100");
  await first.saw(/^ 10 %/m);
  first.child.kill("SIGINT");
  expect(await first.ended, first.output()).toBe(130);
  expect(first.output()).toMatch(/^stopped: \d+ done, \d+ left, 0 lost$/m);

  const second = demo();
  expect(await second.ended, second.output()).toBe(0);
  expect(resumed(second.output())?.lost).toBe(0);
  expect(second.output()).toMatch(/delivered twice: 0, lost: 0$/m);
  expect(await inspectFiles()).toEqual({ ...allDone, twice: 0 });
});

test("a result that is gone is called lost, and fails the run", { timeout: 60_000 }, async () => {
  expect(await demo().ended).toBe(0);
  const db = new DatabaseSync(join(folder, "webhooks.results.db"));
  db.exec("DELETE FROM result WHERE delivery = 'push/3'");
  db.close();

  const second = demo();
  expect(await second.ended).toBe(1);
  expect(resumed(second.output())).toEqual({ done: total - 1, left: 1, lost: 1 });
  expect(second.output()).toContain("push: 7 sent, 6 handled, 0 dead-lettered");
});
