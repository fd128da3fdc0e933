import { type Change, type ChangeCode, type Direction, type Severity, shown } from "./change.ts";
import { changeAt, fromTo } from "./change-at.ts";
import { describedFields, diffFields } from "./diff-annotations.ts";
import { diffBindings } from "./diff-bindings.ts";
import { diffSchemas } from "./diff-schemas.ts";
import { sameJson } from "./json.ts";
import type { MessageView } from "./message-view.ts";
import type { SubsetOptions } from "./subset.ts";

function diffMessage(
  before: MessageView,
  after: MessageView,
  what: string,
  direction: Direction,
  options: SubsetOptions,
): readonly Change[] {
  const found: Change[] = [];
  const differs = (code: ChangeCode, severity: Severity, name: string, old: unknown, now: unknown): void => {
    if (sameJson(old, now)) return;
    found.push(changeAt(code, severity, direction, after.place, `${what}${name} ${fromTo(old, now)}`));
  };
  const mediaType = (view: MessageView): unknown => view.contentType?.replaceAll(/\s/g, "").toLowerCase();
  differs("content-type-changed", "breaking", "content type", mediaType(before), mediaType(after));
  // Whether it must be there is said by the headers or the payload; who looks for it there must find it where it was.
  const isNew = before.correlationId === undefined ? "compatible" : "breaking";
  differs("correlation-id-changed", isNew, "correlation id", before.correlationId, after.correlationId);
  // Consumers that look at the name of a message find another one.
  const isNamed = before.name === undefined ? "compatible" : "breaking";
  differs("message-name-changed", isNamed, "message name", before.name, after.name);
  return [
    ...found,
    ...diffBindings(before.place, after.place, `${what}message `, direction),
    ...diffSchemas(before.payload, after.payload, `${what}payload`, direction, options),
    ...diffSchemas(before.headers, after.headers, `${what}headers`, direction, options),
    ...diffFields(before.place, after.place, [...describedFields, "examples", "deprecated"], direction),
  ];
}

/** Which message of the one list is which of the other: by key, by name, or because there is just one. */
function pairs(before: readonly MessageView[], after: readonly MessageView[]): Map<MessageView, MessageView> {
  const found = new Map<MessageView, MessageView>();
  const isFree = (one: MessageView): boolean => ![...found.values()].includes(one);
  const [first, second] = [before[0], after[0]];
  if (before.length === 1 && after.length === 1 && first !== undefined && second !== undefined) {
    return found.set(first, second);
  }
  const pair = (isSame: (one: MessageView, other: MessageView) => boolean): void => {
    for (const one of before) {
      const same = found.has(one) ? undefined : after.find((other) => isFree(other) && isSame(one, other));
      if (same !== undefined) found.set(one, same);
    }
  };
  pair((one, other) => one.key === other.key);
  pair((one, other) => one.name !== undefined && one.name === other.name);
  return found;
}

/** Differences of what an operation, a reply or a channel can carry: a union of messages. `what` begins sentences. */
export function diffMessages(
  before: readonly MessageView[],
  after: readonly MessageView[],
  what: string,
  direction: Direction,
  options: SubsetOptions,
): readonly Change[] {
  const paired = pairs(before, after);
  const known = new Set(paired.values());
  const removed = before.filter((one) => !paired.has(one));
  const added = after.filter((one) => !known.has(one));
  return [
    ...[...paired].flatMap(([old, now]) => diffMessage(old, now, what, direction, options)),
    ...removed.map(({ key, place }) => {
      const severity = direction === "send" ? "compatible" : "breaking";
      const text = `${what}message ${shown(key)} was removed`;
      return changeAt("message-removed", severity, direction, place, text, "old");
    }),
    ...added.map(({ key, place }) => {
      const severity = direction === "receive" ? "compatible" : "breaking";
      return changeAt("message-added", severity, direction, place, `${what}message ${shown(key)} was added`);
    }),
  ];
}
