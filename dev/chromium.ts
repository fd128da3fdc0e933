import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findOnPath, type Unpacked, unpackPackages } from "./debian.ts";

/** A headless browser for the tests of pages: where it is, and what its process needs to start. */
export interface Chromium {
  readonly executable: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where the program came from, for the record of a test run. */
  readonly origin: string;
}

const programs = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * The browser of MILLRACE_CHROMIUM, else one on PATH, else Debian's package, unpacked once into the cache folder without
 * root (1 GB). Rejects with the reason where there is none. `say` gets a line to print when something is downloaded.
 */
export async function provideChromium(say: (line: string) => void = () => {}): Promise<Chromium> {
  const named = process.env["MILLRACE_CHROMIUM"];
  if (named !== undefined) return { executable: named, env: {}, origin: named };
  const installed = programs.map(findOnPath).find((path) => path !== undefined);
  if (installed !== undefined) return { executable: installed, env: {}, origin: installed };
  const packages = ["chromium", "fonts-dejavu-core", "fonts-liberation", "patchelf"];
  return patched(await unpackPackages({ name: "chromium", packages, say: (line) => say(`chromium: ${line}`) }));
}

function patched(unpacked: Unpacked): Chromium {
  const { root } = unpacked;
  const folder = join(root, "usr/lib/chromium");
  const executable = join(folder, "chromium-unpacked");
  const libraries = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const loader = readdirSync(join(root, "usr/lib64")).find((name) => name.startsWith("ld-linux"));
  if (libraries === undefined || loader === undefined) throw new Error("the packages of chromium hold no libc");
  if (!existsSync(executable)) {
    // A browser starts itself again and finds its files by its own path, so it cannot be run through a loader: the loader
    // is written into the program instead.
    const copy = `${executable}.${process.pid}`;
    copyFileSync(join(folder, "chromium"), copy);
    const patch = ["--set-interpreter", join(root, "usr/lib64", loader), copy];
    const [command = "", ...args] = unpacked.command("usr/bin/patchelf", patch);
    execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
    renameSync(copy, executable);
  }
  const folders = ["", "nss", "pulseaudio"].map((name) => join(root, "usr/lib", libraries, name));
  return {
    executable,
    env: { LD_LIBRARY_PATH: folders.join(":"), FONTCONFIG_FILE: fontConfiguration(root) },
    origin: `Debian package in ${root}`,
  };
}

/** The unpacked fonts and no others, so that a page looks the same wherever the tests run. */
function fontConfiguration(root: string): string {
  const folder = join(root, "etc/fonts");
  const path = join(folder, "unpacked.conf");
  mkdirSync(folder, { recursive: true });
  const alias = (family: string, font: string): string =>
    `<alias><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  writeFileSync(
    path,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${join(root, "usr/share/fonts")}</dir><cachedir>${join(root, "var/cache/fontconfig")}</cachedir>
${alias("sans-serif", "Liberation Sans")}${alias("serif", "Liberation Serif")}${alias("monospace", "DejaVu Sans Mono")}
</fontconfig>
`,
  );
  return path;
}

if (import.meta.main) {
  const { executable, env, origin } = await provideChromium((line) => console.error(line));
  console.log(`${executable}\n${origin}\n${JSON.stringify(env)}`);
}
