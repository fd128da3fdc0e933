#!/usr/bin/env node
import { stdoutColours } from "./colours.ts";
import { runCli } from "./main.ts";

// Modules that are loaded may print: only results belong on stdout.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());

const code = await runCli(process.argv.slice(2), {
  out: (text) =>
    new Promise((resolve, reject) => {
      write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    }),
  err: (text) => void process.stderr.write(text),
  cwd: process.cwd(),
  env: process.env,
  colour: stdoutColours(process.stdout.isTTY === true, process.env),
  signal: ending.signal,
});
// A module that was loaded may keep the process alive, with a connection or a worker.
process.exit(code);
