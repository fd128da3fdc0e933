import { createServer, type RequestListener, type Server } from "node:http";
import { OptionError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { integerOption } from "../server/option.ts";
import { isLoopback } from "./allowed-hosts.ts";

export interface ListenOptions {
  /** The option that it is for, in errors: `health` or `docs`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What is to be found there, for the log. */
  readonly path: string;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * Starts a small HTTP server with limits on time, headers and connections. Resolves to the function that closes it.
 * Errors: `OptionError` when the port cannot be had (`cause`: `EADDRINUSE` and the like).
 */
export async function listen(
  options: ListenOptions,
  listener: RequestListener,
  logger: Logger,
): Promise<() => Promise<void>> {
  const { name, host, path } = options;
  const port = integerOption(`${name}.port`, options.port, { min: 0, max: 65_535 });
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000, maxHeaderSize: 8192 }, listener);
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void =>
      reject(new OptionError(`Cannot listen on ${name}.port ${port} of ${host}: ${error.message}.`, { cause: error }));
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  server.on("error", (error) => logger.error({ event: "http.error", message: error.message }));
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  logger.info({ event: "http.listen", host, port: bound, path });
  if (!isLoopback(host)) logger.warn({ event: "server.exposed", host, port: bound });
  return () => close(server);
}
