import { randomFillSync } from "node:crypto";

const hex16: string[] = [];
function hex(value: number): string {
  if (hex16.length === 0) for (let i = 0; i < 65_536; i += 1) hex16.push(i.toString(16).padStart(4, "0"));
  return hex16[value] as string;
}

/** Fills the array with random 32-bit words. */
export type RandomWords = (words: Uint32Array) => void;

const systemRandom: RandomWords = (words) => {
  randomFillSync(words);
};

/**
 * Makes a source of version 7 UUIDs (RFC 9562 §5.7, method 1: a counter in `rand_a`), which sort by time, also within
 * one millisecond and when the wall clock steps back. Random words are drawn in blocks: one system call per 512 ids.
 */
export function createUuidSource(now: () => number, random: RandomWords = systemRandom): () => string {
  const words = new Uint32Array(1024);
  let used = words.length;
  let last = -1;
  let counter = 0;
  let prefix = "";
  return function uuid7(): string {
    if (used >= words.length) {
      random(words);
      used = 0;
    }
    const first = words[used] as number;
    const second = words[used + 1] as number;
    used += 2;
    const time = now();
    if (time > last || counter === 0xfff) {
      last = time > last ? time : last + 1;
      counter = first & 0x3ff;
      const high = Math.floor(last / 65_536);
      prefix = `${hex(Math.floor(high / 65_536))}${hex(high % 65_536)}-${hex(last % 65_536)}-`;
    } else {
      counter += 1;
    }
    const tail = `${hex(0x8000 | ((second >>> 16) & 0x3fff))}-${hex(second & 0xffff)}`;
    return `${prefix}${hex(0x7000 | counter)}-${tail}${hex(first >>> 16)}${hex(first & 0xffff)}`;
  };
}
