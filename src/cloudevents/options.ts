import { OptionError } from "../server/errors.ts";
import { choiceOption, nameOption, shownValue } from "../server/option.ts";
import type { ServerInfo } from "../server/server-info.ts";

/** Options of {@link cloudEvents}. */
export interface CloudEventsOptions {
  /**
   * Who sends: the attribute `source`, a URI or path such as `"/shop/orders"`. Receivers tell events apart by it and the
   * id. A header `ce-source` of a message wins.
   */
  readonly source: string;
  /**
   * How events are written. `"binary"` (default): attributes as headers, the payload as it is. `"structured"`: all of it
   * as one JSON text of type `application/cloudevents+json`. Both are read, always.
   */
  readonly mode?: "binary" | "structured";
  /** Attribute `type` of what has no topic: replies and what `publish` sends. Default `"millrace.message"`. */
  readonly type?: string;
  /**
   * What a received message becomes that has no attribute at all: `"refuse"` (default) makes it a dead letter, `"pass"`
   * gives it to the actors as it is, for the time in which senders change over.
   */
  readonly plain?: "refuse" | "pass";
  /**
   * What the names of headers begin with in binary mode. Default: what the binding of the server's protocol says:
   * `ce-` for NATS, HTTP and Pub/Sub, `cloudEvents:` for AMQP, `ce_` for Kafka and all that have no binding.
   */
  readonly prefix?: string;
  /** Source of the attribute `time`. Default the system's clock. */
  readonly clock?: { now(): number };
}

/** Checked options. */
export interface Settings {
  readonly source: string;
  readonly mode: "binary" | "structured";
  readonly type: string;
  readonly plain: "refuse" | "pass";
  readonly prefix: string;
  /** Whether values are percent-encoded, as the binding of HTTP, and NATS after it, demand. */
  readonly percent: boolean;
  readonly clock: { now(): number };
}

const bindings: Readonly<Record<string, Pick<Settings, "prefix" | "percent">>> = {
  amqp: { prefix: "cloudEvents:", percent: false },
  amqps: { prefix: "cloudEvents:", percent: false },
  googlepubsub: { prefix: "ce-", percent: false },
  http: { prefix: "ce-", percent: true },
  https: { prefix: "ce-", percent: true },
  nats: { prefix: "ce-", percent: true },
};

/** What an attribute may consist of: no white space in what stands for an address. */
function referenceOption(name: string, value: unknown): string {
  const text = nameOption(name, value);
  if (/[\s\p{Cc}]/u.test(text))
    throw new OptionError(`Expected ${name} to be a URI reference, got ${shownValue(text)}.`);
  return text;
}

export function readOptions(options: CloudEventsOptions, { protocol }: ServerInfo): Settings {
  const { prefix, percent } = bindings[protocol] ?? { prefix: "ce_", percent: false };
  const given = options.prefix ?? prefix;
  if (!/^(?:ce[-_]|cloudEvents[:_])$/.test(given)) {
    throw new OptionError(
      `Expected prefix to be "ce-", "ce_", "cloudEvents:" or "cloudEvents_", got ${shownValue(given)}.`,
    );
  }
  return {
    source: referenceOption("source of cloudEvents()", options.source),
    mode: choiceOption("mode of cloudEvents()", options.mode ?? "binary", ["binary", "structured"]),
    type: referenceOption("type of cloudEvents()", options.type ?? "millrace.message"),
    plain: choiceOption("plain of cloudEvents()", options.plain ?? "refuse", ["refuse", "pass"]),
    prefix: given,
    percent,
    clock: options.clock ?? { now: Date.now },
  };
}
