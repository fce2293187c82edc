/** A real Chromium, and what the tests ask of its pages. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path): path is string => path !== undefined && path !== "" && existsSync(path),
);

/**
 * Whether these tests can run. Missing, it fails them in CI; elsewhere it is told once and they are
 * skipped.
 */
export const hasChromium: boolean = (() => {
  if (executablePath) return true;
  if (process.env.CI)
    throw new Error("chromium is missing; CI needs it (apt-get install chromium)");
  console.warn("SKIPPED: chromium is missing, and so is CHROMIUM; the console is not tested");
  return false;
})();

/** Files of the run; not committed. */
export const SCREENSHOTS = fileURLToPath(new URL("../../.cache/screenshots/", import.meta.url));

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<Browser> {
  return chromium.launch({ ...(executablePath && { executablePath }), args: FLAGS });
}

export interface Look {
  readonly scheme: "light" | "dark";
  readonly width: 400 | 1600;
}

/** How the console is looked at. */
export const LOOKS: readonly Look[] = [
  { scheme: "light", width: 1600 },
  { scheme: "dark", width: 1600 },
  { scheme: "light", width: 400 },
  { scheme: "dark", width: 400 },
];

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page threw, and what its security policy refused. */
  readonly problems: string[];
}

/** A tab of its own; nothing of another visit is in it. */
export async function visit(
  browser: Browser,
  url: string,
  look: Look = { scheme: "light", width: 1600 },
): Promise<Visit> {
  const context = await browser.newContext({
    colorScheme: look.scheme,
    viewport: viewportOf(look),
    // Colours are what they are going to be.
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.stack ?? error.message));
  page.on("console", (message) => {
    if (/content security policy|unhandled/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(url);
  return { context, page, problems };
}

function viewportOf({ width }: Look): { width: number; height: number } {
  return { width, height: width === 400 ? 860 : 1000 };
}

/** The same page, as somebody else sees it. */
export async function lookAt(page: Page, look: Look): Promise<void> {
  await page.setViewportSize(viewportOf(look));
  await page.emulateMedia({ colorScheme: look.scheme });
  // A frame later the charts have followed.
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What is wrong for people who do not see, do not point, or see little; one line each. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
  );
  return results.violations.map(({ id, nodes }) => {
    const where = nodes.map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? ""})`);
    return `${id}: ${where.slice(0, 4).join("; ")}`;
  });
}

/** Of the whole page, or of what is seen of it under a dialog; named after what it shows. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const fullPage = (await page.locator("dialog").count()) === 0;
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
}

/** Nothing sticks out at the side. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
}
