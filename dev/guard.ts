import { spawn } from "node:child_process";

export interface Guard {
  /** The process that is to die; `undefined` when there is none just now. */
  watch(pid: number | undefined): void;
  release(): void;
}

const script = `
pid=
while read -r word; do
  case $word in off) exit 0 ;; none) pid= ;; *) pid=$word ;; esac
done
[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null && sleep 0.1
rm -rf -- "$1"`;

/**
 * Lets a server die with this process, and its folder go, whatever ends this process: Ctrl-C, a crash, SIGKILL. The guard
 * reads from a pipe that only this process holds; when that breaks, it acts.
 */
export function guard(folder: string): Guard {
  const sentry = spawn("sh", ["-c", script, "sh", folder], {
    cwd: "/",
    // A group of its own, so that Ctrl-C reaches this process and not the one that cleans up after it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  sentry.on("error", () => undefined);
  sentry.stdin.on("error", () => undefined);
  sentry.unref();
  return {
    watch: (pid) => void sentry.stdin.write(`${pid ?? "none"}\n`),
    release: () => void sentry.stdin.end("off\n"),
  };
}
