import type { AsyncApiDocument } from "../document.ts";
import { createPageContext } from "./context.ts";
import { type Html, html, nothing } from "./html.ts";
import { listOperations } from "./operation-list.ts";
import type { PageOptions } from "./page-options.ts";
import {
  channelsSection,
  infoSection,
  listMessages,
  messagesSection,
  operationsSection,
  problemsSection,
  schemasSection,
  serversSection,
} from "./sections.ts";
import { sidebar } from "./sidebar.ts";

/** What differs between a page that is served and one that is a file. */
export interface PageFrame {
  /** Style sheet and script, linked or inline. */
  readonly head: Html;
  /** Links to the document and other views. */
  readonly links: readonly { readonly href: string; readonly text: string }[];
}

/** The whole page of a document: complete without any script, and nothing in it comes from elsewhere. */
export function renderPage(document: AsyncApiDocument, frame: PageFrame, given?: PageOptions): string {
  const context = createPageContext(document, given);
  const { options } = context;
  const operations = listOperations(context);
  const messages = listMessages(context);
  const nav = options.sidebar ? sidebar(context, operations, messages) : nothing;
  const parts = html`${options.info && infoSection(context)}
${options.servers && serversSection(context)}
${options.operations && operationsSection(context, operations)}
${options.channels && channelsSection(context, operations)}
${options.messages && messagesSection(context, messages, operations)}
${options.schemas && schemasSection(context)}`;
  const { title, version } = context.info;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="generator" content="millrace"><title>${title} ${version}</title>
${frame.head}</head><body${options.sidebar ? nothing : html` class="no-sidebar"`}>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">${options.sidebar && html`<input class="hidden menu-state" type="checkbox" id="menu"><label class="menu-button" for="menu">Contents</label>`}<a class="brand" href="#top">${title}</a> <span class="version">${version}</span>
<ul class="top-links">${frame.links.map(({ href, text }) => html`<li><a href="${href}">${text}</a></li>`)}</ul><button class="theme" type="button" hidden>Theme</button></header>
<div class="layout">${nav}<main id="main" tabindex="-1">${options.errors && problemsSection(context)}${parts}</main></div>
</body></html>
`;
  return page.text;
}
