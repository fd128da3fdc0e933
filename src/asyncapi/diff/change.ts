/** What a change is about. Stable: tools may filter by it. */
export type ChangeCode =
  | "address-changed"
  | "annotation-changed"
  | "bindings-changed"
  | "channel-added"
  | "channel-removed"
  | "channel-server-added"
  | "channel-server-removed"
  | "content-type-changed"
  | "correlation-id-changed"
  | "message-added"
  | "message-name-changed"
  | "message-removed"
  | "operation-action-changed"
  | "operation-added"
  | "operation-removed"
  | "parameter-changed"
  | "reference-unresolved"
  | "reply-added"
  | "reply-address-changed"
  | "reply-removed"
  | "schema-array"
  | "schema-bound"
  | "schema-closed"
  | "schema-format"
  | "schema-property-declared"
  | "schema-required"
  | "schema-type"
  | "schema-unknown"
  | "schema-value"
  | "security-added"
  | "security-removed"
  | "server-added"
  | "server-changed"
  | "server-removed"
  | "server-variable-changed";

/**
 * `breaking`: somebody who relied on the old document can fail, or nobody can tell. `compatible`: nobody who did can fail.
 * `annotation`: only people see the difference.
 */
export type Severity = "breaking" | "compatible" | "annotation";

/**
 * From the view of the application: `receive` = what it accepts, which may widen; `send` = what it emits, which may narrow;
 * `both` = where neither may happen.
 */
export type Direction = "receive" | "send" | "both";

/** One difference between two documents. */
export interface Change {
  readonly code: ChangeCode;
  readonly severity: Severity;
  readonly direction: Direction;
  /** JSON pointer to the place, in the document that `document` names. */
  readonly pointer: string;
  /** The new document, or the old one where the new one has no such place. */
  readonly document: "old" | "new";
  /** Key of the operation that is affected, where it is one. */
  readonly operation?: string;
  /** One sentence for people. Names in it are those of the documents, control characters removed. */
  readonly message: string;
}

/** A value or a name in a sentence: quoted, short, on one line, and harmless to a terminal. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  const short = text.length > 120 ? `${text.slice(0, 117)}...` : text;
  return short.replace(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "");
}
