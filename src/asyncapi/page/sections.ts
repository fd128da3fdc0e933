import type {
  AsyncApiChannel,
  AsyncApiMessage,
  AsyncApiParameter,
  AsyncApiServer,
  AsyncApiServerVariable,
} from "../document.ts";
import { entriesOf, type PageContext } from "./context.ts";
import { bindings, description, extensions, security, serverLinks, tagList } from "./described.ts";
import { definitions } from "./facts-table.ts";
import { type Html, html, joined, link, nothing } from "./html.ts";
import { markdown } from "./markdown.ts";
import { messageTitle, messageView } from "./message-view.ts";
import type { ShownMessage, ShownOperation } from "./operation-list.ts";
import { messagesAt } from "./operation-list.ts";
import { addressOf, operationView } from "./operation-view.ts";
import { schemaView } from "./schema-view.ts";

function section(id: string, title: string, parts: readonly Html[]): Html {
  if (parts.length === 0) return nothing;
  return html`<section class="part" id="${id}" aria-labelledby="${id}:title"><h2 id="${id}:title"><a class="anchor" href="#${id}">${title}</a></h2>
${parts}</section>`;
}

export function infoSection(context: PageContext): Html {
  const { info } = context;
  const { contact, license } = info;
  const mail = typeof contact?.email !== "string" ? nothing : link(`mailto:${contact.email}`, contact.email);
  const named =
    contact?.name === undefined && contact?.url === undefined
      ? nothing
      : link(contact.url, contact.name ?? contact.url ?? "");
  const facts = definitions([
    ["Version", html`${info.version}`],
    [
      "Contact",
      joined(
        [named, mail].filter(({ text }) => text !== ""),
        " · ",
      ),
    ],
    ["Licence", license ? link(license.url, license.name) : nothing],
    ["Terms of service", info.termsOfService === undefined ? nothing : link(info.termsOfService, info.termsOfService)],
    ["Id", typeof context.document.id === "string" ? html`<code>${context.document.id}</code>` : nothing],
    ["Specification", html`AsyncAPI ${context.document.asyncapi}`],
  ]);
  return html`<section class="info" id="info" aria-labelledby="info:title"><h1 id="info:title">${info.title}</h1>
${tagList(context, info.tags)}${description(context, info)}${facts}${extensions(info)}</section>`;
}

export function serversSection(context: PageContext): Html {
  const shown = entriesOf<AsyncApiServer>(context, context.document.servers).map(({ key, value }) => {
    const id = context.anchors.of("server", key);
    const variables = entriesOf<AsyncApiServerVariable>(context, value.variables).map(
      ({ key: name, value: variable }) => [html`<code>{${name}}</code>`, choice(variable)] as const,
    );
    const version = value.protocolVersion === undefined ? nothing : html` ${value.protocolVersion}`;
    return html`<article class="card" id="${id}" aria-labelledby="${id}:title"><h3 id="${id}:title"><a class="anchor" href="#${id}">${value.title ?? key}</a> <span class="protocol">${value.protocol}${version}</span></h3>
<p class="where"><code class="address">${value.host}${value.pathname ?? ""}</code></p>
${tagList(context, value.tags)}${description(context, value)}${value.title !== undefined && value.title !== key && definitions([["Name", html`<code>${key}</code>`]])}${variables.length > 0 && html`<p class="label">Variables</p>${definitions(variables)}`}
${security(context, value.security)}${bindings(context, value.bindings)}${extensions(value)}</article>`;
  });
  return section("servers", "Servers", shown);
}

/** What a variable or parameter may be. */
function choice(of: AsyncApiServerVariable | AsyncApiParameter): Html {
  const codes = (list: readonly string[]): Html =>
    joined(
      list.map((one) => html`<code>${one}</code>`),
      " ",
    );
  const location = "location" in of && typeof of.location === "string" ? of.location : undefined;
  const parts = [
    Array.isArray(of.enum) && of.enum.length > 0
      ? html`<span class="fact-label">one of</span> ${codes(of.enum)}`
      : nothing,
    of.default === undefined ? nothing : html`<span class="fact-label">default</span> <code>${of.default}</code>`,
    Array.isArray(of.examples) && of.examples.length > 0
      ? html`<span class="fact-label">for example</span> ${codes(of.examples)}`
      : nothing,
    location === undefined ? nothing : html`<span class="fact-label">taken from</span> <code>${location}</code>`,
  ].filter(({ text }) => text !== "");
  const facts =
    parts.length === 0 ? nothing : html`<ul class="facts">${parts.map((one) => html`<li>${one}</li>`)}</ul>`;
  const text = html`${markdown(of.description)}${facts}`;
  return text.text === "" ? html`<span class="quiet">any text</span>` : text;
}

