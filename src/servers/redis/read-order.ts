import type { Source } from "./source.ts";

/** A stream and how many may be taken from it before the others had their turn. */
export interface Turn {
  readonly source: Source;
  readonly most: number;
}

/** One message in so many comes from a lower level, if that has any. */
export const fairEvery = 16;

export function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/**
 * In which order streams are asked for `most` messages: by level, the highest first; within a level the channels take turns, each with
 * its share. In a fair turn a lower level, another one each time, gets a sixteenth: of a large read after the highest level, of a
 * small one, which is fair only every so often, before it.
 */
export function readOrder(sources: readonly Source[], most: number, round: number, isFair: boolean): Turn[] {
  const groups = Map.groupBy(sources, ({ level }) => level);
  const levels = [...groups.keys()].sort((a, b) => b - a);
  const turns = (level: number, limit: number): Turn[] => {
    const members = rotated(groups.get(level) as Source[], round);
    return members.map((source) => ({ source, most: Math.ceil(limit / members.length) }));
  };
  const byLevel = levels.flatMap((level) => turns(level, most));
  const lower = rotated(levels.slice(1), round);
  if (!isFair || lower.length === 0) return byLevel;
  const share = Math.floor(most / fairEvery);
  if (share === 0) return [...lower.flatMap((level) => turns(level, 1)), ...byLevel];
  const highest = turns(levels[0] as number, most - share);
  return [...highest, ...turns(lower[0] as number, share), ...byLevel];
}
