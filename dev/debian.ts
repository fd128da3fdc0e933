import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { type DebianMirror, debianMirrors } from "./debian-mirrors.ts";
import { cache } from "./running.ts";

/**
 * A program without installing anything: its Debian packages, with their complete closure down to libc, unpacked into the
 * cache folder and started with their own loader. Needs apt-get and dpkg-deb, but no root, and neither reads nor writes
 * the system's package state.
 */
export interface Unpacked {
  /** The folder the packages were unpacked into. */
  readonly root: string;
  /** The command line that starts a program of it with the unpacked loader and libraries. */
  command(program: string, args: readonly string[]): readonly string[];
}

export interface DebianPackages {
  /** Of the folder in the cache. */
  readonly name: string;
  /** Debian release; MILLRACE_SUITE wins over it. Default trixie. */
  readonly suite?: string;
  readonly packages: readonly string[];
  /** Called with a line to print when something is downloaded. */
  say?(line: string): void;
}

/** The Debian suite packages come from; `sid` has the newest ones, and its mirrors are sometimes stale. */
export const suiteOf = (wish = "trixie"): string => process.env["MILLRACE_SUITE"] || wish;

/** Unpacks the packages once; later calls find them. Rejects with the reason where that cannot work. */
export async function unpackPackages({ name, suite: wish, packages, say }: DebianPackages): Promise<Unpacked> {
  const suite = suiteOf(wish);
  const root = join(cache, "debian", suite, name);
  if (!existsSync(root)) {
    const provisioning = underWay.get(root) ?? provision(root, suite, packages, say ?? (() => undefined));
    underWay.set(root, provisioning);
    await provisioning.finally(() => underWay.delete(root));
  }
  return unpacked(root);
}

/** Two brokers of one package wait for one download. */
const underWay = new Map<string, Promise<void>>();

type Say = (line: string) => void;

