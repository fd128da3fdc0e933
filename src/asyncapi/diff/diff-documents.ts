import type { AsyncApiDocument } from "../document.ts";
import { type Change, shown } from "./change.ts";
import { changeAt } from "./change-at.ts";
import { describedFields, diffFields } from "./diff-annotations.ts";
import { diffChannel } from "./diff-channels.ts";
import { diffMessages } from "./diff-messages.ts";
import { diffOperations } from "./diff-operations.ts";
import { diffServers } from "./diff-servers.ts";
import { objectOf, own, pointerOf, sameJson } from "./json.ts";
import { messageViews } from "./message-view.ts";
import { child, children, follow, type Place } from "./place.ts";
import type { SubsetOptions } from "./subset.ts";

export interface DiffOptions {
  /**
   * Default false: who writes an object is taken to write only the properties that the schema lists, where it lists some and
   * says nothing of others. So a new optional property is compatible. `true`: validators let such objects have other
   * properties, so somebody may have written the new one with any value, and adding it is breaking.
   */
  readonly strict?: boolean;
}

const rank = { breaking: 0, compatible: 1, annotation: 2 } as const;

function order(one: Change, other: Change): number {
  const by = (change: Change): string => `${change.operation ?? ""} ${change.pointer} ${change.message}`;
  return rank[one.severity] - rank[other.severity] || (by(one) < by(other) ? -1 : Number(by(one) > by(other)));
}

/** Channels that no operation of their document uses: catalogues of what others send and receive. */
function unusedChannels(document: Place): ReadonlyMap<string, Place> {
  const used = new Set<string>();
  for (const operation of children(child(document, "operations")).values()) {
    const resolved = follow(operation);
    for (const keys of [["channel"], ["reply", "channel"]]) {
      const ref = resolved === undefined ? undefined : child(resolved, ...keys).value;
      used.add(pointerOf(own(objectOf(ref), "$ref")) ?? "");
    }
  }
  return new Map([...children(child(document, "channels"))].filter(([, place]) => !used.has(place.pointer)));
}

function diffUnused(before: Place, after: Place, options: SubsetOptions): readonly Change[] {
  const found: Change[] = [];
  const [unused, all] = [unusedChannels(before), children(child(after, "channels"))];
  for (const [key, place] of unused) {
    const text = `channel ${shown(key)} was removed`;
    const same = all.get(key);
    const [old, now] = [follow(place), same === undefined ? undefined : follow(same)];
    if (same === undefined) found.push(changeAt("channel-removed", "breaking", "both", place, text, "old"));
    else if (old === undefined || now === undefined) {
      const gone = `channel ${shown(key)} leads out of the document, so nobody can tell`;
      found.push(changeAt("reference-unresolved", "breaking", "both", same, gone));
    } else {
      const views = (channel: Place) => messageViews({ ...channel, value: undefined }, channel);
      found.push(...diffChannel(old, now, "both"), ...diffMessages(views(old), views(now), "", "both", options));
    }
  }
  const known = children(child(before, "channels"));
  for (const [key, place] of unusedChannels(after)) {
    if (known.has(key)) continue;
    found.push(changeAt("channel-added", "compatible", "both", place, `channel ${shown(key)} was added`));
  }
  return found;
}

/**
 * All differences of two AsyncAPI 3 documents, each with what it means for those who rely on the old one. What the
 * application receives may widen, what it sends may narrow; replies go the other way round. A change is `compatible` only
 * where that is proven; what cannot be told (code `schema-unknown` and others) is `breaking`. Breaking changes come first.
 * References out of the documents are not followed: equal ones count as the same.
 *
 * @example
 * const breaking = diffDocuments(published, app.asyncapi()).filter(({ severity }) => severity === "breaking");
 */
export function diffDocuments(
  before: AsyncApiDocument,
  after: AsyncApiDocument,
  options: DiffOptions = {},
): readonly Change[] {
  if (sameJson(before, after)) return [];
  const { strict = false } = options;
  const [old, now] = [objectOf(before), objectOf(after)].map((root) => ({ value: root, pointer: "", root })) as [
    Place,
    Place,
  ];
  const changes = [
    ...diffServers(child(old, "servers"), child(now, "servers")),
    ...diffOperations(child(old, "operations"), child(now, "operations"), { strict }),
    ...diffUnused(old, now, { strict }),
    ...diffFields(
      child(old, "info"),
      child(now, "info"),
      [...describedFields, "version", "termsOfService", "contact", "license"],
      "both",
    ),
    ...diffFields(old, now, ["asyncapi", "id"], "both"),
  ];
  const told = new Map(changes.map((change) => [JSON.stringify(change), change]));
  if (told.size > 0) return [...told.values()].sort(order);
  return [changeAt("annotation-changed", "annotation", "both", now, "written differently, with the same meaning")];
}
