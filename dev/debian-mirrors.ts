import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A place that has Debian's packages. */
export interface DebianMirror {
  readonly uri: string;
  /** What its line in a sources.list needs in brackets: `signed-by=…`. */
  readonly options: readonly string[];
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const suites = /^((old)*stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky)\/?$/;
const carried = ["signed-by", "trusted", "check-valid-until"];

/**
 * Where Debian's packages may be had, best first: MILLRACE_DEBIAN_MIRROR alone where it is set; else what the machine's own
 * apt sources name, because often only that can be reached; then Debian's own.
 */
export function debianMirrors(etc = "/etc/apt"): readonly DebianMirror[] {
  const named = process.env["MILLRACE_DEBIAN_MIRROR"];
  if (named) return [signed({ uri: named, options: [] })];
  const own = sources(etc).sort((a, b) => rank(a) - rank(b));
  const mirrors = [...own, { uri: "http://deb.debian.org/debian", options: [] }].map(signed);
  return mirrors.filter(({ uri }, index) => mirrors.findIndex((other) => other.uri === uri) === index);
}

/** Other archives have Debian's suite names, too. A wrong guess costs one failed update: the signature does not fit. */
const rank = ({ uri }: DebianMirror): number => (/\bdebian$/.test(uri) ? 0 : 1);

function signed(mirror: DebianMirror): DebianMirror {
  const known = mirror.options.some((option) => /^(signed-by|trusted)=/.test(option));
  if (known || !existsSync(keyring)) return mirror;
  return { ...mirror, options: [...mirror.options, `signed-by=${keyring}`] };
}

function sources(etc: string): DebianMirror[] {
  const parts = join(etc, "sources.list.d");
  const paths = [join(etc, "sources.list"), ...list(parts).map((name) => join(parts, name))];
  return paths.flatMap((path) => {
    const text = read(path);
    if (path.endsWith(".sources")) return text.split(/\n\s*\n/).flatMap(stanza);
    return path.endsWith(".list") ? text.split("\n").flatMap(line) : [];
  });
}

/** `deb [options] uri suite components` */
function line(text: string): DebianMirror[] {
  const [, marks = "", uri, suite, components = ""] =
    /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(text) ?? [];
  if (uri === undefined || suite === undefined) return [];
  return entry([uri], [suite], components.split(/\s+/), marks.split(/\s+/));
}

/** The same in fields, one per line; a line that starts with a space belongs to the field before. */
function stanza(text: string): DebianMirror[] {
  const fields = new Map<string, string>();
  let last = "";
  for (const one of text.split("\n").filter((line) => !line.startsWith("#"))) {
    const [, name, value] = /^([\w-]+):(.*)$/.exec(one) ?? [];
    if (name !== undefined) last = name.toLowerCase();
    fields.set(last, `${fields.get(last) ?? ""} ${value ?? one}`.trim());
  }
  const words = (name: string): string[] => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
  if (!words("types").includes("deb") || fields.get("enabled")?.toLowerCase() === "no") return [];
  const options = carried.filter((name) => fields.has(name)).map((name) => `${name}=${fields.get(name)}`);
  return entry(words("uris"), words("suites"), words("components"), options);
}

function entry(
  uris: readonly string[],
  names: readonly string[],
  components: readonly string[],
  options: readonly string[],
): DebianMirror[] {
  if (!names.some((name) => suites.test(name)) || !components.includes("main")) return [];
  // A key may be embedded in a stanza; what does not fit into one word is left out.
  const fit = options.filter((option) => carried.some((name) => new RegExp(`^${name}=[^\\s]+$`).test(option)));
  return uris.map((uri) => ({ uri: uri.replace(/\/+$/, ""), options: fit }));
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
