import { readFileSync } from "node:fs";

/** The rules of each user in the documentation. */
export function accessRights(): Readonly<Record<string, readonly string[]>> {
  const text = readFileSync(new URL("../../docs/servers/redis.md", import.meta.url), "utf8");
  const lines = text.replaceAll(" \\\n", " ").matchAll(/^ACL SETUSER (\w+) (.*)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name, rules]) => [name as string, (rules as string).trim().split(/\s+/)]),
  );
}
