#!/usr/bin/env node
import { stdoutColours } from "./colours.ts";
import { exitCode } from "./exit-code.ts";
import { runCli } from "./main.ts";
import { printable } from "./printable.ts";

// Modules that are loaded may print: only results belong on stdout.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

// Whoever reads the results may stop early, as `head` does.
process.stdout.on("error", () => process.exit(exitCode.failed));

/** What a loaded module does later must not look like findings, which Node's own exit code 1 would. */
function giveUp(error: unknown): void {
  const line = error instanceof Error ? error.message : String(error);
  process.stderr.write(`millrace: a loaded module failed: ${printable(line)}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(exitCode.failed);
}
process.on("uncaughtException", giveUp);
process.on("unhandledRejection", giveUp);

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());

const code = await runCli(process.argv.slice(2), {
  out: (text) =>
    new Promise((resolve, reject) => {
      write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    }),
  err: (text) => void process.stderr.write(text),
  cwd: process.cwd(),
  colour: stdoutColours(process.stdout.isTTY === true, process.env),
  signal: ending.signal,
});
// A module that was loaded may keep the process alive, with a connection or a worker.
process.exit(code);