async function provision(root: string, suite: string, packages: readonly string[], say: Say): Promise<void> {
  if (process.platform !== "linux") throw new Error("unpacking Debian packages needs Linux");
  for (const needed of ["apt-get", "dpkg-deb", "tar"]) {
    if (findOnPath(needed) === undefined) throw new Error(`no ${needed} on PATH`);
  }
  removeAbandoned(root);
  // A folder per attempt, renamed at the end: an interrupted download never looks like a finished one.
  const attempt = `${root}.${process.pid}`;
  const failures: string[] = [];
  try {
    for (const mirror of debianMirrors()) {
      rmSync(attempt, { recursive: true, force: true });
      const apt = join(attempt, "apt");
      const started = performance.now();
      say(`gets ${packages.join(", ")} from ${withoutPassword(mirror.uri)}, Debian ${suite}`);
      try {
        await download(apt, suite, mirror, packages);
      } catch (error) {
        failures.push(`${withoutPassword(mirror.uri)}: ${error instanceof Error ? error.message : String(error)}`);
        continue;
      }
      say(`${downloaded(join(apt, "debs"), packages)} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
      const files = join(attempt, "files");
      await unpack(join(apt, "debs"), files);
      return adopt(files, root);
    }
    throw new Error(`Debian ${suite} cannot be downloaded (${failures.join("; ")}), see MILLRACE_DEBIAN_MIRROR`);
  } finally {
    rmSync(attempt, { recursive: true, force: true });
  }
}

/** Another process may have been faster: its files are as good. */
function adopt(files: string, root: string): void {
  try {
    renameSync(files, root);
  } catch (error) {
    if (!existsSync(root)) throw error;
  }
}

/** What attempts left behind that were killed. */
function removeAbandoned(root: string): void {
  const folder = dirname(root);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const [, pid] = name.startsWith(`${basename(root)}.`) ? (/\.(\d+)$/.exec(name) ?? []) : [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

async function download(apt: string, suite: string, mirror: DebianMirror, packages: readonly string[]): Promise<void> {
  for (const folder of ["state/lists/partial", "cache", "debs/partial"]) {
    mkdirSync(join(apt, folder), { recursive: true });
  }
  // An empty status file: to apt nothing is installed, so it downloads the whole closure.
  writeFileSync(join(apt, "status"), "");
  // A mirror's sid may be an expired copy, which apt refuses. Signatures are still checked, freshness is not.
  const options = [...mirror.options, ...(suite === "sid" ? ["check-valid-until=no"] : [])];
  const marks = options.length > 0 ? `[${options.join(" ")}] ` : "";
  writeFileSync(join(apt, "sources.list"), `deb ${marks}${mirror.uri} ${suite} main\n`);
  const settings = {
    "Dir::State": join(apt, "state"),
    "Dir::State::status": join(apt, "status"),
    "Dir::Cache": join(apt, "cache"),
    "Dir::Cache::archives": join(apt, "debs"),
    "Dir::Etc::sourcelist": join(apt, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "APT::Install-Recommends": "false",
    // A container's apt may be told to delete what it has downloaded.
    "APT::Keep-Downloaded-Packages": "true",
    "Binary::apt-get::APT::Keep-Downloaded-Packages": "true",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "15",
    "Acquire::https::Timeout": "15",
    "APT::Sandbox::User": "root",
    "Dpkg::Use-Pty": "false",
  };
  const config = join(apt, "apt.conf");
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  // Hooks of the machine work on the machine's own state. Its other settings stay: it may need a proxy.
  const hooks = ["APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success"];
  writeFileSync(config, [...lines, ...hooks.map((hook) => `#clear ${hook};\n`)].join(""));
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  // Not by APT_CONFIG: that is read before the machine's settings, which would win.
  await tool("apt-get", ["-qq", "-c", config, "update", "-o", "APT::Update::Error-Mode=any"], env);
  await tool("apt-get", ["-qq", "-c", config, "install", "-y", "--download-only", ...packages], env);
}

/** "redis-server 5:7.0.15-1~deb12u5 and 21 packages it needs, 23.4 MB" */
function downloaded(debs: string, packages: readonly string[]): string {
  const files = readdirSync(debs).filter((name) => name.endsWith(".deb"));
  const versions = packages.map((name) => {
    const file = files.find((one) => one.startsWith(`${name}_`)) ?? name;
    return decodeURIComponent(file.split("_").slice(0, 2).join(" "));
  });
  const bytes = files.reduce((sum, name) => sum + statSync(join(debs, name)).size, 0);
  const others = files.length - packages.length;
  return `got ${versions.join(", ")} and ${others} packages below, ${(bytes / 1e6).toFixed(1)} MB,`;
}

async function unpack(debs: string, files: string): Promise<void> {
  // Debian's merged /usr first, so that packages that still ship /lib land beside the others.
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(files, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(files, name));
  }
  const skip = ["doc", "man", "locale"].map((name) => `--exclude=./usr/share/${name}`);
  const archive = join(debs, "files.tar");
  for (const deb of readdirSync(debs).filter((name) => name.endsWith(".deb"))) {
    // Through a file, not a shell pipe: a pipe would hide a failing dpkg-deb.
    await tool("sh", ["-c", 'dpkg-deb --fsys-tarfile "$1" > "$2"', "sh", join(debs, deb), archive]);
    await tool("tar", ["-xf", archive, "--no-same-owner", "--keep-directory-symlink", "-C", files, ...skip]);
  }
}

function unpacked(root: string): Unpacked {
  const loader = readdirSync(join(root, "usr/lib64")).find((name) => name.startsWith("ld-linux"));
  const libraries = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const command = (program: string, args: readonly string[]): readonly string[] => {
    const path = join(root, program);
    if (!existsSync(path)) throw new Error(`the packages contain no ${program}`);
    // Its own loader: a server built for a newer libc than the host's runs all the same.
    if (loader === undefined || libraries === undefined) return [path, ...args];
    const folder = join(root, "usr/lib", libraries);
    return [join(root, "usr/lib64", loader), "--library-path", folder, path, ...args];
  };
  return { root, command };
}

const run = promisify(execFile);

async function tool(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  try {
    await run(command, args, { env, timeout: 600_000 });
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const [line] = stderr.split("\n").filter((text) => /^E: |error|cannot/i.test(text));
    throw new Error(`${command} failed: ${withoutPassword(line || String(error))}`, { cause: error });
  }
}

const withoutPassword = (text: string): string => text.replace(/\/\/[^/@\s]+@/g, "//");

/** The full path of a program on PATH (sbin folders included: servers live there and users lack them). */
export function findOnPath(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
