import { ConnectionError, ServerBusyError } from "../../server/errors.ts";
import type { Reply, Transport } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

/** What we must know of a server before we use it. */
export interface ServerFacts {
  /** Milliseconds since the epoch by its clock. */
  readonly time: number;
  /** `XACKDEL` (Redis 8.2): acknowledge and delete in one command. */
  readonly hasXackdel: boolean;
  /** The policy by which it may throw away queued messages, if it may. */
  readonly evicts: string | undefined;
}

const oldest = 7;
/** Commands of a new connection that belong to no key. */
const anywhere = "";

/** What the user may not ask for is not known. */
async function ask(transport: Transport, args: readonly string[], key: string = anywhere): Promise<Reply> {
  try {
    return await transport.send(key, args);
  } catch (error) {
    if (toTrouble(error).kind === "denied" && /NOPERM/.test(String(error))) return null;
    throw error;
  }
}

/** Which run of a server this is, another one after each start. `undefined` when we may not ask. */
export async function readRunId(transport: Transport, key: string): Promise<string | undefined> {
  return /^run_id:(\w+)/m.exec(String(await ask(transport, ["INFO", "server"], key)))?.[1];
}

/**
 * Asks a new connection what it leads to. Rejects while that is no server that can be used: still loading its data, a replica,
 * or too old.
 */
export async function readServerFacts(transport: Transport): Promise<ServerFacts> {
  const [info, time, commands] = await Promise.all([
    ask(transport, ["INFO"]),
    ask(transport, ["TIME"]),
    ask(transport, ["COMMAND", "INFO", "XACKDEL"]),
  ]);
  const text = String(info ?? "");
  const value = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(text)?.[1];
  if (value("loading") === "1") throw new ServerBusyError("Redis is loading its data.");
  if (value("role") === "slave") throw new ConnectionError("The Redis server is a replica; use its master.");
  const version = value("redis_version");
  if (version !== undefined && Number.parseInt(version, 10) < oldest) {
    throw new ConnectionError(`Redis ${version} is too old: millrace needs ${oldest}.0 or newer, or Valkey.`);
  }
  const policy = value("maxmemory_policy");
  const [seconds, microseconds] = (time ?? []) as readonly Reply[];
  return {
    time: seconds === undefined ? Date.now() : Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000),
    hasXackdel: Array.isArray(commands) && Array.isArray(commands[0]),
    evicts: policy === undefined || policy === "noeviction" ? undefined : policy,
  };
}
