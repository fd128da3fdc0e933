import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWebhookApp } from "../../examples/github-webhooks/app.ts";
import { readOptions } from "../../examples/github-webhooks/options.ts";
import { openPlace } from "../../examples/github-webhooks/place.ts";
import { openResults } from "../../examples/github-webhooks/results.ts";
import { compressReact } from "../../scripts/copy-react.ts";
import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";
import { standalonePage } from "../../src/asyncapi/page/standalone.ts";
import type { DocsOptions } from "../../src/http/docs-options.ts";
import { serveDocs } from "../../src/http/docs-server.ts";
import type { LogFields, Logger } from "../../src/server/logger.ts";
import { everything } from "../page/everything.ts";
import { hostile, withHostileTexts } from "../page/hostile.ts";
import { launch, picture, requireChromium, type Visit, type VisitOptions, visit } from "./browser.ts";

const chromium = await requireChromium();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const options = readOptions(["--server", "memory:"]);
const place = await openPlace(options);
const webhooks = createWebhookApp(place, openResults(place.results), options).asyncapi();

describe.skipIf(chromium === undefined)("the documentation in a browser", () => {
  let browser: Browser;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    if (chromium !== undefined) browser = await launch(chromium);
  }, 60_000);
  afterAll(async () => {
    for (const close of closing) await close();
    await browser?.close();
  });

  /** As a worker serves it; the URL of the page. */
  async function serve(document: AsyncApiDocument, given: Partial<DocsOptions> = {}): Promise<string> {
    let port = 0;
    const note = (fields: LogFields): void => {
      if (fields["event"] === "http.listen") port = Number(fields["port"]);
    };
    const logger: Logger = { debug() {}, info: note, warn: note, error: note };
    const source = { document: () => document, logger, reactFolder: compressReact() };
    closing.push(await serveDocs({ port: 0, ...given }, source));
    return `http://127.0.0.1:${port}${given.path ?? "/"}`;
  }

  async function open(
    document: AsyncApiDocument,
    given: VisitOptions & { readonly hash?: string } = {},
  ): Promise<Visit> {
    return visit(browser, `${await serve(document)}${given.hash ?? ""}`, given);
  }

  const width = (page: Page): Promise<number> => page.evaluate<number>("document.documentElement.scrollWidth");
  const background = (page: Page): Promise<string> =>
    page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const isVisible = (page: Page, selector: string): Promise<boolean> =>
    page.evaluate<boolean>(
      `document.querySelector(${JSON.stringify(selector)}).checkVisibility({ contentVisibilityAuto: true })`,
    );

  async function violations(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe);
    return page.evaluate<readonly string[]>(
      `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => id + " " + target + " " + failureSummary)))`,
    );
  }

  /** All from the server of the page, and nothing to complain about. */
  function expectQuiet({ requests, complaints, page }: Visit): void {
    const own = new URL(page.url()).origin;
    expect(requests.filter((url) => !url.startsWith(`${own}/`) && !url.startsWith("data:"))).toEqual([]);
    expect(complaints).toEqual([]);
  }

  describe("the page", () => {
    test.each([
      ["light", {}],
      ["dark", { dark: true }],
      ["phone", { width: 400, height: 800 }],
    ] as const)(
      "of a document with everything, %s: nothing from elsewhere, no complaint, accessible",
      async (name, given) => {
        const seen = await open(everything, given);
        await picture(seen.page, `page-${name}`);
        await picture(seen.page, `page-${name}-whole`, true);
        const text = await seen.page.innerText("main");
        for (const one of ["Place an order", "Charge a card", "orders.{tenant}.created", "from Person"])
          expect(text).toContain(one);
        expect(await violations(seen.page)).toEqual([]);
        expectQuiet(seen);
        expect(await width(seen.page)).toBeLessThanOrEqual("width" in given ? given.width : 1440);
      },
    );

    test("of the webhook example", async () => {
      const seen = await open(webhooks);
      await picture(seen.page, "page-webhooks", true);
      const text = await seen.page.innerText("main");
      for (const one of ["GitHub webhooks", "pull_request", "repository", "full_name"]) expect(text).toContain(one);
      expect(await violations(seen.page)).toEqual([]);
      expectQuiet(seen);
    });

    test("says all of it without any script", async () => {
      const { page, complaints } = await open(everything, { javaScript: false });
      const text = await page.innerText("body");
      expect(text).toContain("Chosen by the sender, so that it is idempotent");
      expect(await page.locator(".search").isVisible()).toBe(false);
      await page.locator(".sidebar a", { hasText: "Charge a card" }).click();
      expect(page.url()).toMatch(/#operation-charge$/);
      expect(complaints).toEqual([]);
    });

    test("is searched by names, channels and properties, from the keyboard", async () => {
      const { page } = await open(everything);
      const shown = (): Promise<string[]> => page.locator(".sidebar li:visible").allInnerTexts();
      await page.keyboard.press("/");
      await page.keyboard.type("customer");
      expect((await shown()).join()).toContain("Place an order");
      expect((await shown()).join()).not.toContain("Cancel");
      await page.keyboard.press("Enter");
      expect(page.url()).toMatch(/#operation-receive_placeOrder$/);
      await page.keyboard.press("/");
      await page.keyboard.press("ControlOrMeta+a");
      await page.keyboard.type("zzz");
      expect(await shown()).toEqual([]);
      expect(await page.locator(".no-result").isVisible()).toBe(true);
      await page.keyboard.press("Escape");
      expect((await shown()).length).toBeGreaterThan(20);
    });

    test("a link to a property that is folded away opens it", async () => {
      const hash = "#operation-receive_placeOrder.placeOrder.payload.customer.address.street";
      const { page } = await open(everything, { hash });
      expect(await page.locator(`[id="${hash.slice(1)}"]`).isVisible()).toBe(true);
      await picture(page, "page-linked");
    });

    test("is dark where the system is, or where the reader wants it, also the next time", async () => {
      const { page } = await open(everything);
      const light = await background(page);
      await page.getByRole("button", { name: "Dark colours" }).click();
      const dark = await background(page);
      expect(dark).not.toBe(light);
      await page.reload();
      expect(await background(page)).toBe(dark);
      await page.getByRole("button", { name: "Light colours" }).click();
      expect(await background(page)).toBe(light);
      const other = await open(everything, { dark: true });
      expect(await background(other.page)).toBe(dark);
    });

    test("has its contents behind a button where there is little room", async () => {
      const { page } = await open(everything, { width: 400, height: 800 });
      expect(await page.locator(".sidebar").isVisible()).toBe(false);
      await page.locator("#menu").focus();
      await page.keyboard.press("Space");
      expect(await page.locator(".sidebar").isVisible()).toBe(true);
      await picture(page, "page-phone-menu");
      await page.locator(".sidebar a", { hasText: "Charge a card" }).click();
      expect(await page.locator(".sidebar").isVisible()).toBe(false);
    });

    test("prints what is folded away, dark on light, without what cannot be pressed on paper", async () => {
      const url = await serve(everything, { expandExamples: false });
      const { page } = await visit(browser, url, { dark: true });
      expect(await isVisible(page, ".example figure")).toBe(false);
      await page.emulateMedia({ media: "print" });
      expect(await isVisible(page, ".example figure")).toBe(true);
      expect(await page.locator(".sidebar").isVisible()).toBe(false);
      expect(await background(page)).toBe("rgb(255, 255, 255)");
      await page.setViewportSize({ width: 800, height: 1100 });
      await picture(page, "page-print", true);
    });

    test("below a path", async () => {
      const seen = await visit(browser, await serve(everything, { path: "/docs" }));
      expect(seen.page.url()).toMatch(/\/docs\/$/);
      expect(await seen.page.locator("button.theme").isVisible()).toBe(true);
      await seen.page.getByRole("link", { name: "YAML" }).click();
      expectQuiet(seen);
    });
  });

  test("the page as a file works from the disk", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-page-"));
    try {
      const path = join(folder, "page.html");
      writeFileSync(path, standalonePage(everything));
      const { page, complaints, requests } = await visit(browser, pathToFileURL(path).href);
      await page.keyboard.press("/");
      await page.keyboard.type("charge");
      expect(await page.locator(".sidebar li:visible").count()).toBeLessThan(10);
      expect(complaints).toEqual([]);
      expect(requests.length).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(["page", "file"] as const)("a hostile document does nothing: %s", async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-page-"));
    try {
      const path = join(folder, "page.html");
      writeFileSync(path, standalonePage(hostile));
      const url = kind === "file" ? pathToFileURL(path).href : await serve(hostile);
      const seen = await visit(browser, url, { width: 400, height: 800 });
      // The policy would stop an attack, too, but then it would complain.
      expect(seen.complaints).toEqual([]);
      expect(await seen.pwned()).toEqual([]);
      expect(await seen.page.locator("img, svg, iframe, object, main script").count()).toBe(0);
      for (const link of await seen.page.locator("main a").all()) {
        expect(await link.getAttribute("href")).toMatch(/^(#|https?:|mailto:)/);
      }
      expect(await width(seen.page)).toBe(400);
      await seen.page.mouse.move(200, 300);
      expect(await seen.pwned()).toEqual([]);
      await picture(seen.page, `hostile-${kind}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe("the React view", () => {
    test.each([
      ["everything", everything, ["Orders", "receive_placeOrder", "{region}.rabbit.example.com"]],
      ["webhooks", webhooks, ["GitHub webhooks", "pull_request"]],
    ] as const)("of %s: nothing from elsewhere, no complaint", async (name, document, expected) => {
      const seen = await visit(browser, await serve(document, { view: "react" }), { width: 1600 });
      expect(seen.page.url()).toMatch(/\/react\/$/);
      await seen.page.waitForSelector("#asyncapi section", { timeout: 20_000 });
      await picture(seen.page, `react-${name}`);
      await picture(seen.page, `react-${name}-whole`, true);
      const text = await seen.page.innerText("body");
      for (const one of expected) expect(text).toContain(one);
      expectQuiet(seen);
    });

    test.each([
      ["broken", hostile, "There are errors"],
      ["valid", withHostileTexts(everything), "receive_placeOrder"],
    ] as const)("a hostile document does nothing: %s", async (name, document, expected) => {
      const seen = await visit(browser, await serve(document, { view: "react" }), { width: 1600 });
      await seen.page.getByText(expected).first().waitFor({ timeout: 20_000 });
      await picture(seen.page, `hostile-react-${name}`);
      expect(await seen.pwned()).toEqual([]);
      const { origin } = new URL(seen.page.url());
      expect(seen.requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"))).toEqual([]);
    });

    test("leads to the page where there is no script", async () => {
      const { page } = await visit(browser, await serve(everything, { view: "react" }), { javaScript: false });
      await page.getByRole("link", { name: "the page" }).click();
      expect(await page.innerText("h1")).toBe("Orders");
      expect(await page.getByRole("link", { name: "React" }).getAttribute("href")).toBe("react/");
    });
  });
});
