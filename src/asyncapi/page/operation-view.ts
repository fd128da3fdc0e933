import type { AsyncApiReplyAddress } from "../document.ts";
import type { PageContext } from "./context.ts";
import { bindings, deprecatedFlag, description, extensions, security, serverLinks, tagList } from "./described.ts";
import { definitions } from "./facts-table.ts";
import { type Html, html, nothing } from "./html.ts";
import { markdown } from "./markdown.ts";
import { messageView } from "./message-view.ts";
import type { Direction, ShownChannel, ShownOperation } from "./operation-list.ts";

/** Arrow and words besides the colour: not everyone tells colours apart. */
const directions: Readonly<
  Record<Direction, { readonly arrow: string; readonly short: string; readonly words: string }>
> = {
  receive: { arrow: "↓", short: "recv", words: "The app receives from" },
  send: { arrow: "↑", short: "send", words: "The app sends to" },
  reply: { arrow: "⇅", short: "reply", words: "The app receives, and replies, from" },
  request: { arrow: "⇅", short: "req", words: "The app sends, and awaits a reply, to" },
};

function directionBadge(direction: Direction): Html {
  const { arrow } = directions[direction];
  return html`<span class="badge badge-${direction}"><span aria-hidden="true">${arrow}</span> ${direction}</span>`;
}

/** The same where there is little room. */
export function shortBadge(direction: Direction): Html {
  return html`<abbr class="badge badge-${direction}" title="${direction}">${directions[direction].short}</abbr>`;
}

/** The address, or what is known where there is none. */
export function addressOf({ key, channel }: ShownChannel): Html {
  if (channel.address === null) return html`<code class="address">${key}</code> (address known at run time)`;
  return channel.address === undefined ? html`<em>unknown</em>` : html`<code class="address">${channel.address}</code>`;
}

function channelLink(context: PageContext, shown: ShownChannel): Html {
  if (!context.options.channels) return addressOf(shown);
  return html`<a href="#${context.anchors.of("channel", shown.key)}">${addressOf(shown)}</a>`;
}

export function operationView(context: PageContext, shown: ShownOperation): Html {
  const { key, operation, direction, channel, title } = shown;
  const id = context.anchors.of("operation", key);
  const servers = serverLinks(context, channel?.channel.servers);
  return html`<article class="operation" id="${id}" aria-labelledby="${id}:title">
<header><h3 id="${id}:title">${directionBadge(direction)} <a class="anchor" href="#${id}">${title}</a>${deprecatedFlag(operation)}</h3>
<p class="where">${directions[direction].words} ${channel === undefined ? "an unknown channel" : channelLink(context, channel)}${servers.text !== "" && html` <span class="quiet">on ${servers}</span>`}</p></header>
<div class="operation-body">${tagList(context, operation.tags)}${description(context, operation)}
${title !== key && definitions([["Operation id", html`<code>${key}</code>`]])}${security(context, operation.security)}
${shown.messages.map((message) => messageView(context, message, context.anchors.within(id, message.key)))}
${replyView(context, shown, id)}
${bindings(context, operation.bindings)}${extensions(hideDeprecated(operation))}</div>
</article>`;
}

function hideDeprecated(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== "x-deprecated"));
}

function replyView(context: PageContext, { reply: shown, direction }: ShownOperation, id: string): Html {
  if (shown === undefined) return nothing;
  const { reply, channel, messages } = shown;
  const address = context.resolver.follow<AsyncApiReplyAddress>(reply.address)?.value;
  const facts = definitions([
    ["Channel", channel === undefined ? nothing : channelLink(context, channel)],
    [
      "Address",
      address === undefined ? nothing : html`<code>${address.location}</code>${markdown(address.description)}`,
    ],
  ]);
  const replyId = context.anchors.within(id, "reply");
  return html`<section class="reply" id="${replyId}" aria-labelledby="${replyId}:title">
<h4 class="reply-title" id="${replyId}:title"><a class="anchor" href="#${replyId}">${direction === "request" ? "Reply that the app awaits" : "Reply of the app"}</a></h4>
${facts}${messages.map((message) => messageView(context, message, context.anchors.within(replyId, message.key)))}</section>`;
}
