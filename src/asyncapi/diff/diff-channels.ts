import { type Change, type Direction, shown } from "./change.ts";
import { changeAt, fromTo } from "./change-at.ts";
import { describedFields, diffFields } from "./diff-annotations.ts";
import { diffBindings } from "./diff-bindings.ts";
import { serversOf } from "./diff-servers.ts";
import { listOf, sameJson } from "./json.ts";
import { child, children, follow, type Place } from "./place.ts";

/**
 * Values of a parameter. Those who send to the application fill it in as they do the payload; where the application sends,
 * it fills it in.
 */
function diffParameter(name: string, before: Place, after: Place, direction: Direction): readonly Change[] {
  const [old, now] = [follow(before), follow(after)];
  if (old === undefined || now === undefined) return [];
  const text = (what: string): string => `channel parameter ${shown(name)}: ${what}`;
  const at = (isNarrower: boolean, what: string): Change => {
    const safe = direction === (isNarrower ? "send" : "receive");
    return changeAt("parameter-changed", safe ? "compatible" : "breaking", direction, now, text(what));
  };
  const found: Change[] = [];
  const [values, others] = [child(old, "enum").value, child(now, "enum").value];
  if (Array.isArray(others) && !Array.isArray(values)) found.push(at(true, "only listed values are allowed now"));
  else if (Array.isArray(values) && !Array.isArray(others)) found.push(at(false, "any value is allowed now"));
  else {
    const [first, second] = [listOf(values), listOf(others)];
    for (const one of first)
      if (!second.includes(one)) found.push(at(true, `value ${shown(one)} is not allowed any more`));
    for (const one of second) if (!first.includes(one)) found.push(at(false, `value ${shown(one)} is now allowed`));
  }
  const location = (place: Place): unknown => child(place, "location").value;
  if (!sameJson(location(old), location(now))) {
    const moved = text(`location ${fromTo(location(old), location(now))}`);
    found.push(changeAt("parameter-changed", "breaking", direction, now, moved));
  }
  return [...found, ...diffFields(old, now, ["description", "default", "examples"], direction)];
}

function diffServerList(before: Place, after: Place, direction: Direction): readonly Change[] {
  const [old, now] = [serversOf(before), serversOf(after)];
  const place = child(after, "servers");
  if (now !== undefined && old === undefined) {
    const text = "the channel is only on some servers now";
    return [changeAt("channel-server-removed", "breaking", direction, place, text)];
  }
  if (old !== undefined && now === undefined) {
    const text = "the channel is on all servers now";
    return [changeAt("channel-server-added", "compatible", direction, after, text)];
  }
  const lost = [...(old ?? [])].filter((name) => now?.has(name) !== true);
  const isNew = [...(now ?? [])].filter((name) => old?.has(name) !== true);
  return [
    ...lost.map((name) => {
      const text = `the channel is not on server ${shown(name)} any more`;
      return changeAt("channel-server-removed", "breaking", direction, place, text);
    }),
    ...isNew.map((name) => {
      const text = `the channel is on server ${shown(name)}, too`;
      return changeAt("channel-server-added", "compatible", direction, place, text);
    }),
  ];
}

/** Differences of two channels but for their messages. */
export function diffChannel(before: Place, after: Place, direction: Direction): readonly Change[] {
  const found: Change[] = [];
  const address = (place: Place): unknown => child(place, "address").value;
  if (!sameJson(address(before), address(after))) {
    const text = `address ${fromTo(address(before), address(after))}`;
    found.push(changeAt("address-changed", "breaking", direction, child(after, "address"), text));
  }
  const parameters = children(child(after, "parameters"));
  for (const [name, old] of children(child(before, "parameters"))) {
    const now = parameters.get(name);
    if (now !== undefined) found.push(...diffParameter(name, old, now, direction));
  }
  const names = (place: Place): string[] => [...children(child(place, "parameters")).keys()].sort();
  if (!sameJson(names(before), names(after))) {
    const text = `channel parameters ${fromTo(names(before).join(", "), names(after).join(", "))}`;
    found.push(changeAt("parameter-changed", "breaking", direction, child(after, "parameters"), text));
  }
  return [
    ...found,
    ...diffBindings(before, after, "channel ", direction),
    ...diffServerList(before, after, direction),
    ...diffFields(before, after, describedFields, direction),
  ];
}
