/** What a message of all rows looks like: 98 bytes of JSON. */
export interface Payload {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
  readonly tags: string[];
}

/** Made beforehand, so that making them costs neither side anything. */
const payloads: readonly Payload[] = Array.from({ length: 1024 }, (_, index) => ({
  id: 10_000 + index,
  name: "Ada Lovelace",
  email: "ada@example.org",
  active: true,
  tags: ["new", "paying"],
}));

export function payloadOf(index: number): Payload {
  return payloads[index & 1023] as Payload;
}
