import { execFileSync } from "node:child_process";
import { findOnPath, suiteOf, unpackPackages } from "./debian.ts";
import { respCommands } from "./resp.ts";

/** How to start one broker. */
export interface Program {
  /** Where it came from, printed and recorded: "Debian trixie", "/usr/bin/redis-server". */
  readonly origin: string;
  /** The command line, to which arguments are added. */
  readonly command: readonly string[];
}

export interface Place {
  readonly port: number;
  /** An empty folder for data and logs; the process starts in it and may change only to folders below it. */
  readonly folder: string;
}

/**
 * A broker the tests know. An embedded one has nothing to start. Another is looked for in this order: the URL variable,
 * a process that runs already, then `programs` one after the other until one can be had.
 */
export type Recipe = { readonly kind: "embedded" } | ProcessRecipe;

export interface ProcessRecipe {
  readonly kind: "process";
  /** Set it to use a broker you run yourself (a container, another machine). */
  readonly variable: string;
  url(port: number): string;
  /** Each rejects with the reason when it is not to be had here. */
  readonly programs: readonly ((say: (line: string) => void) => Promise<Program>)[];
  /** For a server that listens at the port and keeps everything in the folder. */
  args(place: Place): readonly string[];
  /**
   * Resolves once the broker answers in its own protocol; rejects while it does not. Where a process id is given, only if
   * it is that process that answers.
   */
  ready(url: string, pid?: number): Promise<void>;
  /** What the running broker says it is: "Redis 7.0.15". */
  version(url: string): Promise<string>;
}

export const redisArgs = ({ port, folder }: Place): readonly string[] => [
  ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
  // Every write is on disk before it is confirmed: the crash tests count on it.
  ...["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"],
];

/** New brokers are added here, and nowhere else in this folder. */
export const recipes: Readonly<Record<string, Recipe>> = {
  memory: { kind: "embedded" },
  sqlite: { kind: "embedded" },
  // The oldest version that is supported: nothing newer than its commands may be needed.
  redis: redisRecipe("MILLRACE_REDIS_URL", { suite: "bookworm", program: "redis-server", versions: /v=7\./ }),
  redis8: redisRecipe("MILLRACE_REDIS8_URL", { suite: "trixie", program: "redis-server", versions: /v=8\./ }),
  valkey: redisRecipe("MILLRACE_VALKEY_URL", { suite: "trixie", program: "valkey-server", versions: /v=/ }),
};

function redisRecipe(
  variable: string,
  { suite: wish, program, versions }: { suite: string; program: string; versions: RegExp },
): ProcessRecipe {
  return {
    kind: "process",
    variable,
    url: (port) => `redis://127.0.0.1:${port}`,
    programs: [
      async (say) => {
        // The package has the name of the program. The folder has it, too, so that brokers of one suite share it.
        const unpacked = await unpackPackages({ name: program, suite: wish, packages: [program], say });
        return { origin: `Debian ${suiteOf(wish)}`, command: unpacked.command(`usr/bin/${program}`, []) };
      },
      async () => onPath(program, versions),
    ],
    args: redisArgs,
    async ready(url, pid) {
      const [, info] = await respCommands(url, [["PING"], ["INFO", "server"]]);
      // A port is free only until another process takes it.
      if (pid !== undefined && field(info, "process_id") !== String(pid)) throw new Error(`${url} is another server`);
    },
    async version(url) {
      const [info] = await respCommands(url, [["INFO", "server"]]);
      // Valkey also states the version of Redis that it resembles.
      const valkey = field(info, "valkey_version");
      return valkey === undefined ? `Redis ${field(info, "redis_version")}` : `Valkey ${valkey}`;
    },
  };
}

const field = (info: unknown, name: string): string | undefined =>
  new RegExp(`^${name}:(\\S+)`, "m").exec(String(info))?.[1];

/** One that is installed will do where it is of the version that is asked for. */
function onPath(name: string, versions: RegExp): Program {
  const path = findOnPath(name);
  if (path === undefined) throw new Error(`no ${name} on PATH`);
  const version = execFileSync(path, ["--version"], { encoding: "utf8" }).trim();
  if (!versions.test(version)) throw new Error(`${path} is another version: ${version}`);
  return { origin: path, command: [path] };
}

/** Picks the first program that can be had; collects why the others cannot. */
export async function provide(recipe: ProcessRecipe, say: (line: string) => void): Promise<Program> {
  const reasons: string[] = [];
  for (const program of recipe.programs) {
    try {
      return await program(say);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(reasons.join("; "));
}

/** The brokers that MILLRACE_REQUIRE names: where one cannot be had, that is a failure and not a skip. */
export function requiredBrokers(): readonly string[] {
  const names = (process.env["MILLRACE_REQUIRE"] ?? "").split(",").map((name) => name.trim());
  return names.filter(Boolean);
}
