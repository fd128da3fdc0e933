import { text, type Values } from "./command.ts";
import { usageError } from "./exit-code.ts";

/** One of a few words, or the first of them. */
export function choice<const T extends string>(values: Values, name: string, words: readonly [T, ...T[]]): T {
  const given = text(values, name);
  if (given === undefined) return words[0];
  const found = words.find((word) => word === given);
  if (found === undefined)
    throw usageError(`--${name} must be one of ${words.join(", ")}, not ${JSON.stringify(given)}`);
  return found;
}

/** Exactly so many arguments, or a sentence that says what is missing. */
export function expectArguments(given: readonly string[], names: readonly string[]): void {
  if (given.length < names.length) throw usageError(`missing argument: ${names[given.length]}`);
  const extra = given[names.length];
  if (extra !== undefined) throw usageError(`unexpected argument: ${JSON.stringify(extra)}`);
}
