import { OptionError } from "../server/errors.ts";
import { nameOption } from "../server/option.ts";
import type { ExternalDocs, Tag } from "../server/server-info.ts";

/** A part of a channel's address that is filled in when sending, such as `{tenant}` in `orders.{tenant}`. */
export interface ChannelParameter {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly examples?: readonly string[];
}

export interface ChannelConfig {
  /** Where messages are sent to and received from: queue, stream, topic or subscription. */
  readonly address: string;
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly (string | Tag)[];
  readonly externalDocs?: ExternalDocs;
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** Declares `{name}` parts of the address. Braces that are not declared are literal. */
  readonly parameters?: Readonly<Record<string, ChannelParameter>>;
}

/** A channel with its documentation. Two channels with one address are one channel. */
export interface Channel extends ChannelConfig {
  readonly "~kind": "channel";
}

export const defaultChannel = "default";

/**
 * Documents a channel. A plain string does where nothing is to be said about it.
 *
 * @example const orders = defineChannel({ address: "orders.{tenant}", parameters: { tenant: {} } });
 */
export function defineChannel(config: ChannelConfig): Channel {
  nameOption("channel address", config.address);
  for (const name of Object.keys(config.parameters ?? {})) {
    if (!config.address.includes(`{${name}}`)) {
      throw new OptionError(`Channel ${config.address} declares the parameter ${name} but has no {${name}} in it.`);
    }
  }
  return { ...config, "~kind": "channel" };
}

export function toChannel(channel: string | Channel): Channel {
  return typeof channel === "string" ? { address: nameOption("channel", channel), "~kind": "channel" } : channel;
}

function isDocumented(channel: Channel): boolean {
  return (
    (channel.title ?? channel.summary ?? channel.description ?? channel.externalDocs) !== undefined ||
    channel.bindings !== undefined ||
    channel.tags !== undefined ||
    channel.parameters !== undefined
  );
}

/** Of two channels with one address the first wins, unless it says nothing and the second says something. */
export function mergeChannels(first: Channel, second: Channel): Channel {
  return !isDocumented(first) && isDocumented(second) ? second : first;
}

/** Fills the declared parameters of an address. Every one must be given; values must not be empty. */
export function fillAddress(channel: Channel, values: Readonly<Record<string, string>> | undefined): string {
  const declared = channel.parameters;
  if (declared === undefined) return channel.address;
  const filled = new Map<string, string>();
  for (const name of Object.keys(declared)) {
    const value = values?.[name] ?? declared[name]?.default;
    if (value === undefined || value === "") {
      throw new OptionError(`Channel ${channel.address} needs the parameter ${name}: pass parameters: { ${name}: … }.`);
    }
    const allowed = declared[name]?.enum;
    if (allowed !== undefined && !allowed.includes(value)) {
      throw new OptionError(`Parameter ${name} of channel ${channel.address} must be one of ${allowed.join(", ")}.`);
    }
    filled.set(`{${name}}`, value);
  }
  // In one pass and by a function: a value is text, whatever braces or dollar signs are in it.
  return channel.address.replace(/\{[^{}]*\}/g, (part) => filled.get(part) ?? part);
}
