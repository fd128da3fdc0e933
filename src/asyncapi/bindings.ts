import type { BrokerServer, DerivedBindings } from "../server/server.ts";
import { canonical } from "./canonical.ts";
import type { AsyncApiBindings } from "./document.ts";
import { redact } from "./redact.ts";

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The second one wins, field by field; lists are taken as they are. */
function merge(first: Plain, second: Plain): Plain {
  const merged: Record<string, unknown> = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const known = merged[key];
    merged[key] = isPlain(known) && isPlain(value) ? merge(known, value) : value;
  }
  return merged;
}

/** A channel of AMQP is either a queue or an exchange; the specification forbids to describe both. */
function withoutContradiction(bindings: Plain): Plain {
  const { amqp } = bindings;
  if (!isPlain(amqp)) return bindings;
  const { queue, exchange, ...rest } = amqp;
  if (rest["is"] === "routingKey")
    return { ...bindings, amqp: { ...rest, ...(exchange === undefined ? {} : { exchange }) } };
  return rest["is"] === "queue"
    ? { ...bindings, amqp: { ...rest, ...(queue === undefined ? {} : { queue }) } }
    : bindings;
}

/**
 * What the servers know, with what the user says of the same thing laid over it. Where two servers of one protocol say
 * different things, that field is left out: neither is true for the channel as a whole.
 */
export function mergeBindings(
  derived: readonly (Plain | undefined)[],
  given: Plain | undefined,
): AsyncApiBindings | undefined {
  const known: Record<string, unknown> = {};
  for (const one of derived) {
    for (const [protocol, value] of Object.entries(one ?? {})) {
      known[protocol] = protocol in known ? common(known[protocol], value) : value;
    }
  }
  const merged = withoutContradiction(merge(known, given ?? {}));
  return Object.keys(merged).length === 0 ? undefined : redact(merged);
}

/** What two values have in common. */
function common(first: unknown, second: unknown): unknown {
  if (!isPlain(first) || !isPlain(second)) return canonical(first) === canonical(second) ? first : undefined;
  const both = Object.keys(first)
    .filter((key) => key in second)
    .map((key) => [key, common(first[key], second[key])] as const);
  return Object.fromEntries(both.filter(([, value]) => value !== undefined));
}

export function bindingsOf(
  servers: readonly BrokerServer[],
  channel: string,
  action: "send" | "receive",
): readonly DerivedBindings[] {
  return servers.map((server) => server.bindingsOf?.(channel, action) ?? {});
}
