import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Chromium, provideChromium } from "../../dev/chromium.ts";

/** Pictures of what the tests saw, for people: ignored by git, kept by CI. */
const artifacts: string = fileURLToPath(new URL("../../test-artifacts/", import.meta.url));

/** The browser, or undefined and a printed reason where none can be had; an error if MILLRACE_REQUIRE names `chromium`. */
export async function requireChromium(): Promise<Chromium | undefined> {
  try {
    return await provideChromium((line) => console.log(line));
  } catch (error) {
    const why = `chromium: ${error instanceof Error ? error.message : String(error)}`;
    if ((process.env["MILLRACE_REQUIRE"] ?? "").split(",").includes("chromium")) {
      throw new Error(`${why}; MILLRACE_REQUIRE names it`, { cause: error });
    }
    console.warn(`SKIPPED ${why}`);
    return undefined;
  }
}

/** Without root's sandbox, and without anything that a browser does on its own. A fresh profile each time. */
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

export function launch({ executable, env }: Chromium): Promise<Browser> {
  return chromium.launch({ executablePath: executable, env: { ...process.env, ...env }, args: [...flags, ...quiet] });
}

export interface Visit {
  readonly page: Page;
  /** Everything that was asked for. */
  readonly requests: readonly string[];
  /** Errors and warnings of the console, refused things included, and uncaught exceptions. */
  readonly complaints: readonly string[];
  /** Calls of `pwned`, which only injected code would make. */
  pwned(): Promise<readonly number[]>;
}

export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly javaScript?: boolean;
}

export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { width = 1440, height = 1000, dark = false, javaScript = true } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    javaScriptEnabled: javaScript,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => void requests.push(request.url()));
  page.on("pageerror", (error) => void complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.addInitScript("window.pwnedBy = []; window.pwned = (by) => window.pwnedBy.push(by);");
  await page.goto(url, { waitUntil: "networkidle" });
  return { page, requests, complaints, pwned: () => page.evaluate<readonly number[]>("window.pwnedBy") };
}

export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(artifacts, { recursive: true });
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage });
}
