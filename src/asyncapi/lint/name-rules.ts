import { canonical } from "../canonical.ts";
import { isPlain, type LintView } from "./lint-view.ts";

const key = /^[A-Za-z0-9._-]+$/;

/** Keys that every tool understands, and names that tell things apart. */
export function lintNames(view: LintView): void {
  const { document } = view;
  const groups = Object.entries({
    servers: document.servers,
    channels: document.channels,
    operations: document.operations,
  });
  for (const [group, entries] of groups) checkKeys(view, entries, [group]);
  for (const [group, entries] of Object.entries(document.components ?? {})) {
    if (!group.startsWith("x-")) checkKeys(view, entries, ["components", group]);
  }
  for (const { key: channel, placed } of view.channels) {
    const seen = new Map<string, unknown>();
    for (const { at, placed: message } of view.entries(placed?.value["messages"], [
      ...(placed?.path ?? []),
      "messages",
    ])) {
      const name = message?.value["name"];
      if (typeof name !== "string") continue;
      if (seen.has(name) && seen.get(name) !== message?.value) {
        view.report("duplicate-name", "warning", at, `Channel ${channel} has another message that is named ${name}.`);
      }
      seen.set(name, message?.value);
    }
  }
  lintNumbered(view);
}

function checkKeys(view: LintView, entries: unknown, path: readonly string[]): void {
  for (const name of isPlain(entries) ? Object.keys(entries) : []) {
    if (!key.test(name)) view.report("invalid-key", "warning", [...path, name], `Some tools refuse the key ${name}.`);
  }
}

/** Two different schemas that wanted one name, as `Order` and `Order_2` tell; and equal ones that have two. */
function lintNumbered(view: LintView): void {
  const schemas = view.document.components?.schemas ?? {};
  for (const name of Object.keys(schemas)) {
    const base = /^(.+)_\d+$/.exec(name)?.[1];
    if (base === undefined || !Object.hasOwn(schemas, base)) continue;
    const equal = canonical(schemas[base]) === canonical(schemas[name]);
    const message = equal ? `is equal to ${base}: one of them is enough` : `is another schema than ${base}: rename one`;
    view.report("duplicate-schema", "info", ["components", "schemas", name], `${name} ${message}.`);
  }
}
