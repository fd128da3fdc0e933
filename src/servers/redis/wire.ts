/**
 * The fields of a stream entry. `payload` is all that a foreign sender must write; of ours, an entry has only those that
 * it needs, and always in this order, since Redis stores names once for neighbours with the same ones.
 */
export const field = {
  /** A UUID in base64url; any other id stands in `id`. */
  uuid: "u",
  id: "id",
  /** One field per header. */
  header: "h:",
  /** Absent in an entry of ours: `application/json`. Empty: none. */
  contentType: "type",
  replyTo: "reply",
  /** Milliseconds after it was sent at which it expires. */
  lifetime: "ttl",
  /** When it was first sent, milliseconds since the epoch; absent: the time in the entry's id. */
  sent: "sent",
  /** Deliveries before this entry was made. */
  deliveries: "n",
  /** Of those, the last so many in a row that ended without a result. */
  lapses: "lapses",
  payload: "payload",
  /** Of a dead letter: why, as JSON. */
  reason: "reason",
  /** Of a dead letter that had another priority than the ordinary one: its level. */
  level: "level",
} as const;

export const jsonType = "application/json";
