/** A server that asks who is calling. */
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Authenticate } from "../../src/auth/contract.ts";
import { AgentlaneError } from "../../src/errors.ts";
import { loadConsole } from "../../src/server/console-files.ts";
import { ANYBODY } from "../../src/tasks/principal.ts";
import { startTestServer, type TestServer } from "../server/test-server.ts";
import { hasChromium, LOOKS, launch, screenshot, violations, visit } from "./browser.ts";

const KEY = "key-of-the-test";
const HELD_OFF = "TOO_MANY_FAILED_AUTHENTICATIONS";

describe.skipIf(!hasChromium)("a server with keys", () => {
  let server: TestServer;
  let browser: Browser;
  /** Calls with a key that is not the right one. */
  let wrongCount = 0;
  let isHeldOff = false;
  const authenticate: Authenticate = async ({ headers: { authorization } }) => {
    if (authorization === `Bearer ${KEY}`) return { principal: ANYBODY };
    if (isHeldOff) throw new AgentlaneError("resource_exhausted", HELD_OFF, "wait a moment");
    if (authorization !== undefined) wrongCount++;
    return undefined;
  };
  beforeAll(async () => {
    const folder = fileURLToPath(new URL("../../dist/console/", import.meta.url));
    server = await startTestServer({
      parts: {
        webConsole: { files: await loadConsole(folder) },
        authenticate,
      },
    });
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server.server.stop();
  });

  test.each(LOOKS)("asks for the key, $scheme at $width px", async (look) => {
    const { context, page } = await visit(browser, `${server.url}/console/`, look);
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await screenshot(page, `sign-in-${look.scheme}-${look.width}`);
    expect(await violations(page)).toEqual([]);
    await context.close();
  });

  test("asks no more with a wrong one, which would hold off others behind the same address", async () => {
    const { context, page } = await visit(browser, `${server.url}/console/`);
    await page.clock.install();
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The server refuses the key of this tab.").waitFor();
    await page.getByText("valid credentials are required").waitFor();
    const before = wrongCount;
    for (let minute = 0; minute < 5; minute++) await page.clock.runFor(60_000);
    // Would be answered after those that had been on their way.
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => wrongCount).toBeGreaterThan(before);
    expect(wrongCount).toBe(before + 1);
    isHeldOff = true;
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("wait a moment").waitFor();
    isHeldOff = false;
    await page.getByLabel("API key").fill(KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await context.close();
  });

  test("takes the right one, keeps it for the tab, and forgets it when told to", async () => {
    const { context, page, problems } = await visit(browser, `${server.url}/console/`);
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The server refuses the key of this tab.").waitFor();
    await page.getByLabel("API key").fill(KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    const other = await context.newPage();
    await other.goto(`${server.url}/console/`);
    await other.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await page.getByRole("button", { name: "Forget key" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    expect(await page.content()).not.toContain(KEY);
    expect(problems).toEqual([]);
    await context.close();
  });
});
