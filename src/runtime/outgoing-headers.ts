import { createHeaders, findHeader, headerProblem } from "../internal/headers.ts";
import { bookkeepingHeader } from "../server/bookkeeping.ts";
import { InvalidHeaderError } from "../server/errors.ts";
import { correlationHeader } from "./correlation.ts";

/** Checks and copies the headers of a message. The reserved bookkeeping header cannot be forged by a sender. */
export function outgoingHeaders(given: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const headers = createHeaders();
  if (given === undefined) return headers;
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined) continue;
    const problem = headerProblem(name, value);
    if (problem !== undefined) throw new InvalidHeaderError(name, problem);
    if (name.toLowerCase() === bookkeepingHeader) throw new InvalidHeaderError(name, "the name is reserved");
    headers[name] = value as string;
  }
  return headers;
}

/** Headers of a message to an actor: what the caller gave, the id of a request, and the topic unless the caller has set one. */
export function addressedHeaders(
  given: Readonly<Record<string, unknown>> | undefined,
  header: string | false,
  topic: string,
  correlationId?: string,
): Record<string, string> {
  const headers = outgoingHeaders(given);
  if (correlationId !== undefined) headers[correlationHeader] = correlationId;
  if (header !== false && (given === undefined || findHeader(headers, header) === undefined)) headers[header] = topic;
  return headers;
}
