import { linkSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Everything `dev/brokers` downloads or writes is below here: ignored by git, gone with node_modules. */
export const cache: string = fileURLToPath(new URL("../node_modules/.cache/millrace-brokers", import.meta.url));

/** A broker process that `dev/brokers up` started and `down` will stop. */
export interface RunningBroker {
  readonly pid: number;
  readonly url: string;
  /** Holds its data and log; also how `down` recognises the process before it signals it. */
  readonly folder: string;
  /** Where the program came from, for the record of a test run. */
  readonly origin: string;
}

const file = (name: string): string => join(cache, "running", `${name}.json`);

/** `false` if another process was faster and its broker runs: that one counts. */
export function remember(name: string, broker: RunningBroker): boolean {
  mkdirSync(join(cache, "running"), { recursive: true });
  if (running(name) === undefined) forget(name);
  const written = `${file(name)}.${process.pid}`;
  writeFileSync(written, JSON.stringify(broker, null, 2));
  try {
    // A link is made whole and only once; to write the file itself would be neither.
    linkSync(written, file(name));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(written);
  }
}

export function forget(name: string): void {
  rmSync(file(name), { force: true });
}

/** The running broker of that name, if its process still is the one we started. */
export function running(name: string): RunningBroker | undefined {
  let broker: RunningBroker;
  try {
    broker = JSON.parse(readFileSync(file(name), "utf8")) as RunningBroker;
  } catch {
    return undefined;
  }
  return isOurs(broker) ? broker : undefined;
}

/** Process ids are reused: a signal goes only to a process that works in the broker's folder. */
export function isOurs({ pid, folder }: RunningBroker): boolean {
  try {
    process.kill(pid, 0);
    // Not by the command line: servers overwrite it with a title.
    return process.platform !== "linux" || `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`);
  } catch {
    return false;
  }
}

/** The URL of a broker that is there: named by its variable, or started by `dev/brokers up`. */
export function found(name: string, variable: string): { readonly url: string; readonly from: string } | undefined {
  const given = process.env[variable];
  if (given) return { url: given, from: variable };
  const broker = running(name);
  return broker && { url: broker.url, from: `${broker.origin}, pid ${broker.pid}` };
}
