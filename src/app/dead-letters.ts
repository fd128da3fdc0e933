import type { ServerEntry } from "../runtime/producer.ts";
import { requireFeature } from "../runtime/publish-options.ts";
import type { DeadLetterFilter, DeadLetterStore } from "../server/dead-letter-store.ts";
import { CapabilityError, OptionError } from "../server/errors.ts";
import { choiceOption, integerOption, nameOption, shownValue } from "../server/option.ts";

const reasons = ["error", "invalid", "decode", "timeout", "unrouted", "poison", "expired", "rejected"] as const;

const filterNames = ["actor", "reason"];

/** A filter that says nothing means all of them: what is no filter must not be taken for one. */
function checkFilter(filter: DeadLetterFilter | undefined, others: readonly string[] = []): void {
  if (filter === undefined) return;
  const known = [...filterNames, ...others];
  const isFilter = typeof filter === "object" && filter !== null && !Array.isArray(filter);
  if (!isFilter || Object.keys(filter).some((name) => !known.includes(name))) {
    throw new OptionError(`Expected a filter of dead letters ({ ${known.join(", ")} }), got ${shownValue(filter)}.`);
  }
  if (filter?.reason !== undefined) choiceOption("reason", filter.reason, reasons);
  if (filter?.actor !== undefined) nameOption("actor", filter.actor);
}

/** The store of a server, with its arguments checked and the connection opened on first use. */
export function checkedDeadLetters(entry: ServerEntry, channel: string): DeadLetterStore {
  const { name, server } = entry;
  requireFeature(name, server.features, "deadLetter", "deadLetters()");
  async function store(): Promise<DeadLetterStore> {
    await entry.ready();
    const found = server.deadLetters?.(channel);
    if (found === undefined)
      throw new CapabilityError(name, "deadLetter", `Server ${name} does not show dead letters.`);
    return found;
  }
  return {
    async list(options) {
      checkFilter(options, ["limit", "cursor"]);
      if (options?.limit !== undefined) integerOption("limit", options.limit, { min: 1, max: 1000 });
      return (await store()).list(options);
    },
    async get(id) {
      return (await store()).get(nameOption("id", id));
    },
    async replay(which, options) {
      if (typeof which === "string") nameOption("id", which);
      else if (which === undefined)
        throw new OptionError("Say which dead letters to replay: an id, or a filter ({} = all).");
      else checkFilter(which);
      if (options?.attempts !== undefined) integerOption("attempts", options.attempts, { min: 0 });
      if (options?.channel !== undefined) nameOption("channel", options.channel);
      return (await store()).replay(which, options);
    },
    async purge(filter) {
      checkFilter(filter);
      return (await store()).purge(filter);
    },
    async count() {
      return (await store()).count();
    },
  };
}
