import { type Change, type Direction, shown } from "./change.ts";
import { changeAt, fromTo } from "./change-at.ts";
import { describedFields, diffFields } from "./diff-annotations.ts";
import { diffBindings } from "./diff-bindings.ts";
import { diffChannel } from "./diff-channels.ts";
import { diffMessages } from "./diff-messages.ts";
import { diffSecurity } from "./diff-security.ts";
import { sameJson } from "./json.ts";
import { messageViews, withTraits } from "./message-view.ts";
import { child, children, follow, type Place } from "./place.ts";
import type { SubsetOptions } from "./subset.ts";

const opposite: Readonly<Record<Direction, Direction>> = { receive: "send", send: "receive", both: "both" };

function directionOf(operation: Place): Direction {
  const { value } = child(operation, "action");
  return value === "send" || value === "receive" ? value : "both";
}

/** Whoever answers may begin to; whoever asks must not begin to expect it. */
function diffReply(before: Place, after: Place, direction: Direction, options: SubsetOptions): readonly Change[] {
  const [old, now] = [child(before, "reply"), child(after, "reply")].map((place) =>
    place.value === undefined ? undefined : follow(place),
  );
  if (old === undefined && now === undefined) return [];
  if (old === undefined || now === undefined) {
    const [isAdded, place] = now === undefined ? [false, old as Place] : [true, now];
    const safe = direction === (isAdded ? "receive" : "send");
    const text = isAdded ? "a reply was added" : "the reply was removed";
    const code = isAdded ? "reply-added" : "reply-removed";
    return [changeAt(code, safe ? "compatible" : "breaking", direction, place, text, isAdded ? "new" : "old")];
  }
  const back = opposite[direction];
  const found: Change[] = [];
  const location = (reply: Place): unknown => {
    const address = follow(child(reply, "address"));
    return address === undefined ? undefined : child(address, "location").value;
  };
  if (!sameJson(location(old), location(now))) {
    const text = `reply address ${fromTo(location(old), location(now))}`;
    found.push(changeAt("reply-address-changed", "breaking", direction, child(now, "address"), text));
  }
  const channel = (reply: Place): Place | undefined =>
    child(reply, "channel").value === undefined ? undefined : follow(child(reply, "channel"));
  const [from, to] = [channel(old), channel(now)];
  if (from !== undefined && to !== undefined) {
    found.push(...diffChannel(from, to, back).map((one) => ({ ...one, message: `reply ${one.message}` })));
  } else if (from !== to) {
    found.push(changeAt("reply-address-changed", "breaking", direction, now, "the reply channel is different"));
  }
  const views = (reply: Place, on: Place | undefined) => messageViews(child(reply, "messages"), on);
  return [...found, ...diffMessages(views(old, from), views(now, to), "reply ", back, options)];
}

function diffOperation(key: string, before: Place, after: Place, options: SubsetOptions): readonly Change[] {
  const [was, is] = [directionOf(before), directionOf(after)];
  if (was !== is) {
    const text = `action ${fromTo(was, is)}`;
    return [changeAt("operation-action-changed", "breaking", "both", child(after, "action"), text)];
  }
  const [from, to] = [follow(child(before, "channel")), follow(child(after, "channel"))];
  if (from === undefined || to === undefined) {
    const text = `the channel of operation ${shown(key)} leads out of the document, so nobody can tell`;
    return [changeAt("reference-unresolved", "breaking", is, after, text)];
  }
  const found: Change[] = [];
  return [
    ...found,
    ...diffBindings(before, after, "operation ", is),
    ...diffChannel(from, to, is),
    ...diffMessages(
      messageViews(child(before, "messages"), from),
      messageViews(child(after, "messages"), to),
      "",
      is,
      options,
    ),
    ...diffReply(before, after, is, options),
    ...diffSecurity(child(before, "security"), child(after, "security"), "operation", is),
    ...diffFields(before, after, describedFields, is),
  ];
}

/** Differences of the operations, by their names: what it is that others rely on. */
export function diffOperations(before: Place, after: Place, options: SubsetOptions): readonly Change[] {
  const [old, now] = [children(before), children(after)];
  const found: Change[] = [];
  for (const [key, place] of old) {
    const one = withTraits(follow(place) ?? place);
    const other = now.get(key);
    if (other === undefined) {
      const text = `operation ${shown(key)} was removed`;
      found.push({
        ...changeAt("operation-removed", "breaking", directionOf(one), place, text, "old"),
        operation: key,
      });
      continue;
    }
    const changes = diffOperation(key, one, withTraits(follow(other) ?? other), options);
    found.push(...changes.map((change) => ({ ...change, operation: key })));
  }
  for (const [key, place] of now) {
    if (old.has(key)) continue;
    const one = withTraits(follow(place) ?? place);
    const text = `operation ${shown(key)} was added`;
    found.push({ ...changeAt("operation-added", "compatible", directionOf(one), place, text), operation: key });
  }
  return found;
}
