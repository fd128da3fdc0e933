import type { ServerInfo } from "../server/server-info.ts";
import type { AsyncApiServer } from "./document.ts";
import { addressOf, redact } from "./redact.ts";
import { defined, type Workshop } from "./workshop.ts";

/** A server without anything that could be a secret, whatever its adapter or its options say. */
export function serverObject(info: ServerInfo, workshop: Workshop): AsyncApiServer {
  const { host, pathname } = addressOf(info.host);
  const { protocol, protocolVersion, variables, bindings } = info;
  const path = info.pathname ?? pathname;
  return defined<AsyncApiServer>({
    host,
    protocol,
    protocolVersion,
    pathname: path === undefined ? undefined : redact(path).replace(/\?.*$/s, ""),
    ...redact(workshop.described(info)),
    variables: variables === undefined ? undefined : ({ ...redact(variables) } as AsyncApiServer["variables"]),
    security: workshop.security(info.security),
    bindings: bindings === undefined || Object.keys(bindings).length === 0 ? undefined : redact(bindings),
  });
}
