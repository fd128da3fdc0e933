const loopback = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return loopback.includes(host);
}

/**
 * Whether a `Host` header names one of ours. Without it a web page could read an endpoint of this machine through a name
 * that it rebinds (DNS rebinding). The port does not matter; no header at all is no browser.
 */
export function createHostCheck(names: readonly string[]): (header: string | undefined) => boolean {
  const allowed = new Set(names.flatMap((name) => [name.toLowerCase(), `[${name.toLowerCase()}]`]));
  return (header) => header === undefined || allowed.has(header.replace(/:\d+$/, "").toLowerCase());
}

/** The names under which a server of ours may be asked: the address that it listens on, localhost, and what is given. */
export function namesOf(host: string, given: readonly string[] | undefined): readonly string[] {
  return [...loopback, host, ...(given ?? [])];
}
