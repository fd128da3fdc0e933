import { expect, test } from "vitest";
import { inlineMarkdown, markdown } from "../../src/asyncapi/page/markdown.ts";

const render = (text: string): string => markdown(text).text.replace(/^<div class="prose">(.*)<\/div>$/s, "$1");

test.each([
  ["a\nb\n\nc", "<p>a\nb</p><p>c</p>"],
  ["- a\n- b\n  more", "<ul><li>a</li><li>b more</li></ul>"],
  ["1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"],
  ["text\n- a", "<p>text</p><ul><li>a</li></ul>"],
  ["## Title ##", '<p class="prose-heading">Title</p>'],
  ["> quoted\n> twice", "<blockquote><p>quoted\ntwice</p></blockquote>"],
  ["```js\na < b\n\n- c\n```\nafter", '<pre tabindex="0"><code>a &lt; b\n\n- c</code></pre><p>after</p>'],
  ["``` never closed", '<pre tabindex="0"><code></code></pre>'],
  [
    "`*a*` **b** *c* **d `e`**",
    "<p><code>*a*</code> <strong>b</strong> <em>c</em> <strong>d <code>e</code></strong></p>",
  ],
  ["2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"],
  ["<b>no</b> &amp; html", "<p>&lt;b&gt;no&lt;/b&gt; &amp;amp; html</p>"],
])("%j", (text, expected) => {
  expect(render(text)).toBe(expected);
});

test("links lead to http, https and mail, all others are text", () => {
  const attributes = 'rel="noopener noreferrer nofollow"';
  expect(render("[a](https://x.example/?a=1&b=2)")).toBe(
    `<p><a href="https://x.example/?a=1&amp;b=2" ${attributes}>a</a></p>`,
  );
  expect(render("see https://x.example/y.")).toContain('href="https://x.example/y."');
  for (const url of [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "//x",
    "/x",
    "file:///etc/passwd",
  ]) {
    expect(render(`[a](${url})`)).not.toContain("<a");
  }
});

test("texts that are made to be slow are not", () => {
  const started = performance.now();
  for (const part of ["**", "*a", "[", "[a](", "`", "> ", "- ", "```\n", "https://", "1. "])
    markdown(part.repeat(20_000));
  expect(performance.now() - started).toBeLessThan(5000);
});

test("a summary has no paragraph around it", () => {
  expect(inlineMarkdown("a `b`").text).toBe("a <code>b</code>");
});
