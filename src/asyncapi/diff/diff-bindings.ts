import type { Change, Direction } from "./change.ts";
import { changeAt } from "./change-at.ts";
import { annotation } from "./diff-annotations.ts";
import { isObject, sameJson } from "./json.ts";
import { child, follow, type Place } from "./place.ts";

/** Bindings by protocol; keys that begin with `x-` bind nobody. */
function bindingsOf(place: Place): unknown {
  const value = follow(child(place, "bindings"))?.value;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("x-")));
}

/** Nobody but the broker knows what a binding means. `what` begins the sentence. */
export function diffBindings(before: Place, after: Place, what: string, direction: Direction): readonly Change[] {
  const [old, now] = [child(before, "bindings"), child(after, "bindings")];
  if (sameJson(follow(old)?.value, follow(now)?.value)) return [];
  if (sameJson(bindingsOf(before) ?? {}, bindingsOf(after) ?? {})) return [annotation(now, direction, "bindings")];
  const text = `${what}bindings are different, so nobody can tell`;
  return [changeAt("bindings-changed", "breaking", direction, now, text)];
}
