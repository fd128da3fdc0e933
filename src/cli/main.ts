import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { MillraceError } from "../index.ts";
import type { CliIo, Command, Values } from "./command.ts";
import { diffCommand } from "./commands/diff.ts";
import { typesCommand } from "./commands/emit-types.ts";
import { exportCommand } from "./commands/export.ts";
import { serveCommand } from "./commands/serve.ts";
import { validateCommand } from "./commands/validate.ts";
import { CliError, type ExitCode, exitCode, usageError } from "./exit-code.ts";
import { printable } from "./printable.ts";

const commands: readonly Command[] = [exportCommand, validateCommand, diffCommand, serveCommand, typesCommand];

const common = `
  --json               results as JSON
  --debug              errors with their stack
  -h, --help           this text

Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 something failed.
`;

const overview = `Usage: millrace asyncapi <command> [options]

${commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join("\n")}

millrace asyncapi <command> --help tells more. millrace --version tells the version.
`;

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return manifest.version;
}

function parse(command: Command, args: readonly string[]): { readonly positionals: string[]; readonly values: Values } {
  const flags = {
    json: { type: "boolean" },
    debug: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  } as const;
  try {
    const options = { ...flags, ...command.options };
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw usageError(message.split(/\n|\. To specify/, 1)[0] ?? message);
  }
}

async function dispatch(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const [group, name, ...rest] = args;
  if (group === "--version" || group === "-v") {
    await io.out(`${version()}\n`);
    return exitCode.ok;
  }
  const isHelp = (word: string | undefined): boolean => word === "--help" || word === "-h" || word === "help";
  if (isHelp(group) || (group === "asyncapi" && isHelp(name))) {
    await io.out(overview);
    return exitCode.ok;
  }
  if (group === undefined || (group === "asyncapi" && name === undefined)) throw usageError("no command given");
  const command = group === "asyncapi" ? commands.find((one) => one.name === name) : undefined;
  if (command === undefined) {
    throw usageError(
      `no such command: ${JSON.stringify([group, name].filter((word) => word !== undefined).join(" "))}`,
    );
  }
  const { positionals, values } = parse(command, rest);
  if (values["help"] === true) {
    await io.out(command.help + common);
    return exitCode.ok;
  }
  return command.run(positionals, values, io);
}

/** Runs one command line. Never rejects; what went wrong is one line on stderr and an exit code. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    const isOurs = error instanceof CliError;
    const code = isOurs ? error.exitCode : exitCode.failed;
    const message = error instanceof Error ? error.message : String(error);
    const suffix = error instanceof MillraceError ? ` (${error.code})` : "";
    io.err(`millrace: ${printable(message)}${suffix}\n`);
    if (code === exitCode.usage) io.err("millrace --help tells more\n");
    if (args.includes("--debug")) io.err(`${debugText(error)}\n`);
    return code;
  }
}

function debugText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by: ${debugText(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
