import type { IncomingMessage, ServerResponse } from "node:http";
import type { HealthReport } from "../runtime/health-report.ts";
import type { HealthOptions } from "../runtime/worker-options.ts";
import type { Logger } from "../server/logger.ts";
import { createHostCheck, namesOf } from "./allowed-hosts.ts";
import { listen } from "./listen.ts";

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
export function serveHealth(
  options: HealthOptions,
  report: () => HealthReport,
  logger: Logger,
): Promise<() => Promise<void>> {
  const host = options.host ?? "127.0.0.1";
  const path = options.path ?? "/healthz";
  const isAllowed = createHostCheck(namesOf(host, options.allowedHosts));
  const probes = new Map<string, (health: HealthReport) => boolean>([
    ["/livez", (health) => health.live],
    ["/readyz", (health) => health.ready],
    [path, (health) => health.live && health.ready],
  ]);
  return listen(
    { name: "health", host, port: options.port, path },
    (request, response) => {
      if (!isAllowed(request.headers.host)) {
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
    logger,
  );
}
