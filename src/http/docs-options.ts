import type { PageOptions } from "../asyncapi/page/page-options.ts";

/** What the documentation shows and how; see `PageOptions` for the parts. */
export interface DocsViewOptions extends PageOptions {
  /**
   * `"page"` (default): one page, written on the server, that needs no script and has the strictest content security
   * policy. `"react"`: the official AsyncAPI React component below `react/`; it compiles code in the browser, so that its
   * path, and only its path, has a policy with `'unsafe-eval'`. The page is at `page.html` then. Both need no network.
   */
  readonly view?: "page" | "react";
}

export interface DocsHandlerOptions extends DocsViewOptions {
  /** What the paths of requests begin with. Default `/`; give the mount point where the framework does not cut it off. */
  readonly path?: string;
  /** Host names under which it may be asked. Default: all, as for the rest of the server that it is mounted in. */
  readonly allowedHosts?: readonly string[];
}

export interface DocsOptions extends DocsViewOptions {
  /** Default 127.0.0.1. Any other address shows the documentation to others, too. */
  readonly host?: string;
  /** 0 = any free port (see the log event `http.listen`). */
  readonly port: number;
  /** Where the page is; the other files are below it. Default `/`. */
  readonly path?: string;
  /** Host names, besides the address itself and localhost, under which it may be asked. */
  readonly allowedHosts?: readonly string[];
}
