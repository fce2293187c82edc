/** The playground against the real program: streams, tools, questions, reloads. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Program } from "../harness/program.ts";
import { hasChromium, launch, screenshot, violations, visit } from "./browser.ts";
import { eventually, startInstallation } from "./installation.ts";

const hasGrpcurl = spawnSync("grpcurl", ["-version"]).status === 0;

const turn = (page: Page, at = -1) => page.locator(".turn").nth(at);
const say = async (page: Page, message: string): Promise<void> => {
  await page.getByRole("textbox", { name: "Message", exact: true }).fill(message);
  await page.getByRole("textbox", { name: "Message", exact: true }).press("Enter");
};

describe.skipIf(!hasChromium)("the playground", () => {
  let program: Program;
  let browser: Browser;
  beforeAll(async () => {
    program = await startInstallation();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await program.stop();
  });
  const open = async (search = "") => {
    const opened = await visit(browser, `${program.baseUrl}/console/playground${search}`);
    await opened.page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
    return opened;
  };

  test("streams an answer and shows its tool call", async () => {
    const { context, page, problems } = await open("?agent=demo&session=tools");
    await say(page, "What is 12 * 34?");
    await turn(page).getByText("The result is 408.").waitFor();
    await turn(page).locator(".badge", { hasText: "Completed" }).waitFor();
    await turn(page).locator("summary", { hasText: "calculator" }).click();
    await turn(page).getByText('"expression": "12 * 34"').waitFor();
    await say(page, "My name is Ada");
    await turn(page).getByText("Nice to meet you, Ada.").waitFor();
    await say(page, "What is my name?");
    await turn(page).getByText("Your name is Ada.").waitFor();
    const session = await program.sessions.getSession({ agentId: "demo", sessionId: "tools" });
    expect(session.context?.version).toBe(3n);
    expect(problems).toEqual([]);
    await context.close();
  });

  test("asks the user what a graph asks, and answers it", async () => {
    const { context, page } = await open("?agent=demo&session=notes");
    await say(page, "Note: buy milk");
    await turn(page).getByText("I have noted: buy milk.").waitFor();
    await say(page, "Delete my notes");
    const question = page.getByRole("region", { name: "The agent asks" });
    await question.locator(".question-text", { hasText: "Delete 1 notes?" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await screenshot(page, "playground-question");
    await question.getByRole("button", { name: "Yes" }).click();
    await turn(page).getByText("Done: deleted 1 notes.").waitFor();
    await question.waitFor({ state: "detached" });
    await context.close();
  });

  test("offers the answers that a question names", async () => {
    const { context, page } = await open("?agent=asking&session=options");
    await say(page, "hi");
    const question = page.getByRole("region", { name: "The agent asks" });
    await question.getByText("May I?").waitFor();
    await question.getByRole("button", { name: "yes", exact: true }).click();
    await turn(page).getByText("approved").waitFor();
    await context.close();
  });

  test("takes an open question up that was asked elsewhere", async () => {
    const session = { agentId: "asking", sessionId: "elsewhere" };
    const message = { role: 1, content: [{ part: { case: "text" as const, value: "hi" } }] };
    await program.agents.execute({ ...session, messages: [message] });
    const { context, page } = await open("?agent=asking&session=elsewhere");
    const question = page.getByRole("region", { name: "The agent asks" });
    await question.getByLabel("Another answer").fill("no");
    await question.getByRole("button", { name: "Answer", exact: true }).click();
    await turn(page).getByText("refused").waitFor();
    await context.close();
  });

  test("lets a person decide on each tool call of the review middleware", async () => {
    const { context, page } = await open("?agent=careful&session=pay");
    await say(page, "pay 5");
    const question = page.getByRole("region", { name: "The agent asks" });
    await question.getByRole("region", { name: "Arguments of pay" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await screenshot(page, "playground-review");
    await question.getByRole("button", { name: "Send the decision" }).click();
    await turn(page)
      .getByText(/done: .*5/)
      .waitFor();
    await context.close();
  });

  test("goes on after a reload in the middle of a stream, each entry once", async () => {
    const { context, page } = await open("?agent=echo&session=reload");
    await page.getByText("Input and options").click();
    await page.getByLabel("Configurable (JSON)").fill('{"tokens": 150, "delayMs": 40}');
    await say(page, "count");
    await turn(page)
      .getByText(/\bt20\b/)
      .waitFor();
    await page.reload();
    await turn(page)
      .getByText(/\bt20\b/)
      .waitFor();
    await turn(page).locator(".badge", { hasText: "Completed" }).waitFor();
    const wanted = Array.from({ length: 150 }, (_, index) => `t${index}`).join(" ");
    expect(await turn(page).locator(".answer .prose").textContent()).toBe(wanted);
    const { tasks } = await program.tasks.listTasks({ sessionId: "reload" });
    expect(tasks.map(({ state, attempt }) => [state, attempt])).toEqual([[TaskState.COMPLETED, 1]]);
    // What is done stays there as well.
    await page.reload();
    await turn(page).locator(".badge", { hasText: "Completed" }).waitFor();
    expect(await turn(page).locator(".answer .prose").textContent()).toBe(wanted);
    await context.close();
  });

  test("runs on while other pages are looked at, and stops when asked to", async () => {
    const { context, page } = await open("?agent=demo&session=stop");
    await say(page, "Count slowly to 1000 every 50 ms");
    await turn(page).locator(".progress-line").waitFor();
    await page.getByRole("link", { name: "Agents" }).click();
    await page.getByRole("heading", { level: 1, name: "Agents" }).waitFor();
    await page.getByRole("link", { name: "Playground" }).click();
    await turn(page).locator(".badge", { hasText: "Running" }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await turn(page).locator(".badge", { hasText: "Canceled" }).waitFor();
    await turn(page).getByText("stopped in the playground").first().waitFor();
    await context.close();
  });

  test("a turn that fails says why", async () => {
    const { context, page } = await open("?agent=failing&session=fails");
    await say(page, "do it");
    await turn(page).getByText("Failed", { exact: true }).waitFor();
    await turn(page).locator(".note.tone-bad").waitFor();
    await screenshot(page, "playground-failed");
    await context.close();
  });

  test("a call that is refused says what is wrong with it", async () => {
    const { context, page } = await open("?agent=demo&session=refused");
    await page.getByText("Input and options").click();
    await page.getByLabel("Configurable (JSON)").fill('{"__proto": 1}');
    await say(page, "hello");
    await turn(page).getByRole("alert").getByText("configurable").first().waitFor();
    await context.close();
  });

  test("shows the call as grpcurl, which does the same", async () => {
    const message = `it's "quoted" & $HOME \\n`;
    const { context, page } = await open("?agent=echo&session=as-code");
    await page.getByRole("textbox", { name: "Message", exact: true }).fill(message);
    const code = page.getByRole("region", { name: "The call in grpcurl" });
    const command = (await code.textContent()) ?? "";
    if (hasGrpcurl) {
      const { stdout } = await promisify(execFile)("sh", ["-c", command], { timeout: 60_000 });
      expect(stdout).toContain("TASK_STATE_COMPLETED");
      const { tasks } = await program.tasks.listTasks({ sessionId: "as-code" });
      const [part] = tasks[0]?.result?.messages[0]?.content ?? [];
      expect(part?.part.value).toBe(message);
    }
    await page.getByRole("tab", { name: "grpcurl" }).press("ArrowRight");
    await page.getByText('import { connect } from "@agentlane/sdk";').waitFor();
    await page.getByRole("button", { name: "Copy The call in TypeScript" }).click();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(copied).toContain('agentId: "echo"');
    await context.close();
  });

  test("two tabs do not disturb each other", async () => {
    const [first, second] = [await open("?agent=echo"), await open("?agent=echo")];
    await say(first.page, "one");
    await say(second.page, "two");
    await turn(first.page).locator(".answer").getByText("one").waitFor();
    await turn(second.page).locator(".answer").getByText("two").waitFor();
    expect(await first.page.locator(".turn").count()).toBe(1);
    await eventually(
      async () => (await program.operations.getTaskManagerStatus({})).watchers,
      (count) => count === 0,
    );
    await first.context.close();
    await second.context.close();
  });
});
