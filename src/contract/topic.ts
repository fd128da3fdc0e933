import { headerProblem } from "../internal/headers.ts";
import { bookkeepingHeader } from "../server/bookkeeping.ts";
import { OptionError } from "../server/errors.ts";
import { nameOption } from "../server/option.ts";

/** The value that selects an actor: it travels in a header, so that it must be fit for one. */
export function topicOption(name: string, value: unknown): string {
  const topic = nameOption(name, value);
  const problem = headerProblem("topic", topic);
  if (problem !== undefined) throw new OptionError(`The ${name} cannot be sent in a header: ${problem}.`);
  return topic;
}

/** The header that carries topics: `undefined` = inherited, `false` = none. */
export function topicHeaderOption<T extends string | false | undefined>(name: string, value: T): T {
  if (value === undefined || value === false) return value;
  const problem = headerProblem(value, "");
  if (problem !== undefined) throw new OptionError(`The ${name} is no header: ${problem}.`);
  if (value.toLowerCase() === bookkeepingHeader) throw new OptionError(`The ${name} is reserved.`);
  return value;
}
