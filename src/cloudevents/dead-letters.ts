import type { DeadLetter, DeadLetterList, DeadLetterStore } from "../server/dead-letter-store.ts";
import type { Settings } from "./options.ts";
import { readEvent } from "./read-event.ts";

/** As handlers saw it; one that nobody could read is shown as it is on the wire. */
function unwrapped(entry: DeadLetter, settings: Settings): DeadLetter {
  try {
    const event = readEvent(entry, settings);
    if (event === undefined) return entry;
    const { payload, headers, contentType } = event;
    return { ...entry, payload, headers, contentType };
  } catch {
    return entry;
  }
}

/** Dead letters are kept, and replayed, as they are on the wire, and shown without their envelopes. */
export function readDeadLetters(store: DeadLetterStore, settings: Settings): DeadLetterStore {
  return {
    async list(options) {
      const entries = await store.list(options);
      const shown: DeadLetter[] & { next?: string } = entries.map((entry) => unwrapped(entry, settings));
      if (entries.next !== undefined) shown.next = entries.next;
      return shown satisfies DeadLetterList;
    },
    async get(id) {
      const entry = await store.get(id);
      return entry === undefined ? undefined : unwrapped(entry, settings);
    },
    replay: (which, options) => store.replay(which, options),
    purge: (filter) => store.purge(filter),
    count: () => store.count(),
  };
}
