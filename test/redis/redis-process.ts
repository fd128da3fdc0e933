import { redisArgs } from "../../dev/recipes.ts";
import { requireProgram } from "../brokers.ts";
import type { Authority, Certificate } from "./certificates.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export type RedisName = "redis" | "redis8" | "valkey";

export interface RedisOptions {
  /** Default "redis", the oldest version that is supported. */
  readonly broker?: RedisName;
  /** Further arguments, which win over those that are always given: `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
  /** Of the user "default". The URL contains it. */
  readonly password?: string;
  /** ACL rules by user: `{ worker: "on >secret ~millrace:* &* +@all" }`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Nothing but TLS, with this certificate. Client certificates are checked where one is shown. */
  readonly tls?: { readonly authority: Authority; readonly certificate: Certificate };
}

/** A Redis of one's own, with every write on disk before it is answered. */
export interface RedisProcess extends ServerProcess {
  /** The URL for one of `users`. */
  urlFor(user: string, password: string): string;
}

/** Starts a Redis. Tests that use it are skipped with `describe.skipIf((await requireProgram("redis")) === undefined)`. */
export async function startRedis({
  broker = "redis",
  args = [],
  password,
  users = {},
  tls,
}: RedisOptions = {}): Promise<RedisProcess> {
  const program = await requireProgram(broker);
  if (program === undefined) throw new Error(`no program for ${broker}: ask requireProgram("${broker}") first`);
  const scheme = tls === undefined ? "redis" : "rediss";
  const server = await startServer({
    name: broker,
    command: (place) => [
      ...program.command,
      ...redisArgs(place),
      // At once; the five seconds of the default are for many replicas.
      ...["--repl-diskless-sync-delay", "0"],
      ...(tls === undefined ? [] : tlsArgs(place.port, tls.authority, tls.certificate)),
      ...(password === undefined ? [] : ["--requirepass", password]),
      ...Object.entries(users).flatMap(([name, rules]) => ["--user", name, ...rules.split(" ")]),
      ...args,
    ],
    url: (port) => `${scheme}://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    ...(tls === undefined
      ? {}
      : { tls: { ca: tls.authority.ca, cert: tls.certificate.cert, key: tls.certificate.key } }),
  });
  const urlFor = (user: string, secret: string): string =>
    `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(secret)}@127.0.0.1:${server.port}`;
  // Not spread: `pid` is a getter.
  return Object.assign(server, { urlFor });
}

const tlsArgs = (port: number, { caFile }: Authority, { certFile, keyFile }: Certificate): readonly string[] => [
  ...["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "optional"],
  ...["--tls-ca-cert-file", caFile, "--tls-cert-file", certFile, "--tls-key-file", keyFile],
];
