import type { Change, Direction } from "./change.ts";
import { schemaAnnotations } from "./diff-annotations.ts";
import { sameJson } from "./json.ts";
import type { SchemaView } from "./message-view.ts";
import type { Place } from "./place.ts";
import type { Reason } from "./reason.ts";
import { sameSchema } from "./same-schema.ts";
import { type SubsetOptions, subset } from "./subset.ts";

/** What a change of a schema means to those who write values and those who read them. */
function changeOf(reason: Reason, isNarrower: boolean, direction: Direction): Change {
  const safe = (direction === "receive" && !isNarrower) || (direction === "send" && isNarrower);
  const inNew = isNarrower ? reason.outer : reason.inner;
  const place = inNew ?? reason.outer;
  return {
    code: reason.code,
    severity: safe || reason.unlikely === true ? "compatible" : "breaking",
    direction,
    pointer: place.pointer,
    document: inNew === undefined ? "old" : "new",
    message: `${reason.path}: ${isNarrower ? reason.narrows : reason.widens}`,
  };
}

/** One entry for what is found from both sides; the worse one. */
function merged(changes: readonly Change[]): readonly Change[] {
  const found = new Map<string, Change>();
  for (const change of changes) {
    const key = change.code === "schema-unknown" ? `${change.message} ${change.direction}` : JSON.stringify(change);
    if (found.get(key)?.severity !== "breaking") found.set(key, change);
  }
  return [...found.values()];
}

function opaque(place: Place, what: string, direction: Direction): Change {
  const message = `${what}: the schema is no JSON Schema on both sides and is different, so nobody can tell`;
  return { code: "schema-unknown", severity: "breaking", direction, pointer: place.pointer, document: "new", message };
}

/** All differences of two schemas. `what` begins the path that sentences name, such as `payload`. */
export function diffSchemas(
  before: SchemaView,
  after: SchemaView,
  what: string,
  direction: Direction,
  options: SubsetOptions,
): readonly Change[] {
  if (before.format !== undefined || after.format !== undefined) {
    const same = before.format === after.format && sameJson(before.place.value, after.place.value);
    return same ? [] : [opaque(after.place, what, direction)];
  }
  const annotations = schemaAnnotations(before.place, after.place, direction);
  if (sameSchema(before.place, after.place)) return annotations;
  const changes = [
    ...subset(before.place, after.place, what, options).map((reason) => changeOf(reason, true, direction)),
    ...subset(after.place, before.place, what, options).map((reason) => changeOf(reason, false, direction)),
  ];
  if (changes.length > 0) return [...merged(changes), ...annotations];
  const rewritten: Change = {
    code: "annotation-changed",
    severity: "annotation",
    direction,
    pointer: after.place.pointer,
    document: "new",
    message: `${what}: written differently, with the same meaning`,
  };
  return [rewritten, ...annotations];
}
