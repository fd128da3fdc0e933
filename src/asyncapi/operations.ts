import type { ActorPlan } from "../contract/actor-plan.ts";
import type { Operation, OperationDocs } from "../contract/operation.ts";
import type { OperationTrait } from "../contract/trait.ts";
import { type SendTarget, targetOfOperation, targetOfPlan } from "../runtime/send-target.ts";
import type { Envelope } from "../server/envelope.ts";
import type { BrokerServer } from "../server/server.ts";
import { bindingsOf, mergeBindings } from "./bindings.ts";
import { canonical } from "./canonical.ts";
import type { ChannelPlace, Channels } from "./channels.ts";
import type { AsyncApiOperation, AsyncApiOperationTrait, AsyncApiReference, AsyncApiReply } from "./document.ts";
import type { MessageShop, MessageSource } from "./messages.ts";
import { Names, toKey } from "./names.ts";
import { redact } from "./redact.ts";
import { referTo } from "./reference.ts";
import { defined, type Workshop } from "./workshop.ts";

type Action = "send" | "receive";

interface Draft {
  readonly target: SendTarget;
  readonly action: Action;
  readonly docs: OperationDocs;
  /** Whether the topic selects the actor, so that a message without it reaches nobody. */
  readonly hasTopic: boolean;
}

interface Placed {
  readonly draft: Draft;
  readonly id: string;
  readonly servers: readonly string[];
  readonly place: ChannelPlace;
}

/** Receives of all actors, then sends of all operations. */
export class Operations {
  readonly #workshop: Workshop;
  readonly #messages: MessageShop;
  readonly #channels: Channels;
  readonly #ids = new Names();
  readonly #received = new Set<string>();

  constructor(workshop: Workshop, messages: MessageShop, channels: Channels) {
    this.#workshop = workshop;
    this.#messages = messages;
    this.#channels = channels;
  }

  all(plans: readonly ActorPlan[], operations: readonly Operation[]): Readonly<Record<string, AsyncApiOperation>> {
    const receives = plans.map((plan): Draft => {
      const { docs } = plan.definition;
      return { target: targetOfPlan(plan), action: "receive", docs, hasTopic: plan.byTopic };
    });
    const sends = operations.map((operation): Draft => {
      return { target: targetOfOperation(operation), action: "send", docs: operation.docs, hasTopic: true };
    });
    const placed = [...receives, ...sends].map((draft, index) => this.#place(draft, index));
    return Object.fromEntries(placed.map((one) => [one.id, this.#operation(one)]));
  }

  #place(draft: Draft, index: number): Placed {
    const { target, action } = draft;
    const servers = this.#serversOf(target);
    const derived = this.#derived(servers, target, action).map(({ message }) => message);
    const message = this.#messages.add({
      owner: target.name,
      part: "payload",
      payloads: target.payloads,
      headers: target.headers,
      codec: target.codec,
      docs: draft.docs,
      topic: draft.hasTopic ? this.#topic(target, servers) : undefined,
      bindings: mergeBindings(derived, draft.docs.messageBindings),
      hasReply: target.reply !== undefined,
      envelope: this.#envelope(servers),
    });
    const place = this.#channels.use({ channel: target.channel, message, action, servers });
    return { draft, servers, place, id: this.#idOf(target.name, action, index) };
  }

  /** The name; what an actor of that name receives has it, and sending is called `send_…`. */
  #idOf(name: string, action: Action, index: number): string {
    const key = toKey(name, action);
    if (action === "receive") this.#received.add(key);
    const wanted = action === "send" && this.#received.has(key) ? `send_${key}` : key;
    return this.#ids.claim(wanted, String(index)).name;
  }

  #operation({ draft, servers, place }: Placed): AsyncApiOperation {
    const { target, action, docs } = draft;
    const workshop = this.#workshop;
    const derived = this.#derived(servers, target, action).map(({ operation }) => operation);
    return defined<AsyncApiOperation>({
      action,
      channel: place.channel,
      ...workshop.described(docs),
      security: workshop.security(docs.security),
      bindings: mergeBindings(derived, docs.bindings),
      traits: docs.traits?.map((trait) => this.#trait(trait)),
      messages: [place.message],
      reply: this.#reply(draft, servers),
      "x-deprecated": docs.deprecated === true ? true : undefined,
    });
  }

  #reply({ target, docs }: Draft, servers: readonly string[]): AsyncApiReply | undefined {
    if (target.reply === undefined) return undefined;
    const message = this.#messages.add({
      owner: target.name,
      part: "reply",
      payloads: [target.reply],
      headers: [],
      codec: target.codec,
      docs,
      topic: undefined,
      bindings: undefined,
      hasReply: false,
      envelope: this.#envelope(servers),
    });
    const place = this.#channels.useReplies(message, servers);
    return {
      address: {
        location: "$message.header#/reply-to",
        description: "The reply address of the request, in the field that the broker has for it.",
      },
      channel: place.channel,
      messages: [place.message],
    };
  }

  #trait(trait: OperationTrait): AsyncApiReference {
    const workshop = this.#workshop;
    const { name, security, bindings } = trait;
    const made = defined<AsyncApiOperationTrait>({
      ...workshop.described(trait),
      security: workshop.security(security),
      bindings: bindings === undefined ? undefined : redact(bindings),
    });
    return referTo("components", "operationTraits", workshop.keep("operationTraits", name, made));
  }

  /** The servers that it may run on: the one that it is bound to, else all. */
  #serversOf({ server }: SendTarget): readonly string[] {
    const names = [...this.#workshop.source.servers.keys()];
    return server === undefined ? names : names.filter((name) => name === server);
  }

  #derived(servers: readonly string[], target: SendTarget, action: Action): ReturnType<typeof bindingsOf> {
    const known = this.#workshop.source.servers;
    return bindingsOf(
      servers.map((name) => known.get(name) as BrokerServer),
      target.channel.address,
      action,
    );
  }

  /** What is around the messages, where all servers agree on it. */
  #envelope(servers: readonly string[]): Envelope | undefined {
    const all = servers.map((name) => this.#workshop.source.servers.get(name)?.envelope);
    const [first] = all;
    if (first === undefined) return undefined;
    const looks = canonical(first.trait);
    return all.every((one) => one !== undefined && canonical(one.trait) === looks) ? first : undefined;
  }

  /** The header with the topic, where all servers agree on it. */
  #topic(target: SendTarget, servers: readonly string[]): MessageSource["topic"] {
    const { source } = this.#workshop;
    const own = target.topicHeader;
    const headers = new Set(servers.map((name) => own ?? source.servers.get(name)?.topicHeader ?? source.topicHeader));
    const [header = own ?? source.topicHeader] = headers;
    return headers.size > 1 || header === false ? undefined : { header, value: target.topic };
  }
}
