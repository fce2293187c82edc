/** The console without a pointer. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Program } from "../harness/program.ts";
import { hasChromium, launch, visit } from "./browser.ts";
import { startInstallation, text } from "./installation.ts";

/** What has the focus, as a person would name it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    `(() => {
      const element = document.activeElement;
      return (element?.getAttribute("aria-label") ?? element?.textContent ?? "").trim();
    })()`,
  );

/** Presses Tab until it is there; every stop on the way must be visible. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    const outline = await page.evaluate<string>(
      `getComputedStyle(document.activeElement ?? document.body).outlineStyle`,
    );
    expect([at, outline]).not.toEqual([at, "none"]);
    if (typeof name === "string" ? at === name : name.test(at)) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

describe.skipIf(!hasChromium)("with the keyboard", () => {
  let program: Program;
  let browser: Browser;
  beforeAll(async () => {
    program = await startInstallation();
    browser = await launch();
    await program.agents.execute({ agentId: "echo", sessionId: "k1", messages: [text("hello")] });
  });
  afterAll(async () => {
    await browser?.close();
    await program.stop();
  });

  test("from the first Tab to a destroyed session", async () => {
    const { context, page } = await visit(browser, `${program.baseUrl}/console/`);
    await page.getByText("agent.tasks").waitFor();
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to the content");
    await tabTo(page, /^Sessions/);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "k1" }).waitFor();
    expect(await focused(page)).toBe("Sessions");
    await tabTo(page, "k1");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Destroy" }).waitFor();
    await tabTo(page, "Destroy");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    // The focus stays in the dialog, and comes back from it.
    for (let step = 0; step < 5; step++) {
      await page.keyboard.press("Tab");
      const isInside = await page.evaluate<boolean>(
        `document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)`,
      );
      expect(isInside).toBe(true);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focused(page)).toBe("Destroy");
    await page.keyboard.press("Enter");
    await tabTo(page, "Destroy it for good");
    await page.keyboard.press("Enter");
    await page.getByText("No sessions").waitFor();
    await context.close();
  });

  test("a conversation, its tool call and its code", async () => {
    const { context, page } = await visit(browser, `${program.baseUrl}/console/playground`);
    await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
    await tabTo(page, "Message");
    await page.keyboard.type("What is 6 * 7?");
    await page.keyboard.press("Enter");
    await page.locator(".turn").getByText("The result is 42.").waitFor();
    await page.keyboard.press("Shift+Tab");
    for (let step = 0; step < 10 && !/calculator/.test(await focused(page)); step++) {
      await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
    await page.getByText('"expression": "6 * 7"').waitFor();
    await tabTo(page, "grpcurl");
    for (const name of ["TypeScript", "Python", "Go", "Java", "Rust", "grpcurl"]) {
      await page.keyboard.press("ArrowRight");
      expect(await focused(page)).toBe(name);
      await page.getByRole("region", { name: `The call in ${name}` }).waitFor();
    }
    await context.close();
  });

  test("the theme is switched, and kept", async () => {
    const { context, page } = await visit(browser, `${program.baseUrl}/console/`);
    await page.getByText("agent.tasks").waitFor();
    const ground = (): Promise<string> =>
      page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await tabTo(page, /^Theme: system/);
    await page.keyboard.press("Enter");
    expect(await ground()).toBe(light);
    await page.keyboard.press("Enter");
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByText("agent.tasks").waitFor();
    expect(await ground()).toBe(dark);
    await context.close();
  });
});
