import type { RedisClientOptions } from "@redis/client";
import { OptionError } from "../../server/errors.ts";

/** Where a server is, without credentials. */
export interface Address {
  /** Host and port, or the path of a unix socket. */
  readonly host: string;
  readonly isSecure: boolean;
  /** Number of the database, where it is given. */
  readonly database: string | undefined;
}

interface Parsed extends Address {
  readonly hasCredentials: boolean;
}

const expected =
  "Expected url of redis to be redis://host:port/database, rediss://host:port/database or unix:///path?db=database.";
const unixUrl = /^unix:\/\/([^@/]*@)?(\/[^?#]+)(?:\?([^#]*))?$/;

function parseUnix(url: string): Parsed {
  const [, credentials, path, query] = unixUrl.exec(url) ?? [];
  if (path === undefined) throw new OptionError(expected);
  const database = new URLSearchParams(query).get("db") ?? undefined;
  return { host: path, isSecure: false, database, hasCredentials: credentials !== undefined };
}

function parseTcp(url: string): Parsed {
  // The error of an invalid URL quotes all of it, also a password: it must not become the cause of ours.
  if (!URL.canParse(url)) throw new OptionError(expected);
  const { protocol, hostname, host, port, pathname, username, password } = new URL(url);
  if (protocol !== "redis:" && protocol !== "rediss:") throw new OptionError(expected);
  return {
    host: port === "" ? hostname : host,
    isSecure: protocol === "rediss:",
    database: pathname.length > 1 ? pathname.slice(1) : undefined,
    hasCredentials: username !== "" || password !== "",
  };
}

/** Reads the URL of a Redis server. Throws for what is none, and never quotes it. */
export function readUrl(url: string): Parsed {
  const parsed = url.startsWith("unix:") ? parseUnix(url) : parseTcp(url);
  if (parsed.database !== undefined && !/^\d+$/.test(parsed.database)) {
    throw new OptionError(`Expected the database in the url of redis to be a number. ${expected}`);
  }
  return parsed;
}

/** What a socket's options may say of the place. */
interface Place {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly tls?: boolean;
}

/** Where a client with these options goes to. */
export function addressIn(options: RedisClientOptions | undefined): Address {
  const { host = "127.0.0.1", port = 6379, path, tls = false } = (options?.socket ?? {}) as Place;
  const { database } = options ?? {};
  return {
    host: path ?? `${host}:${port}`,
    isSecure: tls,
    database: database === undefined ? undefined : String(database),
  };
}

/**
 * Where a URL and further options lead to. What they say twice must be the same: the client would take one of both without a
 * word, and `redis://` with `tls: true` must never end without encryption.
 */
export function addressOf(url: string | undefined, options: RedisClientOptions | undefined): Address {
  if (options?.url !== undefined) throw new OptionError("Give redis the option url, not options.url.");
  if (url === undefined) return addressIn(options);
  const { hasCredentials, ...address } = readUrl(url);
  const { tls } = (options?.socket ?? {}) as Place;
  if (tls !== undefined && tls !== address.isSecure) {
    throw new OptionError("The url of redis and options.socket.tls differ: with TLS the url begins with rediss://.");
  }
  const { username, password, credentialsProvider } = options ?? {};
  if (hasCredentials && (username ?? password ?? credentialsProvider) !== undefined) {
    throw new OptionError("redis got credentials in the url and in options: give them once.");
  }
  if (address.database !== undefined && options?.database !== undefined) {
    throw new OptionError("redis got a database in the url and in options: give it once.");
  }
  return options?.database === undefined ? address : { ...address, database: String(options.database) };
}
