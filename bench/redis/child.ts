import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromChild, Report, Task, ToChild } from "./task.ts";

const script = fileURLToPath(new URL("./role.ts", import.meta.url));

export interface Child {
  readonly ready: Promise<void>;
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  readonly report: Promise<Report>;
  /** Messages handled so far, at most 100 ms old. */
  readonly handled: number;
  send(message: ToChild): void;
  stop(): Promise<Report>;
}

/** What a profile is wanted of: the one that is measured, not those that help. */
const measured = new Set<Task["role"]>(["send", "work", "heap"]);

/** A process for one task, so that it inherits nothing of what others did. It ends with us. */
export function start(task: Task): Child {
  const execArgv = measured.has(task.role)
    ? process.execArgv
    : process.execArgv.filter((flag) => !flag.startsWith("--cpu-prof"));
  const child = fork(script, [JSON.stringify(task)], { execArgv });
  const events = { ready: deferred(), begin: deferred(), end: deferred() };
  const report = Promise.withResolvers<Report>();
  let handled = 0;
  child.on("message", (message: FromChild) => {
    if (message.type === "report") report.resolve(message.report);
    else if (message.type === "handled") handled = message.count;
    else events[message.type].resolve();
  });
  const failed = (error: Error): void => {
    for (const { reject } of [report, ...Object.values(events)]) reject(error);
  };
  child.once("error", failed);
  child.once("exit", (code, signal) => failed(new Error(`${task.side} ${task.role} exited with ${code ?? signal}.`)));
  report.promise.catch(() => {});
  return {
    ready: events.ready.promise,
    begun: events.begin.promise,
    ended: events.end.promise,
    report: report.promise,
    get handled() {
      return handled;
    },
    send: (message) => void child.send(message),
    stop() {
      child.send({ type: "stop" } satisfies ToChild);
      return report.promise;
    },
  };
}

/** Nobody need wait for it. */
function deferred(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => {});
  return made;
}
