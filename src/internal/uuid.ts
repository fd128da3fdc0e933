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
 * Makes a source of version 7 UUIDs (RFC 9562 §5.7 and §6.2, method 1: a counter in `rand_a`), which sort by time, also
 * within one millisecond and when the wall clock steps back. Random bits are drawn once per millisecond and shared by
 * the up to 4,096 ids of it, which the counter tells apart: unique, but no secret.
 */
export function createUuidSource(now: () => number, random: RandomWords = systemRandom): () => string {
  const words = new Uint32Array(512);
  let used = words.length;
  let last = -1;
  let counter = 0;
  let head = "";
  let tail = "";

  function begin(time: number): void {
    if (used >= words.length) {
      random(words);
      used = 0;
    }
    const first = words[used] as number;
    const second = words[used + 1] as number;
    used += 2;
    last = time;
    counter = second >>> 22;
    const high = Math.floor(time / 65_536);
    head = `${hex(Math.floor(high / 65_536))}${hex(high % 65_536)}-${hex(time % 65_536)}-`;
    tail = `-${hex(0x8000 | ((second >>> 8) & 0x3fff))}-${hex(second & 0xffff)}${hex(first >>> 16)}${hex(first & 0xffff)}`;
  }

  return function uuid7(): string {
    const time = Math.floor(now());
    if (time > last) begin(time);
    else if (counter === 0xfff) begin(last + 1);
    else counter += 1;
    return `${head}${hex(0x7000 | counter)}${tail}`;
  };
}
