import { createHash } from "node:crypto";
import type { Link } from "./link.ts";
import type { Argument, Reply } from "./transport.ts";
import { toTrouble } from "./trouble.ts";

const hashes = new Map<string, string>();

function hashOf(script: string): string {
  let hash = hashes.get(script);
  if (hash === undefined) {
    hash = createHash("sha1").update(script).digest("hex");
    hashes.set(script, hash);
  }
  return hash;
}

/** Runs a script by its hash, and sends its text where the server does not know it. */
export async function runScript(
  link: Link,
  script: string,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<Reply> {
  const key = keys[0] as string;
  const count = String(keys.length);
  try {
    return await link.send(key, ["EVALSHA", hashOf(script), count, ...keys, ...args]);
  } catch (error) {
    if (toTrouble(error).kind !== "script") throw error;
    return link.send(key, ["EVAL", script, count, ...keys, ...args]);
  }
}
