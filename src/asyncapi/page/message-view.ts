import type { AsyncApiCorrelationId, AsyncApiExample, AsyncApiMessage } from "../document.ts";
import { codeBlock } from "./code-block.ts";
import type { PageContext } from "./context.ts";
import { bindings, deprecatedFlag, description, extensions, tagList } from "./described.ts";
import { definitions } from "./facts-table.ts";
import { type Html, html, nothing, plainText } from "./html.ts";
import { inlineMarkdown, markdown } from "./markdown.ts";
import { isRecord } from "./resolver.ts";
import { sampleOf } from "./sample.ts";
import { schemaView } from "./schema-view.ts";

/** A message with the name under which the document has it. */
export interface NamedMessage {
  readonly key: string;
  readonly message: AsyncApiMessage;
}

export function messageTitle({ key, message }: NamedMessage): string {
  return plainText(message.title ?? message.name ?? key);
}

/** A message in full: schemas on one side, examples on the other. `id` is its place on the page, `level` of its heading. */
export function messageView(context: PageContext, named: NamedMessage, id: string, level: 3 | 4 = 4): Html {
  const { message, key } = named;
  const { payload, headers } = message;
  const correlation = context.resolver.follow<AsyncApiCorrelationId>(message.correlationId)?.value;
  const type = message.contentType ?? context.document.defaultContentType;
  const title = messageTitle(named);
  const name = message.name ?? key;
  const heading = html`<span class="kicker">Message</span> <a class="anchor" href="#${id}">${title}</a>${name !== title && html` <code class="name">${name}</code>`}${deprecatedFlag(message)}`;
  const facts = definitions([
    ["Content type", typeof type === "string" && type !== "" ? html`<code>${type}</code>` : nothing],
    [
      "Correlation id",
      correlation === undefined
        ? nothing
        : html`<code>${correlation.location}</code>${markdown(correlation.description)}`,
    ],
  ]);
  return html`<section class="message" id="${id}" aria-labelledby="${id}:title">
<div class="message-text">
${level === 3 ? html`<h3 id="${id}:title" class="message-title">${heading}</h3>` : html`<h4 id="${id}:title" class="message-title">${heading}</h4>`}
${tagList(context, message.tags)}${description(context, message)}${facts}
<p class="label">Payload</p>${payload === undefined ? html`<p class="quiet">Nothing is said about the payload.</p>` : schemaView(context, payload, `${id}.payload`)}
${headers !== undefined && html`<p class="label">Headers</p>${schemaView(context, headers, `${id}.headers`)}`}
${bindings(context, message.bindings)}${extensions(message)}
</div>
<div class="message-examples">${examples(context, message)}</div>
</section>`;
}

function examples(context: PageContext, message: AsyncApiMessage): Html {
  const given = Array.isArray(message.examples)
    ? (message.examples as readonly AsyncApiExample[]).filter(isRecord)
    : [];
  if (given.length > 0) return html`${given.map((example, index) => exampleView(context, example, index))}`;
  const payload = message.payload === undefined ? undefined : sampleOf(context, message.payload);
  const headers = message.headers === undefined ? undefined : sampleOf(context, message.headers);
  if (payload === undefined && headers === undefined) return nothing;
  return details(context, html`Example <span class="quiet">made from the schema</span>`, { payload, headers });
}

function exampleView(context: PageContext, example: AsyncApiExample, index: number): Html {
  const { name, summary, payload, headers } = example;
  const text = typeof summary === "string" ? html` <span class="quiet">${inlineMarkdown(summary)}</span>` : nothing;
  return details(context, html`${typeof name === "string" ? name : `Example ${index + 1}`}${text}`, {
    payload,
    headers,
  });
}

function details(context: PageContext, title: Html, parts: Readonly<Record<"payload" | "headers", unknown>>): Html {
  const { payload, headers } = parts;
  return html`<details class="example"${context.options.expandExamples ? html` open` : nothing}><summary>${title}</summary>
${payload !== undefined && codeBlock(payload, "Payload")}${headers !== undefined && codeBlock(headers, "Headers")}</details>`;
}
