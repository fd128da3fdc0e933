import { isPlain, type LintView, type Placed } from "./lint-view.ts";

/** Addresses: known, unique, with the parameters that are declared, and no others. */
export function lintChannels(view: LintView): void {
  const seen = new Map<string, string>();
  for (const { key, at, placed } of view.channels) {
    if (placed === undefined) continue;
    const { address } = placed.value;
    const here = [...placed.path, "address"];
    if (address === undefined) {
      view.report("missing-address", "error", at, `Channel ${key} has no address: nobody knows where it is.`);
    }
    if (typeof address !== "string") continue;
    if (/[?#]/.test(address)) {
      view.report("address-characters", "warning", here, `The address ${address} has a ? or # in it.`);
    }
    const servers = JSON.stringify(placed.value["servers"] ?? null);
    const earlier = seen.get(`${address} ${servers}`);
    if (earlier !== undefined) {
      view.report("duplicate-address", "warning", here, `Channel ${earlier} has the same address.`);
    }
    seen.set(`${address} ${servers}`, key);
    lintParameters(view, placed, address);
  }
}

function lintParameters(view: LintView, { value, path }: Placed, address: string): void {
  const declared = isPlain(value["parameters"]) ? Object.keys(value["parameters"]) : [];
  const used = [...address.matchAll(/\{([^{}]+)\}/g)].map(([, name = ""]) => name);
  for (const name of used.filter((one) => !declared.includes(one))) {
    view.report("undeclared-parameter", "error", [...path, "address"], `The parameter ${name} is not declared.`);
  }
  for (const name of declared.filter((one) => !used.includes(one))) {
    const at = [...path, "parameters", name];
    view.report("unused-parameter", "error", at, `The address has no {${name}}.`);
  }
  for (const { placed, at, key } of view.entries(value["parameters"], [...path, "parameters"])) {
    const { enum: allowed, default: preset } = placed?.value ?? {};
    if (Array.isArray(allowed) && preset !== undefined && !allowed.includes(preset)) {
      view.report("invalid-example", "error", [...at, "default"], `The default of ${key} is none of its values.`);
    }
    lintExpression(view, placed?.value["location"], [...at, "location"]);
  }
}

const expression = /^\$message\.(?:header|payload)#(?:\/(?:[^/~]|~[01])*)*$/;

/** Runtime expressions name a place in a message: `$message.header#/a` or `$message.payload#/a/b`. */
export function lintExpression(view: LintView, value: unknown, path: readonly string[]): void {
  if (value === undefined || (typeof value === "string" && expression.test(value))) return;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  view.report("invalid-expression", "error", path, `${shown} is no runtime expression.`);
}
