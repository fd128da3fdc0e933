import type {
  AsyncApiBindings,
  AsyncApiDescribed,
  AsyncApiExternalDocs,
  AsyncApiReference,
  AsyncApiSecurityScheme,
  AsyncApiTag,
} from "../document.ts";
import type { PageContext } from "./context.ts";
import { factsTable } from "./facts-table.ts";
import { type Html, html, joined, link, nothing, plainText } from "./html.ts";
import { inlineMarkdown, markdown } from "./markdown.ts";
import { isRecord, isReference } from "./resolver.ts";

export function tagNames(context: PageContext, tags: AsyncApiDescribed["tags"]): readonly string[] {
  const list = Array.isArray(tags) ? (tags as readonly (AsyncApiTag | AsyncApiReference)[]) : [];
  return list.flatMap((tag) => context.resolver.follow<AsyncApiTag>(tag)?.value.name ?? []).map(plainText);
}

export function tagList(context: PageContext, tags: AsyncApiDescribed["tags"]): Html {
  const list = Array.isArray(tags) ? (tags as readonly (AsyncApiTag | AsyncApiReference)[]) : [];
  const shown = list.flatMap((tag) => {
    const value = context.resolver.follow<AsyncApiTag>(tag)?.value;
    if (value === undefined) return [];
    const title = typeof value.description === "string" ? value.description : "";
    const url = context.resolver.follow<AsyncApiExternalDocs>(value.externalDocs)?.value.url;
    return [html`<li class="tag" title="${title}">${link(url, value.name)}</li>`];
  });
  return shown.length === 0 ? nothing : html`<ul class="tags" aria-label="Tags">${shown}</ul>`;
}

function externalDocs(context: PageContext, docs: AsyncApiDescribed["externalDocs"]): Html {
  const found = context.resolver.follow<AsyncApiExternalDocs>(docs)?.value;
  if (found === undefined) return nothing;
  const text = typeof found.description === "string" ? found.description : found.url;
  return html`<p class="more">More: ${link(found.url, text)}</p>`;
}

/** Summary, description and further reading. */
export function description(context: PageContext, object: AsyncApiDescribed): Html {
  const { summary } = object;
  return html`${typeof summary === "string" && html`<p class="summary">${inlineMarkdown(summary)}</p>`}
${markdown(object.description)}${externalDocs(context, object.externalDocs)}`;
}

/** The version of a binding is for tools, not for readers. */
function withoutVersion(binding: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(binding).filter(([key]) => key !== "bindingVersion"));
}

/** What only one protocol knows of an object. */
export function bindings(context: PageContext, value: AsyncApiBindings | AsyncApiReference | undefined): Html {
  const found = context.resolver.follow<AsyncApiBindings>(value)?.value;
  const entries = Object.entries(found ?? {})
    .map(([protocol, one]) => [protocol, isRecord(one) ? withoutVersion(one) : one] as const)
    .filter(([, one]) => !isRecord(one) || Object.keys(one).length > 0);
  if (entries.length === 0) return nothing;
  const shown = entries.map(
    ([protocol, one]) =>
      html`<p class="label"><span class="protocol">${protocol}</span> specifics</p>${factsTable(one)}`,
  );
  return html`<div class="bindings">${shown}</div>`;
}

/** Keys that begin with `x-`. */
export function extensions(object: object): Html {
  const own = Object.entries(object).filter(([key]) => key.startsWith("x-") && !key.startsWith("x-parser-"));
  if (own.length === 0) return nothing;
  return html`<div class="bindings"><p class="label">Extensions</p>${factsTable(Object.fromEntries(own))}</div>`;
}

/** Whether it is deprecated: messages say so themselves, everything else by an extension. */
export function deprecatedFlag(object: object): Html {
  const is = "deprecated" in object ? object.deprecated : "x-deprecated" in object ? object["x-deprecated"] : false;
  return is === true ? html` <span class="flag flag-deprecated">deprecated</span>` : nothing;
}

/** Ways to sign in: one of them is enough. */
export function security(
  context: PageContext,
  list: readonly (AsyncApiSecurityScheme | AsyncApiReference)[] | undefined,
): Html {
  const shown = (Array.isArray(list) ? list : []).flatMap((one: AsyncApiSecurityScheme | AsyncApiReference) => {
    const followed = context.resolver.follow<AsyncApiSecurityScheme>(one);
    if (followed === undefined) return [];
    const { type, description: text, ...rest } = followed.value;
    const name = isReference(one) ? followed.pointer?.at(-1) : undefined;
    return [
      html`<li><strong>${type}</strong>${name !== undefined && html` <code>${name}</code>`}${markdown(text)}${Object.keys(rest).length > 0 && factsTable(rest)}</li>`,
    ];
  });
  return shown.length === 0
    ? nothing
    : html`<div class="security"><p class="label">Security</p><ul>${shown}</ul></div>`;
}

/** Names of servers as links. */
export function serverLinks(context: PageContext, servers: readonly AsyncApiReference[] | undefined): Html {
  const names = (Array.isArray(servers) ? (servers as readonly AsyncApiReference[]) : []).flatMap(
    (one) => context.resolver.follow<unknown>(one)?.pointer?.at(-1) ?? [],
  );
  return joined(
    names.map((name) =>
      context.options.servers ? html`<a href="#${context.anchors.of("server", name)}">${name}</a>` : html`${name}`,
    ),
    ", ",
  );
}
