/** The style of the page. A string, so that it survives whatever a bundler does with the files around it. */
export const stylesheet: string = `
:root {
  color-scheme: light dark;
  --bg: light-dark(#ffffff, #11141a);
  --surface: light-dark(#f6f7f9, #181c24);
  --raised: light-dark(#ffffff, #1d222b);
  --line: light-dark(#e2e5ea, #2a303b);
  --line-strong: light-dark(#8a93a0, #6d7685);
  --text: light-dark(#1b212c, #e3e7ee);
  --quiet: light-dark(#586170, #9ca6b5);
  --accent: light-dark(#0a5bb8, #82bcff);
  --accent-soft: light-dark(#e8f1fc, #16283f);
  --receive: light-dark(#0b6338, #7fdba6);
  --receive-soft: light-dark(#e0f4e8, #12301f);
  --send: light-dark(#0a52a8, #8dc1ff);
  --send-soft: light-dark(#e2eefc, #13294a);
  --reply: light-dark(#65379c, #cdadf7);
  --reply-soft: light-dark(#f0e8fa, #2c1f42);
  --request: light-dark(#8a4200, #f5bd85);
  --request-soft: light-dark(#fcecdb, #3a2510);
  --danger: light-dark(#a8201a, #ff9e97);
  --danger-soft: light-dark(#fdeceb, #3c1917);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --bar: 3.5rem;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
*, *::before, *::after { box-sizing: border-box; }
html { scroll-padding-top: calc(var(--bar) + 1rem); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--text); font: 400 0.9375rem/1.6 var(--sans); overflow-wrap: anywhere; }
h1, h2, h3, h4, p, ul, ol, dl, dd, figure, blockquote, pre { margin: 0; padding: 0; }
h1, h2, h3, h4 { line-height: 1.25; text-wrap: balance; }
ul { list-style: none; }
a { color: var(--accent); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code, pre, kbd { font-family: var(--mono); font-size: 0.875em; }
.hidden:not(:focus):not(:active), .hidden.menu-state { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
.quiet { color: var(--quiet); font-weight: 400; }
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 3; background: var(--raised); padding: 0.5rem 1rem; border-radius: 6px; }
.skip:focus { top: 0.5rem; }

.top { position: sticky; top: 0; z-index: 2; display: flex; align-items: center; gap: 0.75rem; min-height: var(--bar); padding: 0 1.5rem; background: var(--bg); border-bottom: 1px solid var(--line); }
.top > * { flex: none; }
.top > .brand, .top > .version { flex: 0 1 auto; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.brand { color: inherit; font-weight: 650; text-decoration: none; white-space: nowrap; }
.version { color: var(--quiet); font-size: 0.8125rem; white-space: nowrap; }
.top-links { display: flex; gap: 1rem; margin-left: auto; font-size: 0.8125rem; }
.top-links a { color: var(--quiet); text-decoration: none; }
.top-links a:hover { color: var(--text); text-decoration: underline; }
button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line-strong); border-radius: 6px; padding: 0.2rem 0.7rem; font-size: 0.8125rem; cursor: pointer; }
button:hover { background: var(--surface); }
.menu-button, .menu-state { display: none; }

.layout { display: grid; grid-template-columns: 17.5rem minmax(0, 1fr); max-width: 105rem; margin: 0 auto; }
.no-sidebar .layout { grid-template-columns: minmax(0, 1fr); max-width: 80rem; }
.sidebar { position: sticky; top: var(--bar); height: calc(100vh - var(--bar)); overflow-y: auto; padding: 1.25rem 1rem 3rem 1.5rem; border-right: 1px solid var(--line); font-size: 0.875rem; scrollbar-width: thin; }
.nav-part { margin-bottom: 1.25rem; }
.nav-title { display: block; padding: 0.2rem 0.5rem; color: var(--quiet); font-size: 0.75rem; font-weight: 650; letter-spacing: 0.04em; text-transform: uppercase; text-decoration: none; }
.nav-title:hover { color: var(--text); }
.sidebar li a { display: flex; align-items: baseline; gap: 0.5rem; padding: 0.25rem 0.5rem; border-radius: 6px; color: var(--text); text-decoration: none; line-height: 1.4; }
.sidebar li a:hover { background: var(--surface); }
.sidebar li a[aria-current] { background: var(--accent-soft); color: var(--accent); }
.sidebar .badge { flex: none; width: 2.9rem; justify-content: center; font-size: 0.625rem; padding: 0.05rem 0; text-decoration: none; }
.search { position: relative; margin-bottom: 1.25rem; }
.search input { width: 100%; font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line-strong); border-radius: 8px; padding: 0.45rem 2rem 0.45rem 0.7rem; }
.search input::placeholder { color: var(--quiet); opacity: 1; }
.search kbd { position: absolute; right: 0.6rem; top: 50%; transform: translateY(-50%); color: var(--quiet); border: 1px solid var(--line); border-radius: 4px; padding: 0 0.35rem; background: var(--bg); }
.search input:focus + kbd { display: none; }
.no-result { color: var(--quiet); padding: 0 0.5rem 1rem; }

main { min-width: 0; padding: 2.5rem 2.5rem 6rem; container-type: inline-size; overflow-x: clip; }
.part { margin-top: 3.5rem; }
.operation-body > .bindings { border-top: 1px solid var(--line); }
.part > h2 { font-size: 1.375rem; font-weight: 650; padding-bottom: 0.6rem; margin-bottom: 1.25rem; border-bottom: 1px solid var(--line); }
.info h1 { font-size: clamp(1.6rem, 4cqi, 2.25rem); font-weight: 700; letter-spacing: -0.015em; margin-bottom: 0.75rem; }
.info .prose, .info .summary { max-width: 46rem; font-size: 1rem; }
.anchor { color: inherit; text-decoration: none; }
.anchor:hover { text-decoration: underline; }
.anchor { position: relative; }
.anchor::after { content: "#"; position: absolute; padding-left: 0.3em; color: var(--line-strong); font-weight: 400; opacity: 0; }
.anchor:hover::after, .anchor:focus-visible::after { opacity: 1; }
:target { scroll-margin-top: calc(var(--bar) + 1rem); }
article:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.field:target > .field-line, tr:target { background: var(--accent-soft); box-shadow: 0 0 0 0.3rem var(--accent-soft); border-radius: 2px; }
.group { margin: 2.5rem 0 1rem; color: var(--quiet); font-size: 0.8125rem; font-weight: 650; letter-spacing: 0.04em; text-transform: uppercase; }

.card, .operation { background: var(--bg); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.5rem 1.5rem; margin-bottom: 1.25rem; }
.operation { padding: 0; margin-bottom: 2rem; }
.operation-body { padding: 0.75rem 1.5rem 1.5rem; }
.operation > header { padding: 1.1rem 1.5rem 1rem; border-bottom: 1px solid var(--line); background: var(--surface); border-radius: 12px 12px 0 0; }
h3 { font-size: 1.0625rem; font-weight: 650; }
.operation h3 { display: flex; flex-wrap: wrap; align-items: center; gap: 0.35rem 0.6rem; }
.where { margin-top: 0.4rem; color: var(--quiet); font-size: 0.875rem; }
.where code { color: var(--text); }
h4, .message-title { font-size: 0.9375rem; font-weight: 650; margin-bottom: 0.5rem; }
.message-title .kicker, .message-title .name { color: var(--quiet); font-weight: 400; }
.label { line-height: 1.25; font-size: 0.75rem; font-weight: 650; letter-spacing: 0.04em; text-transform: uppercase; color: var(--quiet); margin: 1.25rem 0 0.4rem; }
.message { padding: 1.25rem 0 1.5rem; border-top: 1px solid var(--line); display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr); }
.operation-body > .message:first-child { border-top: 0; padding-top: 0.5rem; }
.reply { border-top: 1px dashed var(--line-strong); padding-top: 1.25rem; }
.reply > .message:first-of-type { border-top: 0; padding-top: 0.75rem; }
.reply-title { color: var(--reply); }
@container (min-width: 54rem) {
  .message { grid-template-columns: minmax(0, 1fr) minmax(0, 25rem); gap: 2.5rem; }
  .message-examples { position: sticky; top: calc(var(--bar) + 1rem); align-self: start; max-height: calc(100vh - var(--bar) - 2rem); overflow-y: auto; }
}
.badge { display: inline-flex; gap: 0.3em; align-items: center; font: 650 0.6875rem/1.5 var(--sans); letter-spacing: 0.03em; text-transform: uppercase; padding: 0.1rem 0.5rem; border-radius: 5px; white-space: nowrap; }
.badge-receive { color: var(--receive); background: var(--receive-soft); }
.badge-send { color: var(--send); background: var(--send-soft); }
.badge-reply { color: var(--reply); background: var(--reply-soft); }
.badge-request { color: var(--request); background: var(--request-soft); }
.protocol { display: inline-block; font: 500 0.75rem/1.5 var(--mono); color: var(--quiet); border: 1px solid var(--line); border-radius: 5px; padding: 0 0.4rem; white-space: nowrap; text-transform: none; letter-spacing: 0; }
.tags { display: flex; flex-wrap: wrap; gap: 0.35rem; margin: 0.5rem 0; }
.tag { font-size: 0.75rem; color: var(--quiet); background: var(--surface); border: 1px solid var(--line); border-radius: 999px; padding: 0 0.6rem; }
.flag { font-size: 0.75rem; font-weight: 600; white-space: nowrap; }
.flag-required { color: var(--request); }
.flag-deprecated { color: var(--danger); background: var(--danger-soft); border-radius: 4px; padding: 0 0.4rem; }
.summary { font-size: 1rem; margin-top: 0.5rem; }
.prose { max-width: 46rem; }
.prose > * + * { margin-top: 0.6rem; }
.prose ul, .prose ol { padding-left: 1.4rem; }
.prose ul { list-style: disc; }
.prose-heading { font-weight: 650; }
.prose code, .facts code, .rows code { background: var(--surface); border: 1px solid var(--line); border-radius: 4px; padding: 0 0.25em; }
.prose pre { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; overflow-x: auto; }
.prose pre code { border: 0; padding: 0; }
.prose blockquote { border-left: 3px solid var(--line-strong); padding-left: 1rem; color: var(--quiet); }
.summary + .prose, .prose + .more, .summary + .more { margin-top: 0.5rem; }
.more { font-size: 0.875rem; }
.rows { margin: 0.75rem 0; font-size: 0.875rem; }
.rows > div { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: 0.25rem 1rem; padding: 0.3rem 0; }
.rows > div + div { border-top: 1px solid var(--line); }
.bindings .rows > div, .security .rows > div { grid-template-columns: minmax(9rem, 16rem) minmax(0, 1fr); }
.rows dt, .rows dt code { color: var(--quiet); background: none; border: 0; padding: 0; }
.security li { padding: 0.15rem 0; font-size: 0.875rem; }
.security .prose { display: inline-block; margin-left: 0.5rem; color: var(--quiet); }
.security .rows { margin: 0.15rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 1rem 0.45rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 600; }
table + .message { border-top: 0; }

.schema-head { font-size: 0.875rem; }
.schema-title, .field-title { font-weight: 500; color: var(--quiet); }
.field-title { font-size: 0.8125rem; }
.type { color: var(--quiet); font-size: 0.8125rem; }
.format { color: var(--quiet); }
.format::before { content: "<"; }
.format::after { content: ">"; }
.fields { margin-top: 0.35rem; border-top: 1px solid var(--line); }
.field { padding: 0.6rem 0; border-bottom: 1px solid var(--line); font-size: 0.875rem; }
.fields > .field:last-child { border-bottom: 0; padding-bottom: 0.25rem; }
.field-line { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.15rem 0.6rem; }
.field-name { color: var(--text); text-decoration: none; }
.field-name:hover { text-decoration: underline; }
.field-name code { font-weight: 650; font-size: 0.8125rem; }
.role { font-style: italic; color: var(--quiet); font-size: 0.8125rem; }
.facts { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin-top: 0.25rem; font-size: 0.8125rem; }
.fact-label { color: var(--quiet); }
.again { color: var(--quiet); font-size: 0.8125rem; font-style: italic; }
.nested { margin-top: 0.4rem; }
.nested > summary, .example > summary { cursor: pointer; font-size: 0.8125rem; color: var(--quiet); width: fit-content; }
.nested > summary:hover, .example > summary:hover { color: var(--text); }
.nested > .fields, .nested > .choice, .choice > .fields { border-top: 0; margin-left: 0.3rem; padding-left: 0.9rem; border-left: 2px solid var(--line); }
.choice-label { margin-top: 0.5rem; font-size: 0.8125rem; font-weight: 600; color: var(--reply); }
.example { margin-bottom: 0.75rem; }
.example > summary { margin-bottom: 0.4rem; font-weight: 600; color: var(--text); }
.code { position: relative; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; margin-bottom: 0.6rem; overflow: hidden; }
.code figcaption { font-size: 0.75rem; color: var(--quiet); padding: 0.35rem 0.9rem; border-bottom: 1px solid var(--line); }
.code pre { padding: 0.75rem 0.9rem; overflow: auto; max-height: 30rem; font-size: 0.8125rem; line-height: 1.55; tab-size: 2; overflow-wrap: normal; }
.code pre:focus-visible { outline-offset: -2px; }
.code pre code { font-size: inherit; }
.copy { position: absolute; right: 0.4rem; top: 0.2rem; padding: 0 0.5rem; font-size: 0.75rem; border-color: var(--line); color: var(--quiet); }
.tok-key { color: var(--send); }
.tok-string { color: var(--receive); }
.tok-value { color: var(--request); }
.problems { border: 1px solid var(--danger); background: var(--danger-soft); border-radius: 10px; padding: 1rem 1.25rem; margin-bottom: 2rem; }
.problems h2 { font-size: 0.9375rem; color: var(--danger); }
.problems ul { list-style: disc; padding-left: 1.25rem; font-size: 0.875rem; }

@media (max-width: 56rem) {
  .layout { grid-template-columns: minmax(0, 1fr); }
  .sidebar { display: none; position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); padding: 1rem; }
  body:has(#menu:checked) .sidebar, .menu-state { display: block; }
  .menu-button { display: block; border: 1px solid var(--line-strong); border-radius: 6px; padding: 0.2rem 0.7rem; font-size: 0.8125rem; cursor: pointer; }
  #menu:focus-visible + .menu-button { outline: 2px solid var(--accent); outline-offset: 2px; }
  .sidebar li a { padding: 0.5rem; }
  .top { padding: 0 1rem; gap: 0.6rem; }
  .search kbd { display: none; }
  main { padding: 1.5rem 1rem 4rem; }
  .card { padding: 1rem; }
  .operation-body { padding: 0.75rem 1rem 1rem; }
  .operation > header { padding: 1rem; }
}
@media (max-width: 30rem) {
  .version { display: none; }
  .rows > div, .bindings .rows > div, .security .rows > div { grid-template-columns: minmax(0, 1fr); }
}
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  body { font-size: 10pt; }
  .top, .skip { position: static; }
  .sidebar, .theme, .copy, .menu-button, .top-links, .skip { display: none !important; }
  .layout { display: block; max-width: none; }
  main { padding: 0; }
  .operation, .card { border-radius: 0; border-width: 1px 0 0; padding: 1rem 0 0; }
  .operation-body, .operation > header { padding: 0.5rem 0; background: none; }
  .message { display: block; }
  .message-examples { position: static; max-height: none; overflow: visible; }
  .code pre { max-height: none; white-space: pre-wrap; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  h2, h3, h4, .label { break-after: avoid; }
  .field, .code, tr { break-inside: avoid; }
  a { color: inherit; }
}
`.trimStart();
