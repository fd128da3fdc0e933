/**
 * A UUID takes 36 bytes of text and 22 in base64url, and Redis keeps every queued message in memory. Three hexadecimal
 * digits are twelve bits are two base64 characters, so that tables do it, in half the time of two passes through Buffer.
 */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Two characters, and three digits, of every twelve bits. */
const pairs: string[] = [];
const triples: string[] = [];
const digits = new Int8Array(128).fill(-1);
const letters = new Int8Array(128).fill(-1);
/** Where in the text of a UUID its digits are. */
const places = new Uint8Array(32);

/** Not at import: nobody may ever need it. */
function prepare(): void {
  for (let i = 0; i < 4096; i += 1) {
    pairs.push((alphabet[i >> 6] as string) + (alphabet[i & 63] as string));
    triples.push(i.toString(16).padStart(3, "0"));
  }
  for (let i = 0; i < 16; i += 1) digits[i.toString(16).charCodeAt(0)] = i;
  for (let i = 0; i < 64; i += 1) letters[alphabet.charCodeAt(i)] = i;
  const dashes = [8, 13, 18, 23];
  places.set(Array.from({ length: 36 }, (_, i) => i).filter((place) => !dashes.includes(place)));
}

/** What stands for this character, or a negative number. */
function lookUp(table: Int8Array, code: number): number {
  return code < 128 ? (table[code] as number) : -1;
}

/** Where the counter of our own ids is, the only part in which those of one millisecond differ (see `internal/uuid.ts`). */
const counter = { start: 14, end: 18 };

/** What surrounds the counter of the id before, and its short form. */
let head = "";
let tail = "";
let shortHead = "";
let shortTail = "";
/** The two digits after the counter: they are in a group with its last one. */
let afterCounter = 0;

/** Two characters for each three digits from here on; `undefined` where there is something else. */
function shorten(id: string, from: number, to: number): string | undefined {
  let short = "";
  for (let group = from; group < to; group += 3) {
    let bits = 0;
    for (let i = group; i < group + 3; i += 1) {
      // 32 digits and a zero at the end are eleven groups of three.
      const digit = i === 32 ? 0 : lookUp(digits, id.charCodeAt(places[i] as number));
      if (digit < 0) return undefined;
      bits = (bits << 4) | digit;
    }
    short += pairs[bits] as string;
  }
  return short;
}

function remember(id: string): boolean {
  if (id[8] !== "-" || id[13] !== "-" || id[18] !== "-" || id[23] !== "-") return false;
  if (pairs.length === 0) prepare();
  const first = shorten(id, 0, 12);
  const last = shorten(id, 18, 33);
  const next = Number.parseInt(id.slice(19, 21), 16);
  if (first === undefined || last === undefined || Number.isNaN(next)) return false;
  head = id.slice(0, counter.start);
  tail = id.slice(counter.end);
  shortHead = first;
  shortTail = last;
  afterCounter = next;
  return true;
}

/** 22 characters for a UUID in lower case, `undefined` for any other id. */
export function compactId(id: string): string | undefined {
  if (id.length !== 36) return undefined;
  if ((head === "" || !(id.startsWith(head) && id.endsWith(tail))) && !remember(id)) return undefined;
  const a = lookUp(digits, id.charCodeAt(14));
  const b = lookUp(digits, id.charCodeAt(15));
  const c = lookUp(digits, id.charCodeAt(16));
  const d = lookUp(digits, id.charCodeAt(17));
  if ((a | b | c | d) < 0) return undefined;
  return shortHead + pairs[(a << 8) | (b << 4) | c] + pairs[(d << 8) | afterCounter] + shortTail;
}

/** The UUID of 22 characters; `undefined` when it is none of ours. */
export function expandId(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 22) return undefined;
  if (pairs.length === 0) prepare();
  let hex = "";
  for (let i = 0; i < 22; i += 2) {
    const high = lookUp(letters, bytes[i] as number);
    const low = lookUp(letters, bytes[i + 1] as number);
    if ((high | low) < 0) return undefined;
    hex += triples[(high << 6) | low] as string;
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
