import type { LogFields, Logger } from "../server/logger.ts";

type Level = "debug" | "info" | "warn" | "error";

/** The part of a stream that logging needs. */
export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const fieldLimit = 2048;
const secrets = /^(authorization|cookie|password|secret|token|api-?key)$/i;

/** Bounded, without secrets, and never throwing: a log line must not be what kills a worker. */
function replacer(key: string, value: unknown): unknown {
  if (secrets.test(key)) return "[redacted]";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string" && value.length > fieldLimit) return `${value.slice(0, fieldLimit)}…`;
  return value;
}

function jsonLine(level: Level, fields: LogFields, message: string | undefined, now: number): string {
  const text = message === undefined ? {} : { message };
  try {
    return JSON.stringify({ ts: new Date(now).toISOString(), level, ...fields, ...text }, replacer);
  } catch {
    return JSON.stringify({
      ts: new Date(now).toISOString(),
      level,
      event: fields.event,
      message: "(fields not loggable)",
    });
  }
}

/** JSON strings escape control characters, so that nothing in a message can forge a line or move the cursor. */
function shown(value: unknown): string {
  if (typeof value === "string" && /^[\w.:/@+-]{1,80}$/.test(value)) return value;
  try {
    if (typeof value === "object" && value !== null && "name" in value && "message" in value) {
      return JSON.stringify(`${String(value.name)}: ${String(value.message)}`, replacer);
    }
    return JSON.stringify(value, replacer) ?? "undefined";
  } catch {
    return "(not loggable)";
  }
}

function humanLine(level: Level, fields: LogFields, message: string | undefined, now: number): string {
  const { event, ...rest } = fields;
  const time = new Date(now).toISOString().slice(11, 23);
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${secrets.test(key) ? "[redacted]" : shown(value)}`);
  return [
    time,
    level.padEnd(5),
    event.padEnd(24),
    ...pairs,
    ...(message === undefined ? [] : [JSON.stringify(message)]),
  ].join(" ");
}

export interface DefaultLogger extends Logger {
  /** Silent until a worker runs in this process: a producer must not write to its host's stderr. */
  enable(): void;
}

/** One line per event at info and above: readable on a terminal, JSON elsewhere. Never writes to stdout. */
export function createDefaultLogger(stream: LogStream, now: () => number): DefaultLogger {
  let enabled = false;
  const line = stream.isTTY === true ? humanLine : jsonLine;
  const write = (level: Level) => (fields: LogFields, message?: string) => {
    if (enabled) stream.write(`${line(level, fields, message, now())}\n`);
  };
  return {
    debug() {},
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    enable() {
      enabled = true;
    },
  };
}
