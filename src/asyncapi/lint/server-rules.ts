import { hasCredentials } from "../redact.ts";
import { isPlain, type LintView, visitValues } from "./lint-view.ts";

/** Hosts that are hosts, with the variables that are declared. */
export function lintServers(view: LintView): void {
  for (const { key, placed } of view.entries(view.document.servers, ["servers"])) {
    if (placed === undefined) continue;
    const { value, path } = placed;
    const { host, pathname, variables } = value;
    if (typeof host === "string" && (/[/?#@;=]/.test(host) || host === "")) {
      view.report("invalid-host", "error", [...path, "host"], `The host of ${key} must be a name and a port, no URL.`);
    }
    const declared = isPlain(variables) ? variables : {};
    for (const [field, text] of Object.entries({ host, pathname })) {
      for (const [, name = ""] of typeof text === "string" ? text.matchAll(/\{([^{}]+)\}/g) : []) {
        if (!Object.hasOwn(declared, name)) {
          view.report("undeclared-variable", "error", [...path, field], `The variable ${name} is not declared.`);
        }
      }
    }
    for (const entry of view.entries(variables, [...path, "variables"])) {
      const { enum: allowed, default: preset } = entry.placed?.value ?? {};
      if (Array.isArray(allowed) && preset !== undefined && !allowed.includes(preset)) {
        const at = [...entry.at, "default"];
        view.report("invalid-example", "error", at, `The default of ${entry.key} is none of its values.`);
      }
    }
  }
}

/** Passwords in URLs, anywhere: a document is read by many. */
export function lintCredentials(view: LintView): void {
  visitValues(view.document, (value, path) => {
    if (typeof value !== "string") return;
    const inHost = path[0] === "servers" && path.at(-1) === "host" && value.includes("@");
    if (inHost || hasCredentials(value)) {
      view.report("credentials", "error", path, "There are credentials in this text.");
    }
  });
}
