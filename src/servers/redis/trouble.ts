import {
  ConnectionError,
  MillraceError,
  PublishError,
  ServerBusyError,
  ServerCorruptError,
  ServerFullError,
} from "../../server/errors.ts";
import { NodeError } from "./node-error.ts";

/**
 * What an error means for us. `command`: only this command failed. `busy`: later it may work. `full`: no room, while
 * settling goes on. `lost`: the connection is of no use (cut, silent, or to a server that must not be written to) and is
 * opened again. `node`: the same of one node of a cluster, which the transport sees to. `denied`: credentials or permissions.
 * `group`: the consumer group or its stream is gone. `type`: another kind of value has the key. `script`: the server does not
 * know the script (any more). `moved`: the key lives elsewhere.
 */
export type TroubleKind =
  | "command"
  | "busy"
  | "full"
  | "lost"
  | "node"
  | "denied"
  | "group"
  | "type"
  | "script"
  | "moved";

export interface Trouble {
  readonly kind: TroubleKind;
  readonly error: MillraceError;
}

type Make = (text: string, options: ErrorOptions) => MillraceError;

const busy: Make = (text, options) => new ServerBusyError(`Redis is busy: ${text}`, options);
const full: Make = (text, options) => new ServerFullError(`Redis has no room: ${text}`, options);
const corrupt: Make = (text, options) =>
  new ServerCorruptError(`A key of the channel holds something else: ${text}`, options);
const refused: Make = (text, options) => new ConnectionError(`Redis refused a command: ${text}`, options);
const denied: Make = (text, options) => new ConnectionError(`Redis denies access: ${text}`, options);
/** Redis 7.0 does not say which command of a script it was. */
const deniedInScript: Make = (text, options) =>
  new ConnectionError(`Redis denies access to a command or key in a script, ACL LOG names it: ${text}`, options);
const readonly: Make = (text, options) =>
  new ConnectionError(`The Redis server is a replica and cannot be written to: ${text}`, options);
const single: Make = (text, options) =>
  new ConnectionError(`The server belongs to a cluster, use the option cluster of redis(): ${text}`, options);

/** By the first word of an error reply (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors). */
const byWord: Readonly<Record<string, readonly [TroubleKind, Make]>> = {
  OOM: ["full", full],
  MISCONF: ["full", full],
  NOREPLICAS: ["busy", busy],
  BUSY: ["busy", busy],
  LOADING: ["busy", busy],
  MASTERDOWN: ["busy", busy],
  CLUSTERDOWN: ["busy", busy],
  TRYAGAIN: ["busy", busy],
  READONLY: ["lost", readonly],
  UNBLOCKED: ["lost", readonly],
  NOAUTH: ["denied", denied],
  WRONGPASS: ["denied", denied],
  NOPERM: ["denied", denied],
  NOGROUP: ["group", refused],
  WRONGTYPE: ["type", corrupt],
  NOSCRIPT: ["script", refused],
  MOVED: ["moved", single],
  ASK: ["moved", single],
};

/** How the client names connections that ended; everything else that is no reply of the server counts as such, too. */
export function isReply(thrown: unknown): thrown is Error {
  return thrown instanceof Error && /^(SimpleError|BlobError|ErrorReply)$/.test(thrown.constructor.name);
}

/** The first word, also where a script wraps the error of a command it called. */
function wordOf(message: string): string {
  const word = /^[A-Z]+/.exec(message)?.[0] ?? "";
  if (word !== "ERR") return word;
  return /\b(OOM|NOPERM|WRONGTYPE|NOGROUP|READONLY|MISCONF)\b/.exec(message)?.[1] ?? word;
}

/** Puts whatever the client threw into one of the kinds. */
export function toTrouble(thrown: unknown): Trouble {
  if (thrown instanceof NodeError) return { kind: "node", error: thrown };
  if (thrown instanceof MillraceError) {
    return { kind: thrown instanceof ServerBusyError ? "busy" : "lost", error: thrown };
  }
  const options = { cause: thrown };
  if (isReply(thrown)) {
    // Redis has no word of its own for a stream that is gone while it is asked about, or while a read of it blocks.
    if (/no such key|key no longer exists|requires the key to exist/.test(thrown.message)) {
      return { kind: "group", error: refused(thrown.message, options) };
    }
    const known = byWord[wordOf(thrown.message)];
    if (known !== undefined) return { kind: known[0], error: known[1](thrown.message, options) };
    // What Redis says of a wrong key type inside of a script, and of `AUTH` without a user.
    if (/invalid username-password|without any password configured/i.test(thrown.message)) {
      return { kind: "denied", error: denied(thrown.message, options) };
    }
    if (/ACL failure in script|executing the script can't/i.test(thrown.message)) {
      return { kind: "denied", error: deniedInScript(thrown.message, options) };
    }
    return { kind: "command", error: refused(thrown.message, options) };
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind: "lost", error: new ConnectionError(`The connection to Redis is lost: ${text}`, options) };
}

/** What a sender gets. `unknown` when no answer came: the command may have been executed. */
export function publishError({ kind, error }: Trouble): PublishError {
  const unknown =
    error instanceof NodeError
      ? error.wasSent
      : kind === "lost" && !(error.cause instanceof Error && isReply(error.cause));
  const text = unknown ? "The message may or may not be stored" : "The message was not stored";
  return new PublishError(unknown ? "unknown" : "failed", `${text}: ${error.message}`, { cause: error });
}
