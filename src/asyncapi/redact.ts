/**
 * `user:password@` of a URL anywhere in a text. A password that nobody has encoded may hold slashes; what looks like a
 * port is none, so that `https://host:8080/@name` stays as it is.
 */
const userInfo =
  /(?<![a-z\d+.-])([a-z][a-z\d+.-]{0,30}:\/\/)(?:[^\s/?#"'<>]*@|[^\s/?#@:"'<>]*:(?!\d+[/?#])[^\s"'<>]*@)/gi;
const secretParameter =
  /([?&;](?:pass(?:word|wd)?|pwd|secret|token|auth|api[_-]?key|access[_-]?key(?:[_-]?id)?|shared[_-]?access[_-]?key|sig(?:nature)?)=)[^&;\s"'<>]+/gi;

/** Takes credentials of URLs out of a text. What is left still says where it leads. */
function redactText(text: string): string {
  return text.replace(userInfo, "$1").replace(secretParameter, "$1***");
}

/** Whether a text has credentials of a URL in it. */
export function hasCredentials(text: string): boolean {
  return redactText(text) !== text;
}

/** Takes credentials out of all texts of a value, at any depth. */
export function redact<T>(value: T): T {
  if (typeof value === "string") return redactText(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(redact) as T;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, redact(one)])) as T;
}

export interface Address {
  readonly host: string;
  readonly pathname: string | undefined;
}

/**
 * Host and path of whatever a server gives as its host: `host`, `host:port`, lists of them, URLs with user, password,
 * path and parameters, connection strings of `key=value`. Everything that could be a secret is left out; rather too much.
 */
export function addressOf(given: string): Address {
  const named = /(?:^|[\s;])(?:host|hostname|server|endpoint|data source)=([^\s;]+)/i.exec(given)?.[1];
  if (named !== undefined) return addressOf(named);
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(given);
  // Up to the last @: a password that nobody has encoded may hold slashes, commas and question marks.
  const rest = given.replace(/^[a-z][a-z\d+.-]*:\/\//i, "").replace(/^.*@/s, "");
  const bare = rest.replace(/[?#;].*$/s, "");
  if (bare.includes("=")) return { host: "unknown", pathname: undefined };
  const slash = hasScheme || given.includes("@") || /^[^/]*:\d+\//.test(bare) ? bare.indexOf("/") : -1;
  if (slash === -1) return { host: bare || "unknown", pathname: undefined };
  const pathname = bare.slice(slash);
  return { host: bare.slice(0, slash) || "unknown", pathname: pathname === "/" ? undefined : pathname };
}
