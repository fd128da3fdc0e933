/**
 * Every error of millrace has a stable `code`, a message that says what to do, and a `cause` where there is one.
 * The table in `docs/errors.md` lists them; a test keeps both in step.
 */
export type ErrorCode =
  | "ACTOR_TIMEOUT"
  | "CONNECTION_FAILED"
  | "CONTRACT_MISMATCH"
  | "DEAD_LETTER_MISSING"
  | "DECODE_FAILED"
  | "DUPLICATE_MESSAGE"
  | "DUPLICATE_NAME"
  | "ENCODE_FAILED"
  | "INVALID_HEADER"
  | "INVALID_OPTION"
  | "INVALID_OUTCOME"
  | "LEASE_LOST"
  | "MISSING_PEER"
  | "NEXT_CALLED_TWICE"
  | "NO_REPLY_ADDRESS"
  | "NON_RETRYABLE"
  | "NOT_CONNECTED"
  | "NOT_FOUND"
  | "PUBLISH_FAILED"
  | "REQUEST_TIMEOUT"
  | "RETRY_AFTER"
  | "ROUTER_CYCLE"
  | "SERVER_BUSY"
  | "SERVER_CORRUPT"
  | "SERVER_FULL"
  | "TASK_TERMINATED"
  | "UNSUPPORTED_FEATURE"
  | "VALIDATION_FAILED"
  | "WORKER_FATAL"
  | "WORKER_STOPPING";

/** Under it an error names its class and all that this extends, for other copies of the package and other threads. */
export const brand: unique symbol = Symbol.for("millrace.error");

/** Names of a class of errors and of all that it extends, so that another copy of the package can recognise them. */
function lineage(of: unknown): readonly string[] {
  const names: string[] = [];
  for (let type = of; typeof type === "function" && type !== Error; type = Object.getPrototypeOf(type)) {
    names.push(type.name);
  }
  return names;
}

/** Base of all errors of millrace. `instanceof` also holds across two installed copies of the package. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: lineage(new.target) });
  }
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    try {
      if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
      return (value as { [brand]?: readonly string[] })[brand]?.includes(this.name) === true;
    } catch {
      // Anything can be thrown, also a proxy that refuses to be looked at.
      return false;
    }
  }
}

/** An option has a value that it cannot have. Thrown where the option is given, never later. */
export class OptionError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_OPTION", message, options);
  }
}

/** Two things that must be told apart have the same name (server, operation, topic on one channel). */
export class DuplicateNameError extends MillraceError {
  constructor(message: string) {
    super("DUPLICATE_NAME", message);
  }
}

/** No server, operation or dead letter of that name or id. */
export class NotFoundError extends MillraceError {
  constructor(message: string) {
    super("NOT_FOUND", message);
  }
}

/** A router was included in itself, directly or through others. */
export class RouterCycleError extends MillraceError {
  constructor(message = "Including this router would create a cycle.") {
    super("ROUTER_CYCLE", message);
  }
}

/** The server cannot do what was asked for. It is refused rather than ignored. */
export class CapabilityError extends MillraceError {
  readonly server: string;
  readonly feature: string;
  constructor(server: string, feature: string, message: string) {
    super("UNSUPPORTED_FEATURE", message);
    this.server = server;
    this.feature = feature;
  }
}

/** An optional package is needed and not installed. The message carries the command that installs it. */
export class MissingPeerError extends MillraceError {
  constructor(command: string, neededFor: string, options?: ErrorOptions) {
    super("MISSING_PEER", `${neededFor} needs a package that is not installed. Run: ${command}`, options);
  }
}

/** The bytes of a message could not be turned into a value (content type, character set, syntax). */
export class DecodeError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("DECODE_FAILED", message, options);
  }
}

/** A value could not be turned into bytes; `path` names the offending place. */
export class EncodeError extends MillraceError {
  readonly path: string;
  constructor(message: string, path: string, options?: ErrorOptions) {
    super("ENCODE_FAILED", message, options);
    this.path = path;
  }
}

