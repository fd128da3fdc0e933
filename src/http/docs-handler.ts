import type { IncomingMessage, ServerResponse } from "node:http";
import type { AsyncApiDocument } from "../asyncapi/document.ts";
import { OptionError } from "../server/errors.ts";
import type { Logger } from "../server/logger.ts";
import { choiceOption } from "../server/option.ts";
import { createHostCheck } from "./allowed-hosts.ts";
import { docsFiles } from "./docs-files.ts";
import type { DocsHandlerOptions } from "./docs-options.ts";
import { checkReactFiles, reactFolder } from "./react-view.ts";
import { chooseEncoding, matchesTag, type Resource } from "./resource.ts";

/** The documentation as part of another HTTP server. Its functions need no `this`. */
export interface DocsHandler {
  /** For frameworks of the Fetch API: Hono, Next, Bun, Deno. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** For `node:http`, Express and Fastify. With `next`, what is not found is left to others. */
  readonly listener: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;
}

export interface DocsSource {
  /** As long as it returns the same object, everything is served from the cache. */
  document(): AsyncApiDocument;
  readonly logger: Logger;
  /** Where the files of the React view are. Default: beside the built package. */
  readonly reactFolder?: URL;
}

/** What an answer depends on, from either kind of server. */
interface Asked {
  readonly method: string;
  /** The path to route by. */
  readonly path: string;
  /** The path that the browser sees, where a framework cut something off. */
  readonly shownPath: string;
  header(name: string): string | null | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

const common = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

function plain(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(`${message}\n`);
  const length = { "content-length": String(body.byteLength), "cache-control": "no-store" };
  return { status, headers: { ...common, "content-type": "text/plain; charset=utf-8", ...length, ...headers }, body };
}

/** Paths in a page are relative, so its own must end with a slash; relative, too, since a proxy may have cut off a part. */
function redirect(location: string): Answer {
  return plain(302, "see below", { location });
}

function prefixOf(path: string): string {
  if (typeof path !== "string" || !/^\/[^?#\s]*$/.test(path)) {
    throw new OptionError(`Expected docs.path to be a path such as "/docs", got ${JSON.stringify(path)}.`);
  }
  return path.replace(/\/+$/, "");
}

/** Errors: `OptionError`, also where `view: "react"` has no files. */
export function createDocsHandler(source: DocsSource, options: DocsHandlerOptions = {}): DocsHandler {
  const { logger, reactFolder: folder = reactFolder } = source;
  const prefix = prefixOf(options.path ?? "/");
  const view = choiceOption("docs.view", options.view ?? "page", ["page", "react"]);
  if (view === "react") checkReactFiles(folder);
  const isAllowed = options.allowedHosts === undefined ? () => true : createHostCheck(options.allowedHosts);
  let shown: AsyncApiDocument | undefined;
  let files: ReadonlyMap<string, Resource> = new Map();

  function filesNow(): ReadonlyMap<string, Resource> {
    const document = source.document();
    if (document !== shown) {
      files = docsFiles(document, options, folder);
      shown = document;
    }
    return files;
  }

  async function answer({ method, path, shownPath, header }: Asked): Promise<Answer> {
    const host = header("host");
    if (!isAllowed(host ?? undefined)) {
      logger.warn({ event: "http.denied", host });
      return plain(421, "unknown host");
    }
    const isRoot = path === prefix || path === `${prefix}/`;
    if (!isRoot && !path.startsWith(`${prefix}/`)) return plain(404, "not found");
    const name = path.slice(prefix.length + 1);
    const isFolder = isRoot || (view === "react" && name === "react");
    const resources = isFolder ? undefined : filesNow();
    if (!isFolder && resources?.has(name) !== true) return plain(404, "not found");
    if (method !== "GET" && method !== "HEAD") return plain(405, "method not allowed", { allow: "GET, HEAD" });
    if (isFolder && !shownPath.endsWith("/")) return redirect(`./${shownPath.slice(shownPath.lastIndexOf("/") + 1)}/`);
    if (isRoot && view === "react") return redirect("react/");
    const resource = (resources ?? filesNow()).get(name);
    return resource === undefined ? plain(404, "not found") : send(resource, header);
  }

  async function send(resource: Resource, header: Asked["header"]): Promise<Answer> {
    const encoding = chooseEncoding(header("accept-encoding"), resource.encodings);
    const etag = await resource.etag(encoding);
    const headers = {
      ...common,
      etag,
      vary: "accept-encoding",
      "cache-control": "no-cache",
      ...(resource.policy === undefined ? {} : { "content-security-policy": resource.policy }),
    };
    if (matchesTag(header("if-none-match"), etag)) return { status: 304, headers, body: undefined };
    const body = await resource.bytes(encoding);
    const entity = { "content-type": resource.type, "content-length": String(body.byteLength) };
    const coding: Readonly<Record<string, string>> = encoding === "identity" ? {} : { "content-encoding": encoding };
    return { status: 200, headers: { ...headers, ...entity, ...coding }, body };
  }

  async function respond(asked: Asked): Promise<Answer> {
    try {
      const { body, ...rest } = await answer(asked);
      return { ...rest, body: asked.method === "HEAD" ? undefined : body };
    } catch (error) {
      logger.error({ event: "http.error", message: error instanceof Error ? error.message : String(error) });
      return plain(500, "the documentation cannot be made; the log has the reason");
    }
  }

  return {
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const header = (name: string): string | null => request.headers.get(name);
      const { status, headers, body } = await respond({
        method: request.method,
        path: pathname,
        shownPath: pathname,
        header,
      });
      return new Response(body ?? null, { status, headers: { ...headers } });
    },
    listener(request, response, next) {
      const path = pathOf(request.url);
      const original = (request as { readonly originalUrl?: unknown }).originalUrl;
      const header = (name: string): string | undefined => {
        const value = request.headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      };
      const shownPath = typeof original === "string" ? pathOf(original) : path;
      const asked = { method: request.method ?? "GET", path, shownPath, header };
      respond(asked)
        .then(({ status, headers, body }) => {
          if (status === 404 && typeof next === "function") return next();
          response.writeHead(status, headers);
          response.end(body);
        })
        .catch((error: unknown) => {
          // Somebody else has answered already, or what comes next threw.
          logger.error({ event: "http.error", message: String(error) });
          response.destroy();
        });
    },
  };
}

function pathOf(url: string | undefined): string {
  return (url ?? "/").split(/[?#]/, 1)[0] || "/";
}
