import { createHeaders, type MessageHeaders } from "../../internal/headers.ts";
import { expandId } from "./compact-id.ts";
import { field, jsonType } from "./wire.ts";

/** An entry as the client gives it: id, then names and values in turn. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

const nothing = new Uint8Array(0);
const none: MessageHeaders = createHeaders();

/** What the fields of an entry say. */
export class Message {
  payload: Uint8Array = nothing;
  headers: MessageHeaders = none;
  contentType: string | undefined = undefined;
  replyTo: string | undefined = undefined;
  /** Milliseconds after sending. */
  lifetime: number | undefined = undefined;
  /** Milliseconds since the epoch, if it is not the time in the entry's id. */
  sent: number | undefined = undefined;
  /** Deliveries before this entry was made. */
  earlier = 0;
  /** Of those, the last so many that ended without a result. */
  earlierLapses = 0;
  reason: string | undefined = undefined;
  /** Of a dead letter: where it was, if not in the ordinary stream. */
  level: number | undefined = undefined;
  #id: string | undefined = undefined;
  #uuid: Buffer | undefined = undefined;

  /** Unknown fields are ignored; damaged ones count as absent, since one bad entry must not stop its channel. */
  constructor(fields: readonly Buffer[]) {
    const headers = createHeaders();
    this.headers = headers;
    let isTyped = false;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const setter = setterAt(i >> 1, fields[i] as Buffer);
      if (setter === setContentType) isTyped = true;
      setter(this, headers, fields[i + 1] as Buffer);
    }
    if (!isTyped && this.isOurs) this.contentType = jsonType;
  }

  /** Only ours have an id. */
  get isOurs(): boolean {
    return this.#uuid !== undefined || this.#id !== undefined;
  }

  get id(): string | undefined {
    if (this.#id === undefined && this.#uuid !== undefined) this.#id = expandId(this.#uuid) ?? text(this.#uuid);
    return this.#id;
  }

  setId(id: string): void {
    this.#id = id;
  }

  /** In its short form; it is made longer when somebody asks. */
  setUuid(uuid: Buffer): void {
    this.#uuid = uuid;
  }
}

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
    message.setUuid(value);
  },
  [field.id]: (message, _, value) => {
    message.setId(text(value));
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
    message.earlier = count(value) ?? 0;
  },
  [field.lapses]: (message, _, value) => {
    message.earlierLapses = count(value) ?? 0;
  },
  [field.payload]: (message, _, value) => {
    message.payload = value;
  },
  [field.reason]: (message, _, value) => {
    message.reason = text(value);
  },
  [field.level]: (message, _, value) => {
    message.level = count(value);
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

/** Milliseconds since the epoch in an entry's id: Redis's clock when it was added. */
export function timeOf(entry: string): number {
  return Number(entry.slice(0, entry.indexOf("-")));
}
