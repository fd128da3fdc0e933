import { createHeaders, headerProblem, type MessageHeaders } from "../internal/headers.ts";
import type { OutgoingMessage } from "../server/delivery.ts";
import { DecodeError, InvalidHeaderError } from "../server/errors.ts";
import type { Settings } from "./options.ts";

/** Attributes of an event by their names, the data not among them. */
export type Attributes = Record<string, string>;

/** Handlers see every attribute under this, whatever the server calls it on the wire. */
export const viewPrefix = "ce-";
/** The header that selects the actor: the type of an event is its topic. */
export const typeHeader = "ce-type";

export const specVersion = "1.0";
/** They have their places in every message, so that they are no headers. */
const placed: Readonly<Record<string, string>> = {
  id: "the option id",
  specversion: "nothing: it is 1.0",
  datacontenttype: "the codec, or the option contentType of publish()",
  data: "the payload",
  data_base64: "the payload",
};
/** Trace context is a header of its own for what is below, and an extension of CloudEvents for those who read events. */
const traceHeaders = ["traceparent", "tracestate"];

/** RFC 3339, as CloudEvents wants times. */
const timestamp = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const control = /[\p{Cc}]/u;

export function timeOf(value: string | undefined): number | undefined {
  if (value === undefined || !timestamp.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

function checkOutgoing(header: string, name: string, value: string): void {
  if (Object.hasOwn(placed, name)) throw new InvalidHeaderError(header, `it is said by ${placed[name]}`);
  if (!/^[a-z0-9]+$/.test(name)) {
    throw new InvalidHeaderError(header, "names of CloudEvents attributes are lower-case letters and digits");
  }
  if (value === "") throw new InvalidHeaderError(header, "an attribute of a CloudEvent is never empty: leave it out");
  if (control.test(value))
    throw new InvalidHeaderError(header, "an attribute of a CloudEvent has no control characters");
  if (name === "time" && timeOf(value) === undefined) {
    throw new InvalidHeaderError(header, "the time of a CloudEvent looks like 2026-02-03T04:05:06Z");
  }
}

/** Attributes of a message to send, and the headers that are none. Errors: `InvalidHeaderError`. */
export function outgoingAttributes(
  { id, headers }: OutgoingMessage,
  settings: Settings,
): { readonly attributes: Attributes; readonly rest: Record<string, string> } {
  const rest = createHeaders();
  const attributes: Attributes = {
    specversion: specVersion,
    id,
    source: settings.source,
    type: settings.type,
    time: new Date(settings.clock.now()).toISOString(),
  };
  for (const name of traceHeaders) if (headers[name]) attributes[name] = headers[name];
  for (const header in headers) {
    const value = headers[header] as string;
    if (header.slice(0, viewPrefix.length).toLowerCase() !== viewPrefix) {
      rest[header] = value;
      continue;
    }
    const name = header.slice(viewPrefix.length).toLowerCase();
    checkOutgoing(header, name, value);
    attributes[name] = value;
  }
  return { attributes, rest };
}

/** Refuses what is no event. Errors: `DecodeError` that names all that is missing. */
export function checkIncoming(attributes: Readonly<Attributes>): void {
  const missing = ["specversion", "id", "source", "type"].filter((name) => !attributes[name]);
  if (missing.length > 0) throw new DecodeError(`The message is no valid CloudEvent: ${missing.join(", ")} missing.`);
  if (attributes["specversion"] !== specVersion) {
    const version = JSON.stringify(String(attributes["specversion"]).slice(0, 20));
    throw new DecodeError(`The message is a CloudEvent of version ${version}: only ${specVersion} is understood.`);
  }
  for (const name in attributes) {
    const problem = headerProblem(`${viewPrefix}${name}`, attributes[name]);
    const isOdd = problem !== undefined || control.test(attributes[name] as string);
    if (isOdd) {
      const shown = JSON.stringify(name.slice(0, 40));
      throw new DecodeError(
        `The attribute ${shown} of a CloudEvent cannot be read: ${problem ?? "it has control characters"}.`,
      );
    }
  }
}

/** Headers as handlers see them: those beside the event, its trace context, and its attributes. */
export function incomingHeaders(beside: MessageHeaders, attributes: Readonly<Attributes>): Record<string, string> {
  const headers = createHeaders(beside);
  for (const name of traceHeaders) {
    const value = attributes[name];
    if (value !== undefined) headers[name] ??= value;
  }
  for (const name in attributes)
    if (!Object.hasOwn(placed, name)) headers[`${viewPrefix}${name}`] = attributes[name] as string;
  return headers;
}
