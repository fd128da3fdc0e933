import type { ParseArgsOptionsConfig } from "node:util";
import type { ExitCode } from "./exit-code.ts";

/** The world of a command; tests have their own. */
export interface CliIo {
  /** Results. Resolves when they are written. */
  readonly out: (text: string) => Promise<void>;
  /** Everything else. */
  readonly err: (text: string) => void;
  readonly cwd: string;
  /** Whether somebody looks at the results in a terminal that can show colours. */
  readonly colour: boolean;
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** Options as they were given; the parser has checked their names and kinds. */
export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** The help text, without the options that all commands have. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  run(positionals: readonly string[], values: Values, io: CliIo): Promise<ExitCode>;
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

export function list(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : [];
}
