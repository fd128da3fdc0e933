import type { Codec } from "../contract/codec.ts";
import { jsonCodec } from "../contract/json-codec.ts";
import type { MessageExample, OperationDocs } from "../contract/operation.ts";
import type { MessageTrait } from "../contract/trait.ts";
import { correlationHeader } from "../runtime/correlation.ts";
import type { Envelope } from "../server/envelope.ts";
import { OptionError } from "../server/errors.ts";
import type { AnySchema } from "../server/schema.ts";
import type {
  AsyncApiBindings,
  AsyncApiCorrelationId,
  AsyncApiExample,
  AsyncApiMessage,
  AsyncApiMessageTrait,
  AsyncApiReference,
  JsonSchema,
} from "./document.ts";
import { type ExtraHeader, headersSchema } from "./headers.ts";
import { redact } from "./redact.ts";
import { referTo } from "./reference.ts";
import type { SchemaPart } from "./schemas/library-options.ts";
import { readSchema } from "./schemas/read-schema.ts";
import { defined, type Workshop } from "./workshop.ts";

/** What a message is made of, whether an actor receives it, the app sends it, or it is a reply. */
export interface MessageSource {
  /** Name of the actor or operation. */
  readonly owner: string;
  readonly part: "payload" | "reply";
  /** All of them must be fulfilled. */
  readonly payloads: readonly AnySchema[];
  readonly headers: readonly AnySchema[];
  readonly codec: Codec | undefined;
  readonly docs: OperationDocs;
  /** Where the topic is and what it is, if it selects the actor. */
  readonly topic: { readonly header: string; readonly value: string } | undefined;
  readonly bindings: AsyncApiBindings | undefined;
  readonly hasReply: boolean;
  /** What the servers write around it. */
  readonly envelope: Envelope | undefined;
}

const correlation: AsyncApiCorrelationId = {
  location: `$message.header#/${correlationHeader}`,
  description: "Ties a reply to its request. Copied to the reply as it is.",
};

/** The header on the wire that has the topic, if it is one there. */
function topicOnWire({ topic, envelope }: MessageSource): MessageSource["topic"] {
  if (topic === undefined || envelope === undefined) return topic;
  const header = envelope.wireName(topic.header);
  return header === undefined ? undefined : { header, value: topic.value };
}

function extrasOf(source: MessageSource): readonly ExtraHeader[] {
  const { part, hasReply } = source;
  const topic = topicOnWire(source);
  const extras: ExtraHeader[] = [];
  if (topic !== undefined) {
    const schema = { type: "string", const: topic.value, description: "Selects the actor.", "x-topic": true };
    extras.push({ name: topic.header, schema, required: true });
  }
  if (part === "reply" || hasReply) {
    const schema = { type: "string", description: "Ties a reply to its request." };
    extras.push({ name: correlationHeader, schema, required: false });
  }
  return extras;
}

function isJson({ contentType }: Codec): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);
}

