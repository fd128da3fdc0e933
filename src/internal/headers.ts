/** Header names and values of a message. Has no prototype: a header called `constructor` is just a header. */
export type MessageHeaders = Readonly<Record<string, string>>;

/**
 * `Object.create(null)` makes a slow dictionary-mode object; an instance whose prototype is an empty, prototype-less
 * object inherits nothing either and keeps a fast hidden class.
 */
const HeaderMap = function HeaderMap() {} as unknown as new () => Record<string, string>;
HeaderMap.prototype = Object.freeze(Object.create(null));

export function createHeaders(from?: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const headers = new HeaderMap();
  if (from !== undefined) {
    for (const name in from) {
      const value = from[name];
      if (value !== undefined) headers[name] = value;
    }
  }
  return headers;
}

/** The value under this exact name, else under the first name that differs in case only. */
export function findHeader(headers: MessageHeaders, name: string): string | undefined {
  const exact = headers[name];
  if (exact !== undefined) return exact;
  const lower = name.toLowerCase();
  for (const candidate in headers) {
    if (candidate.length === lower.length && candidate.toLowerCase() === lower) return headers[candidate];
  }
  return undefined;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Why this pair cannot be sent, or `undefined` when it can: names are HTTP tokens, values strings without CR, LF, NUL. */
export function headerProblem(name: string, value: unknown): string | undefined {
  if (!token.test(name)) return "the name is not an HTTP token";
  if (typeof value !== "string") return `the value is not a string but ${value === null ? "null" : typeof value}`;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code === 0 || code === 10 || code === 13) return "the value contains CR, LF or NUL";
  }
  return undefined;
}