export function operationsSection(context: PageContext, operations: readonly ShownOperation[]): Html {
  const groups = [...Map.groupBy(operations, ({ group }) => group)];
  const parts = groups.flatMap(([group, list]) => [
    groups.length > 1 ? html`<p class="group">${group}</p>` : nothing,
    ...list.map((operation) => operationView(context, operation)),
  ]);
  return section("operations", "Operations", parts);
}

export function channelsSection(context: PageContext, operations: readonly ShownOperation[]): Html {
  const shown = entriesOf<AsyncApiChannel>(context, context.document.channels).map(({ key, value }) => {
    const id = context.anchors.of("channel", key);
    const parameters = entriesOf<AsyncApiParameter>(context, value.parameters).map(
      ({ key: name, value: parameter }) => [html`<code>{${name}}</code>`, choice(parameter)] as const,
    );
    const uses = operations.filter(
      (operation) => operation.channel?.key === key || operation.reply?.channel?.key === key,
    );
    const links = uses.map((use) => operationLink(context, use));
    const messages = messagesAt(context, undefined, { key, channel: value }).map((one) => html`${messageTitle(one)}`);
    const title = value.title ?? value.address ?? key;
    return html`<article class="card" id="${id}" aria-labelledby="${id}:title"><h3 id="${id}:title"><a class="anchor" href="#${id}">${title}</a></h3>
${tagList(context, value.tags)}${description(context, value)}
${definitions([
  ["Address", addressOf({ key, channel: value })],
  ["Servers", serverLinks(context, value.servers)],
  ["Operations", joined(links, ", ")],
  ["Messages", joined(messages, ", ")],
])}
${parameters.length > 0 && html`<p class="label">Parameters</p>${definitions(parameters)}`}
${bindings(context, value.bindings)}${extensions(value)}</article>`;
  });
  return section("channels", "Channels", shown);
}

function operationLink(context: PageContext, { key, title }: ShownOperation): Html {
  return context.options.operations
    ? html`<a href="#${context.anchors.of("operation", key)}">${title}</a>`
    : html`${title}`;
}

/** All messages of the document, each once: of its channels first, then those that only its components have. */
export function listMessages(context: PageContext): readonly ShownMessage[] {
  const channels = entriesOf<AsyncApiChannel>(context, context.document.channels);
  const components = entriesOf<AsyncApiMessage>(context, context.document.components?.messages);
  const all = [
    ...channels.flatMap(({ key, value }) => messagesAt(context, undefined, { key, channel: value })),
    ...messagesAt(
      context,
      components.map(({ key }) => ({
        $ref: `#/components/messages/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      })),
      undefined,
    ),
  ];
  return [...new Map(all.map((message) => [message.pointer, message])).values()];
}

export function messagesSection(
  context: PageContext,
  messages: readonly ShownMessage[],
  operations: readonly ShownOperation[],
): Html {
  const full: Html[] = [];
  const rows = messages.map((message) => {
    const uses = operations.filter((operation) =>
      [...operation.messages, ...(operation.reply?.messages ?? [])].some(({ pointer }) => pointer === message.pointer),
    );
    const id = context.anchors.of("message", message.pointer, message.key);
    const inFull = uses.length === 0 || !context.options.operations;
    if (inFull) full.push(messageView(context, message, id, 3));
    const name = messageTitle(message);
    const summary = typeof message.message.summary === "string" ? message.message.summary : "";
    return html`<tr${inFull ? nothing : html` id="${id}"`}><th scope="row">${inFull ? html`<a href="#${id}">${name}</a>` : html`${name}`}</th><td>${joined(
      uses.map((use) => operationLink(context, use)),
      ", ",
    )}</td><td>${summary}</td></tr>`;
  });
  if (rows.length === 0) return nothing;
  const table = html`<div class="scroll"><table><thead><tr><th scope="col">Message</th><th scope="col">Operations</th><th scope="col">Summary</th></tr></thead><tbody>${rows}</tbody></table></div>`;
  return section("messages", "Messages", [table, ...full]);
}

export function schemasSection(context: PageContext): Html {
  const schemas = Object.entries(context.document.components?.schemas ?? {}).map(([key, value]) => {
    const id = context.anchors.of("schema", key);
    return html`<article class="card" id="${id}" aria-labelledby="${id}:title"><h3 id="${id}:title"><a class="anchor" href="#${id}">${key}</a></h3>
${schemaView(context, value, id, key)}</article>`;
  });
  return section("schemas", "Schemas", schemas);
}

/** Rendered last: until then nobody has looked everywhere. */
export function problemsSection({ resolver }: PageContext): Html {
  if (resolver.problems.size === 0) return nothing;
  const items = [...resolver.problems].map((problem) => html`<li>${problem}</li>`);
  return html`<section class="problems" id="problems" role="note" aria-label="Problems of the document"><h2>Problems of this document</h2><ul>${items}</ul></section>`;
}