/** One thing that is wrong with a value: what and where, never the value itself. */
export interface ValidationIssue {
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** A payload, header or reply does not fit its schema. */
export class ValidationError extends MillraceError {
  readonly part: "payload" | "headers" | "reply";
  readonly issues: readonly ValidationIssue[];
  constructor(part: "payload" | "headers" | "reply", issues: readonly ValidationIssue[]) {
    const first = issues[0];
    const where = first === undefined || first.path.length === 0 ? "" : ` at ${first.path.join(".")}`;
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
    super("VALIDATION_FAILED", `Invalid ${part}${where}: ${first?.message ?? "no reason given"}${more}`);
    this.part = part;
    this.issues = issues;
  }
}

/** A header cannot be sent: the name is no HTTP token or the value is not a single-line string. */
export class InvalidHeaderError extends MillraceError {
  readonly header: string;
  constructor(header: string, problem: string) {
    super("INVALID_HEADER", `Header ${JSON.stringify(header)} cannot be sent: ${problem}.`);
    this.header = header;
  }
}

/**
 * A message was not confirmed by the broker. `outcome: "failed"` = it surely is not there, send it again;
 * `"unknown"` = it may be, sending again may duplicate it.
 */
export class PublishError extends MillraceError {
  readonly outcome: "failed" | "unknown";
  constructor(outcome: "failed" | "unknown", message: string, options?: ErrorOptions) {
    super("PUBLISH_FAILED", message, options);
    this.outcome = outcome;
  }
}

/** Some messages of a `sendMany` were not confirmed. `results` tells each one's fate, in the order given. */
export class PublishManyError<R = unknown> extends PublishError {
  readonly results: readonly (R | Error)[];
  constructor(results: readonly (R | Error)[]) {
    const errors = results.filter((result) => result instanceof Error);
    const unknown = errors.some((error) => !(error instanceof PublishError) || error.outcome === "unknown");
    super(unknown ? "unknown" : "failed", `${errors.length} of ${results.length} messages were not sent.`, {
      cause: new AggregateError(errors),
    });
    this.results = results;
  }
}

/** A message with the same dedupe key was sent within the window and `onDuplicate` is `"throw"`. */
export class DuplicateMessageError extends MillraceError {
  readonly key: string;
  constructor(key: string) {
    super("DUPLICATE_MESSAGE", `A message with the dedupe key ${JSON.stringify(key)} was already sent in its window.`);
    this.key = key;
  }
}

/** The broker could not be reached, or refused us. */
export class ConnectionError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("CONNECTION_FAILED", message, options);
  }
}

/** The handlers given for a contract are not those that it needs. */
export class ContractError extends MillraceError {
  /** Operations without a handler. */
  readonly missing: readonly string[];
  /** Handlers without an operation. */
  readonly extra: readonly string[];
  constructor(message: string, missing: readonly string[], extra: readonly string[]) {
    super("CONTRACT_MISMATCH", message);
    this.missing = missing;
    this.extra = extra;
  }
}

/** The server was used before `connect()` or after `disconnect()`. */
export class NotConnectedError extends MillraceError {
  constructor(server: string) {
    super("NOT_CONNECTED", `Server ${server} is not connected: call app.connect() or server.connect() first.`);
  }
}

/** Our lease of a message ended before we settled it: another worker may have it now. Settling it is refused. */
export class LeaseLostError extends MillraceError {
  constructor(message = "The lease of this message is lost; another worker may be processing it.") {
    super("LEASE_LOST", message);
  }
}

/** An actor did not finish within its `timeout`. It is the reason of the aborted `signal`, too. */
export class ActorTimeoutError extends MillraceError {
  constructor(actor: string, timeout: number) {
    super("ACTOR_TIMEOUT", `Actor ${actor} did not finish within ${timeout} ms.`);
  }
}

/** No reply arrived in time. The other side may still have done the work. */
export class RequestTimeoutError extends MillraceError {
  constructor(operation: string, timeout: number) {
    super("REQUEST_TIMEOUT", `No reply to ${operation} within ${timeout} ms; the request may still be processed.`);
  }
}

/** Throw it from an actor to dead-letter the message without further attempts. */
export class NonRetryableError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("NON_RETRYABLE", message, options);
  }
}

/** `message.reply()` without an address: the message carried none and no channel was given. */
export class ReplyAddressError extends MillraceError {
  constructor() {
    super("NO_REPLY_ADDRESS", "The message has no reply address: give `channel`, or send it with app.request().");
  }
}

/** An actor in explicit mode returned, or `onError` chose, something that is not an outcome. */
export class InvalidOutcomeError extends MillraceError {
  constructor(where: string, value: unknown, allowed = '"ack", "nack", "reject" or another allowed outcome') {
    const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : typeof value;
    super("INVALID_OUTCOME", `${where} must give ${allowed}, not ${shown}.`);
  }
}

/** A middleware called `next()` more than once for one message. */
export class NextCalledTwiceError extends MillraceError {
  constructor(middleware: string) {
    super("NEXT_CALLED_TWICE", `Middleware ${middleware || "(anonymous)"} called next() more than once.`);
  }
}

/** The place for dead letters does not exist. Create it, or choose `deadLetter: "broker"` or `false`. */
export class DeadLetterMissingError extends MillraceError {
  constructor(message: string) {
    super("DEAD_LETTER_MISSING", message);
  }
}

/** The server's storage is locked or overloaded; trying again later can succeed. */
export class ServerBusyError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("SERVER_BUSY", message, options);
  }
}

/** The server has no room for the message (disk or memory limit). Consumers go on and make room. */
export class ServerFullError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("SERVER_FULL", message, options);
  }
}

/** The server's storage is damaged, is not what it should be, or was removed while in use. */
export class ServerCorruptError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("SERVER_CORRUPT", message, options);
  }
}

/** A thread or child process of a task was terminated (timeout, crash, memory limit). */
export class TaskTerminatedError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("TASK_TERMINATED", message, options);
  }
}

/** The worker stopped because it could not go on; `cause` says why. */
export class WorkerFatalError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super("WORKER_FATAL", message, options);
  }
}

/** Reason of an aborted `signal` when the worker stops and the time for finishing is over. */
export class WorkerStoppingError extends MillraceError {
  constructor() {
    super("WORKER_STOPPING", "The worker is stopping; the message goes back to its channel.");
  }
}
