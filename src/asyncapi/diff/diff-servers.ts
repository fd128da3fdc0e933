import { type Change, shown } from "./change.ts";
import { changeAt, fromTo } from "./change-at.ts";
import { describedFields, diffFields } from "./diff-annotations.ts";
import { diffBindings } from "./diff-bindings.ts";
import { diffSecurity } from "./diff-security.ts";
import { isObject, listOf, own, sameJson } from "./json.ts";
import { child, children, follow, type Place } from "./place.ts";

function diffVariable(name: string, before: Place, after: Place): readonly Change[] {
  const [old, now] = [follow(before), follow(after)];
  if (old === undefined || now === undefined) return [];
  const at = (severity: "breaking" | "compatible", text: string): Change =>
    changeAt("server-variable-changed", severity, "both", now, `server variable ${shown(name)}: ${text}`);
  const found: Change[] = [];
  const value = (place: Place, key: string): unknown => child(place, key).value;
  if (!sameJson(value(old, "default"), value(now, "default"))) {
    found.push(at("breaking", `default ${fromTo(value(old, "default"), value(now, "default"))}`));
  }
  const [values, others] = [value(old, "enum"), value(now, "enum")];
  const lost = listOf(values).filter((one) => !listOf(others).includes(one));
  const isNew = listOf(others).filter((one) => !listOf(values).includes(one));
  if (Array.isArray(others) && !Array.isArray(values)) found.push(at("breaking", "only listed values are allowed now"));
  else if (Array.isArray(values) && !Array.isArray(others)) found.push(at("compatible", "any value is allowed now"));
  else {
    for (const one of lost) found.push(at("breaking", `value ${shown(one)} is not allowed any more`));
    for (const one of isNew) found.push(at("compatible", `value ${shown(one)} is now allowed`));
  }
  return [...found, ...diffFields(old, now, ["description", "examples"], "both")];
}

function diffServer(name: string, before: Place, after: Place): readonly Change[] {
  const what = `server ${shown(name)}`;
  const found: Change[] = [];
  for (const key of ["host", "protocol", "protocolVersion", "pathname"]) {
    const [old, now] = [child(before, key).value, child(after, key).value];
    if (sameJson(old, now)) continue;
    found.push(
      changeAt("server-changed", "breaking", "both", child(after, key), `${what}: ${key} ${fromTo(old, now)}`),
    );
  }
  const variables = children(child(after, "variables"));
  for (const [key, old] of children(child(before, "variables"))) {
    const now = variables.get(key);
    if (now !== undefined) found.push(...diffVariable(key, old, now));
  }
  return [
    ...found,
    ...diffBindings(before, after, `${what}: `, "both"),
    ...diffSecurity(child(before, "security"), child(after, "security"), what, "both"),
    ...diffFields(before, after, describedFields, "both"),
  ];
}

/** Differences of the servers, by their names. */
export function diffServers(before: Place, after: Place): readonly Change[] {
  const [old, now] = [children(before), children(after)];
  const found: Change[] = [];
  for (const [name, place] of old) {
    const same = now.get(name);
    const text = `server ${shown(name)} was removed`;
    if (same === undefined) found.push(changeAt("server-removed", "breaking", "both", place, text, "old"));
    else found.push(...diffServer(name, follow(place) ?? place, follow(same) ?? same));
  }
  for (const [name, place] of now) {
    if (!old.has(name)) {
      found.push(changeAt("server-added", "compatible", "both", place, `server ${shown(name)} was added`));
    }
  }
  return found;
}

/** Names of the servers that a channel is on; `undefined` = all of them. */
export function serversOf(channel: Place): ReadonlySet<string> | undefined {
  const { value } = child(channel, "servers");
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const names = value.filter(isObject).map((one) => String(own(one, "$ref")).split("/").at(-1) ?? "");
  return new Set(names);
}
