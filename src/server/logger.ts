/** Stable fields of a log event, plus whatever the event carries. */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Compatible with pino: an object of fields, then a message. */
export interface Logger {
  debug(fields: LogFields, message?: string): void;
  info(fields: LogFields, message?: string): void;
  warn(fields: LogFields, message?: string): void;
  error(fields: LogFields, message?: string): void;
  /** Events of single messages that went well are only made when this says that somebody wants them. pino has it. */
  isLevelEnabled?(level: string): boolean;
}

const nothing = (): void => {};

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