/** Puts messages together. What an app both sends and receives is one message. */
export class MessageShop {
  readonly #workshop: Workshop;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  /** Makes the message and gives its key under `components.messages`. */
  add(source: MessageSource): string {
    const workshop = this.#workshop;
    const { docs, owner, topic, part, envelope } = source;
    const codec = source.codec ?? workshop.source.codec ?? jsonCodec;
    const name = part === "reply" ? `${owner}Reply` : (docs.message?.name ?? owner);
    const isRequest = part === "payload";
    const payload = this.#payload(source, codec, name);
    const traits = (isRequest ? (docs.messageTraits ?? []) : []).map((trait) => this.#trait(trait));
    if (envelope !== undefined) traits.push(this.#envelopeTrait(envelope));
    const message = defined<AsyncApiMessage>({
      name,
      ...workshop.described(isRequest ? (docs.message ?? {}) : {}),
      contentType: envelope?.body?.contentType ?? codec.contentType,
      payload: envelope?.body?.schema(payload, isJson(codec), topic?.value) ?? payload,
      headers: headersSchema(this.#headers(source, name), extrasOf(source), workshop),
      correlationId: isRequest
        ? (this.#correlationId(docs) ?? (source.hasReply ? correlation : undefined))
        : correlation,
      deprecated: isRequest && docs.deprecated === true ? true : undefined,
      examples: isRequest ? examplesOf(source, docs.examples, codec) : undefined,
      bindings: source.bindings,
      traits: traits.length === 0 ? undefined : traits,
    });
    return workshop.keep("messages", name, message);
  }

  #correlationId({ correlationId }: OperationDocs): AsyncApiCorrelationId | undefined {
    return correlationId === undefined ? undefined : { ...correlationId };
  }

  #payload(source: MessageSource, codec: Codec, name: string): JsonSchema {
    const { schemas } = this.#workshop;
    const fallback = `${name}${source.part === "reply" ? "" : "Payload"}`;
    const [only, ...others] = source.payloads;
    if (only === undefined) return {};
    const all = [only, ...others].map((schema, index) => {
      const json = this.#read(schema, source.part, source.owner, isJson(codec));
      return schemas.add(json, index === 0 ? fallback : `${fallback}Part${index + 1}`);
    });
    return others.length === 0 ? (all[0] as JsonSchema) : { allOf: all };
  }

  #headers({ headers, owner }: MessageSource, name: string): readonly JsonSchema[] {
    return headers.map((schema) => {
      const json = this.#read(schema, "headers", owner, true);
      return this.#workshop.schemas.addInline(json, `${name}Headers`);
    });
  }

  #read(schema: AnySchema, part: SchemaPart, owner: string, json: boolean): Readonly<Record<string, unknown>> {
    const { strict, source } = this.#workshop;
    return readSchema(schema, part, owner, { strict, isJson: json, toJsonSchema: source.toJsonSchema });
  }

  #envelopeTrait({ trait }: Envelope): AsyncApiReference {
    const { name, title, summary, externalDocs, headers } = trait;
    const made = defined<AsyncApiMessageTrait>({ title, summary, externalDocs: { ...externalDocs }, headers });
    return referTo("components", "messageTraits", this.#workshop.keep("messageTraits", name, made));
  }

  #trait(trait: MessageTrait): AsyncApiReference {
    const workshop = this.#workshop;
    const { name, headers, contentType, correlationId, bindings } = trait;
    const schema = headers === undefined ? [] : [this.#read(headers, "headers", `trait ${name}`, true)];
    const inline = schema.map((json) => workshop.schemas.addInline(json, `${name}Headers`));
    const made = defined<AsyncApiMessageTrait>({
      ...workshop.described(trait),
      headers: headersSchema(inline, [], workshop),
      contentType,
      correlationId: correlationId === undefined ? undefined : { ...correlationId },
      bindings: bindings === undefined ? undefined : redact(bindings),
    });
    return referTo("components", "messageTraits", workshop.keep("messageTraits", name, made));
  }
}

/** Examples as they are on the wire: dates are texts, and the topic is among the headers. */
function examplesOf(
  source: MessageSource,
  examples: readonly MessageExample[] | undefined,
  codec: Codec,
): readonly AsyncApiExample[] | undefined {
  const { owner, envelope } = source;
  const topic = topicOnWire(source);
  if (examples === undefined || examples.length === 0) return undefined;
  return examples.map(({ name, summary, payload, headers }) => {
    if (payload === undefined && headers === undefined) {
      throw new OptionError(`An example of ${owner} has neither payload nor headers.`);
    }
    const all = headers === undefined ? undefined : { ...(topic && { [topic.header]: topic.value }), ...headers };
    const data = payload === undefined ? undefined : shown(payload, owner, codec);
    const body = data === undefined ? undefined : envelope?.body?.example(data, isJson(codec), source.topic?.value);
    return defined<AsyncApiExample>({ name, summary, headers: all, payload: body ?? data });
  });
}

function shown(payload: unknown, owner: string, codec: Codec): unknown {
  try {
    const encoder = isJson(codec) ? codec : jsonCodec;
    return JSON.parse(Buffer.from(encoder.encode(payload)).toString());
  } catch (cause) {
    throw new OptionError(`An example of ${owner} cannot be shown as JSON.`, { cause });
  }
}
