import { createHeaders, type MessageHeaders } from "../../internal/headers.ts";
import { expandId } from "./compact-id.ts";
import { field, jsonType } from "./wire.ts";

/** An entry as the client gives it: id, then names and values in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

/** What the fields of an entry say. */
export interface Message {
  payload: Uint8Array;
  headers: MessageHeaders;
  contentType: string | undefined;
  replyTo: string | undefined;
  id: string | undefined;
  /** Milliseconds after sending. */
  lifetime: number | undefined;
  /** Milliseconds since the epoch, if it is not the time in the entry's id. */
  sent: number | undefined;
  deliveries: number;
  lapses: number;
  reason: string | undefined;
}

const nothing = new Uint8Array(0);

function text(value: Buffer): string {
  return value.toString("utf8");
}

/** Whoever wrote it: a count is a whole number that is not negative and not absurd. */
function count(value: Buffer): number | undefined {
  const number = Number(value.toString("latin1"));
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

type Setter = (message: Message, headers: Record<string, string>, value: Buffer) => void;

const setContentType: Setter = (message, _, value) => {
  message.contentType = value.length === 0 ? undefined : text(value);
};

const setters: Readonly<Record<string, Setter>> = {
  [field.uuid]: (message, _, value) => {
    message.id = expandId(value) ?? text(value);
  },
  [field.id]: (message, _, value) => {
    message.id = text(value);
  },
  [field.contentType]: setContentType,
  [field.replyTo]: (message, _, value) => {
    message.replyTo = text(value);
  },
  [field.lifetime]: (message, _, value) => {
    message.lifetime = count(value);
  },
  [field.sent]: (message, _, value) => {
    message.sent = count(value);
  },
  [field.deliveries]: (message, _, value) => {
    message.deliveries = count(value) ?? 0;
  },
  [field.lapses]: (message, _, value) => {
    message.lapses = count(value) ?? 0;
  },
  [field.payload]: (message, _, value) => {
    message.payload = value;
  },
  [field.reason]: (message, _, value) => {
    message.reason = text(value);
  },
};

const ignore: Setter = () => {};

function setterOf(name: Buffer): Setter {
  const string = text(name);
  if (!string.startsWith(field.header)) return Object.hasOwn(setters, string) ? (setters[string] as Setter) : ignore;
  const header = string.slice(field.header.length);
  return (_, headers, value) => {
    headers[header] = text(value);
  };
}

/** Names of the entry that was decoded last, and what is done with each: neighbours mostly have the same ones. */
const lastNames: Buffer[] = [];
const lastSetters: Setter[] = [];

/** Names are short: comparing here costs less than a call out of JavaScript. */
function same(one: Buffer | undefined, other: Buffer): boolean {
  if (one === undefined || one.length !== other.length) return false;
  for (let i = 0; i < other.length; i += 1) if (one[i] !== other[i]) return false;
  return true;
}

/** No more names than this are remembered, whatever somebody writes. */
const mostNames = 32;

function setterAt(place: number, name: Buffer): Setter {
  if (same(lastNames[place], name)) return lastSetters[place] as Setter;
  const setter = setterOf(name);
  if (place >= mostNames) return setter;
  // A copy: the original is part of a large chunk that must not be kept.
  lastNames[place] = Buffer.from(name);
  lastSetters[place] = setter;
  return setter;
}

/** Reads an entry. Unknown fields are ignored; damaged ones count as absent, since one bad entry must not stop its channel. */
export function decodeFields(fields: readonly Buffer[]): Message {
  const headers = createHeaders();
  const message: Message = {
    payload: nothing,
    headers,
    contentType: undefined,
    replyTo: undefined,
    id: undefined,
    lifetime: undefined,
    sent: undefined,
    deliveries: 0,
    lapses: 0,
    reason: undefined,
  };
  let isTyped = false;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as Buffer;
    const setter = setterAt(i >> 1, name);
    if (setter === setContentType) isTyped = true;
    setter(message, headers, fields[i + 1] as Buffer);
  }
  if (!isTyped && message.id !== undefined) message.contentType = jsonType;
  return message;
}

/** Milliseconds since the epoch in an entry's id: Redis's clock when it was added. */
export function timeOf(entry: string): number {
  return Number(entry.slice(0, entry.indexOf("-")));
}
