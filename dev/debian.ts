import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./running.ts";

/**
 * A broker without installing anything: its Debian packages, with their complete closure down to libc, unpacked into the
 * cache folder and started with their own loader. Needs apt-get and dpkg-deb, but no root, and neither reads nor writes
 * the system's package state.
 */
export interface Unpacked {
  /** The folder the packages were unpacked into. */
  readonly root: string;
  /** The command line that starts a program of it with the unpacked loader and libraries. */
  command(program: string, args: readonly string[]): readonly string[];
}

/** The Debian suite to take brokers from; `sid` has the newest ones, and its mirrors are sometimes stale. */
export const suite: string = process.env["MILLRACE_SUITE"] ?? "trixie";
const mirror = process.env["MILLRACE_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Unpacks the packages once; later calls find them. Throws with the reason where that cannot work. */
export function unpackDebian(name: string, packages: readonly string[]): Unpacked {
  const root = join(cache, "debian", suite, name);
  if (!existsSync(root)) provision(root, packages);
  return unpacked(root);
}

function provision(root: string, packages: readonly string[]): void {
  if (process.platform !== "linux") throw new Error("unpacking Debian packages needs Linux");
  for (const tool of ["apt-get", "dpkg-deb", "tar"]) {
    if (findOnPath(tool) === undefined) throw new Error(`no ${tool} on PATH`);
  }
  // A folder per attempt, renamed at the end: an interrupted download never looks like a finished one.
  const attempt = `${root}.${process.pid}`;
  const apt = join(attempt, "apt");
  const files = join(attempt, "files");
  try {
    download(apt, packages);
    unpack(join(apt, "debs"), files);
    renameSync(files, root);
  } finally {
    rmSync(attempt, { recursive: true, force: true });
  }
}

function download(apt: string, packages: readonly string[]): void {
  for (const folder of ["state/lists/partial", "cache", "debs/partial"]) {
    mkdirSync(join(apt, folder), { recursive: true });
  }
  // An empty status file: to apt nothing is installed, so it downloads the whole closure.
  writeFileSync(join(apt, "status"), "");
  const options = [
    ...(existsSync(keyring) ? [`signed-by=${keyring}`] : []),
    // A mirror's sid may be an expired copy, which apt refuses. Signatures are still checked, freshness is not.
    ...(suite === "sid" ? ["check-valid-until=no"] : []),
  ];
  const marks = options.length > 0 ? `[${options.join(" ")}] ` : "";
  writeFileSync(join(apt, "sources.list"), `deb ${marks}${mirror} ${suite} main\n`);
  const settings = {
    "Dir::State": join(apt, "state"),
    "Dir::State::status": join(apt, "status"),
    "Dir::Cache": join(apt, "cache"),
    "Dir::Cache::archives": join(apt, "debs"),
    "Dir::Etc::sourcelist": join(apt, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "root",
    "Dpkg::Use-Pty": "false",
  };
  const config = join(apt, "apt.conf");
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(""),
  );
  const aptGet = (...args: readonly string[]): void => {
    tool("apt-get", ["-qq", ...args], { ...process.env, APT_CONFIG: config, DEBIAN_FRONTEND: "noninteractive" });
  };
  aptGet("update");
  aptGet("install", "-y", "--download-only", ...packages);
}

function unpack(debs: string, files: string): void {
  // Debian's merged /usr first, so that packages that still ship /lib land beside the others.
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(files, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(files, name));
  }
  const skip = ["doc", "man", "locale"].map((name) => `--exclude=./usr/share/${name}`);
  const archive = join(debs, "files.tar");
  for (const deb of readdirSync(debs).filter((name) => name.endsWith(".deb"))) {
    // Through a file, not a shell pipe: a pipe would hide a failing dpkg-deb.
    tool("sh", ["-c", 'dpkg-deb --fsys-tarfile "$1" > "$2"', "sh", join(debs, deb), archive]);
    tool("tar", ["-xf", archive, "--no-same-owner", "--keep-directory-symlink", "-C", files, ...skip]);
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

function tool(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  try {
    execFileSync(command, args, { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${command} failed: ${stderr.split("\n")[0] ?? "no message"}`, { cause: error });
  }
}

/** The full path of a program on PATH (sbin folders included: servers live there and users lack them). */
export function findOnPath(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
