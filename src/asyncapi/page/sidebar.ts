import type { AsyncApiChannel, AsyncApiServer } from "../document.ts";
import { entriesOf, type PageContext } from "./context.ts";
import { type Html, html, nothing, plainText } from "./html.ts";
import { messageTitle } from "./message-view.ts";
import type { ShownMessage, ShownOperation } from "./operation-list.ts";
import { shortBadge } from "./operation-view.ts";
import { mapOf, readSchema } from "./schema.ts";

interface Entry {
  readonly href: string;
  readonly label: Html;
  /** What the search finds it by, besides what is shown. */
  readonly words: string;
}

/** Names of properties, so that a search for one finds the message that has it. */
function propertyNames(context: PageContext, schema: unknown): readonly string[] {
  return mapOf(readSchema(context, schema).schema, "properties").map(([name]) => name);
}

function words(...parts: readonly unknown[]): string {
  return parts.filter(Boolean).map(plainText).join(" ");
}

function wordsOf(context: PageContext, { key, operation, channel, messages }: ShownOperation): string {
  const parts = messages.flatMap((message) => [
    message.key,
    messageTitle(message),
    ...propertyNames(context, message.message.payload),
    ...propertyNames(context, message.message.headers),
  ]);
  return words(key, operation.summary, channel?.key, channel?.channel.address, ...parts);
}

function list(title: string, href: string, entries: readonly Entry[]): Html {
  if (entries.length === 0) return nothing;
  const items = entries.map(
    ({ href: to, label, words }) => html`<li><a href="#${to}" data-words="${words}">${label}</a></li>`,
  );
  return html`<div class="nav-part"><a class="nav-title" href="#${href}">${title}</a><ul>${items}</ul></div>`;
}

export function sidebar(
  context: PageContext,
  operations: readonly ShownOperation[],
  messages: readonly ShownMessage[],
): Html {
  const { document, options, anchors } = context;
  const servers = entriesOf<AsyncApiServer>(context, document.servers).map(({ key, value }) => ({
    href: anchors.of("server", key),
    label: html`${value.title ?? key} <span class="protocol">${value.protocol}</span>`,
    words: words(key, value.host),
  }));
  const groups = [...Map.groupBy(operations, ({ group }) => group)].map(([group, members]) => {
    const entries = members.map((one) => ({
      href: anchors.of("operation", one.key),
      label: html`${shortBadge(one.direction)} <span class="nav-name">${one.title}</span>`,
      words: wordsOf(context, one),
    }));
    return { group, entries };
  });
  const channels = entriesOf<AsyncApiChannel>(context, document.channels).map(({ key, value }) => ({
    href: anchors.of("channel", key),
    label: html`${value.title ?? value.address ?? key}`,
    words: words(key, value.address),
  }));
  const named = messages.map((message) => ({
    href: anchors.of("message", message.pointer, message.key),
    label: html`${messageTitle(message)}`,
    words: words(message.key, ...propertyNames(context, message.message.payload)),
  }));
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([key, value]) => ({
    href: anchors.of("schema", key),
    label: html`${key}`,
    words: words(...propertyNames(context, value)),
  }));
  return html`<nav class="sidebar" id="sidebar" aria-label="Contents">
<div class="search" hidden><label for="search" class="hidden">Search</label><input id="search" type="search" placeholder="Name, channel, property" autocomplete="off" spellcheck="false" aria-keyshortcuts="/"><kbd aria-hidden="true">/</kbd></div>
<p class="no-result" role="status" hidden>Nothing found.</p>
${options.info && html`<div class="nav-part"><a class="nav-title" href="#info">Overview</a></div>`}
${options.servers && list("Servers", "servers", servers)}
${options.operations && groups.map(({ group, entries }) => list(groups.length > 1 ? group : "Operations", groups.length > 1 ? (entries[0]?.href ?? "operations") : "operations", entries))}
${options.channels && list("Channels", "channels", channels)}
${options.messages && list("Messages", "messages", named)}
${options.schemas && list("Schemas", "schemas", schemas)}
</nav>`;
}
