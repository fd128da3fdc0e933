import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { HealthReport } from "../runtime/health-report.ts";
import type { HealthOptions } from "../runtime/worker-options.ts";
import { OptionError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { integerOption } from "../server/option.ts";

const loopback = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/** Without it a web page could read the endpoint of a local worker through a name that it rebinds (DNS rebinding). */
function isAllowedHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (header === undefined) return true;
  const name = header.replace(/:\d+$/, "").toLowerCase();
  return allowed.has(name);
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, body: string, type: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    "content-type": type,
    "content-length": bytes.byteLength,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/**
 * Serves `/livez`, `/readyz` and the summary (live and ready) as JSON with 200 or 503. Resolves to the function that
 * closes it. Errors: `OptionError` when the port cannot be had (`cause`: `EADDRINUSE` and the like).
 */
export async function serveHealth(
  options: HealthOptions,
  report: () => HealthReport,
  logger: Logger,
): Promise<() => Promise<void>> {
  const host = options.host ?? "127.0.0.1";
  const port = integerOption("health.port", options.port, { min: 0, max: 65_535 });
  const path = options.path ?? "/healthz";
  const names = [...loopback, host, `[${host}]`, ...(options.allowedHosts ?? [])];
  const allowed = new Set(names.map((name) => name.toLowerCase()));
  const probes = new Map<string, (health: HealthReport) => boolean>([
    ["/livez", (health) => health.live],
    ["/readyz", (health) => health.ready],
    [path, (health) => health.live && health.ready],
  ]);
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 10_000, maxHeaderSize: 8192 },
    (request, response) => {
      if (!isAllowedHost(request.headers.host, allowed)) {
        logger.warn({ event: "http.denied", host: request.headers.host });
        return answer(request, response, 421, "unknown host\n", "text/plain; charset=utf-8");
      }
      const url = (request.url ?? "/").split("?", 1)[0] ?? "/";
      const probe = probes.get(url);
      if (probe === undefined) return answer(request, response, 404, "not found\n", "text/plain; charset=utf-8");
      if (request.method !== "GET" && request.method !== "HEAD") {
        response.setHeader("allow", "GET, HEAD");
        return answer(request, response, 405, "method not allowed\n", "text/plain; charset=utf-8");
      }
      const health = report();
      const healthy = probe(health);
      const body = JSON.stringify({ status: healthy ? "ok" : "unhealthy", ...health });
      return answer(request, response, healthy ? 200 : 503, `${body}\n`, "application/json; charset=utf-8");
    },
  );
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void =>
      reject(new OptionError(`Cannot listen on health.port ${port} of ${host}: ${error.message}.`, { cause: error }));
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
  if (!loopback.has(host)) logger.warn({ event: "server.exposed", host, port: bound });
  return () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}
