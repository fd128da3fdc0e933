import type { Change, Direction } from "./change.ts";
import { changeAt } from "./change-at.ts";
import { canonical, isObject } from "./json.ts";
import { follow, items, type Place } from "./place.ts";

/** A scheme as text, without what only people read. */
function schemeText(place: Place): string {
  const { value } = follow(place) ?? place;
  if (!isObject(value)) return canonical(value);
  return canonical({ ...value, description: undefined });
}

/** Security is a list of ways in; one of them is enough, and an empty list is an open door. */
export function diffSecurity(before: Place, after: Place, what: string, direction: Direction): readonly Change[] {
  const [old, now] = [
    new Map(items(before).map((one) => [schemeText(one), one])),
    new Map(items(after).map((one) => [schemeText(one), one])),
  ];
  if (old.size === 0 && now.size === 0) return [];
  const added = [...now].filter(([text]) => !old.has(text)).map(([, place]) => place);
  const removed = [...old].filter(([text]) => !now.has(text)).map(([, place]) => place);
  return [
    ...added.map((place) => {
      const severity = old.size === 0 ? "breaking" : "compatible";
      return changeAt("security-added", severity, direction, place, `${what}: a security scheme was added`);
    }),
    ...removed.map((place) => {
      const severity = now.size === 0 ? "compatible" : "breaking";
      return changeAt("security-removed", severity, direction, place, `${what}: a security scheme was removed`, "old");
    }),
  ];
}
