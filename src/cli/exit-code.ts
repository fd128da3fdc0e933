/** What the process says at its end. Stable, and listed in docs/cli.md. */
export const exitCode = {
  ok: 0,
  /** There is something to look at: findings, breaking changes. */
  findings: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Something could not be read, loaded, understood or written. */
  failed: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Ends a command with one line on stderr. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  constructor(code: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = code;
  }
}

export function usageError(message: string): CliError {
  return new CliError(exitCode.usage, message);
}

/** A failure of something outside, on one line. */
export function failure(what: string, cause: unknown): CliError {
  return new CliError(exitCode.failed, `${what}: ${reasonOf(cause)}`, { cause });
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? "";
}
