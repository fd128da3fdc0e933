import { MissingPeerError } from "../server/errors.ts";

/** Loads an optional package where it is first used. Another failure than its absence is passed on as it is. */
export async function loadPeer<T>(name: string, neededFor: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if ((code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && String(message).includes(`'${name}'`)) {
      throw new MissingPeerError(`npm i ${name}`, neededFor, { cause: error });
    }
    throw error;
  }
}

/** Our entry beside this file: `.ts` in the sources, `.js` in the built package. */
export const entryUrl: URL = new URL(`./task-entry.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);

/** Name of an entry, checked by the compiler, because the pools take it as a string. */
export function entryName<K extends keyof typeof import("./task-entry.ts")>(name: K): K {
  return name;
}
