import { namesOf } from "./allowed-hosts.ts";
import { createDocsHandler, type DocsSource } from "./docs-handler.ts";
import type { DocsOptions } from "./docs-options.ts";
import { listen } from "./listen.ts";

/**
 * Serves the documentation of an app on a port of its own. Resolves to the function that closes it. Errors: `OptionError`
 * for options and when the port cannot be had (`cause`: `EADDRINUSE` and the like).
 */
export async function serveDocs(options: DocsOptions, source: DocsSource): Promise<() => Promise<void>> {
  const { host = "127.0.0.1", port, path = "/", allowedHosts, ...view } = options;
  const names = namesOf(host, allowedHosts);
  const handler = createDocsHandler(source, { ...view, path, allowedHosts: names });
  return listen(
    { name: "docs", host, port, path },
    (request, response) => handler.listener(request, response),
    source.logger,
  );
}
