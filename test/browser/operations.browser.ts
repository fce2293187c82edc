/** What an operator does on the pages, and what becomes of it on the server. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Program } from "../harness/program.ts";
import { hasChromium, launch, screenshot, violations, visit } from "./browser.ts";
import { startInstallation, text } from "./installation.ts";

describe.skipIf(!hasChromium)("operating", () => {
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
  const open = (path: string) => visit(browser, `${program.baseUrl}/console${path}`);

  test("the overview counts what happens while one looks", async () => {
    const { context, page } = await open("/");
    const done = page.locator("tbody tr", { hasText: "agent.tasks" }).locator("td").nth(3);
    await done.waitFor();
    const before = Number(await done.textContent());
    await program.agents.execute({ agentId: "echo", messages: [text("one more")] });
    await page
      .locator("tbody tr", { hasText: "agent.tasks" })
      .locator("td", { hasText: new RegExp(`^${before + 1}$`) })
      .first()
      .waitFor();
    await page.locator(".tile", { hasText: "Latency, p95" }).getByText(/ms|s$/).first().waitFor();
    expect(await page.locator("canvas").count()).toBe(4);
    await context.close();
  });

  test("filters tasks by state and agent, and keeps the filters in the address", async () => {
    await program.agents.execute({ agentId: "demo", sessionId: "f1", messages: [text("hello")] });
    const { context, page } = await open("/tasks");
    await page.locator("tbody tr", { hasText: "demo" }).first().waitFor();
    await page.getByLabel("Agent", { exact: true }).selectOption("demo");
    await page.getByLabel("State", { exact: true }).selectOption("COMPLETED");
    await page.locator("tbody tr", { hasText: "echo" }).first().waitFor({ state: "detached" });
    // Between two filters the list is empty for a moment.
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    await page.reload();
    await page.locator("tbody tr", { hasText: "demo" }).waitFor();
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    await page.getByLabel("Session", { exact: true }).fill("nobody");
    await page.getByText("No task matches").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("tbody tr", { hasText: "echo" }).first().waitFor();
    await context.close();
  });

  test("shows a task's events as they stream, and cancels it", async () => {
    const { task } = await program.tasks.submitTask({
      agentId: "demo",
      sessionId: "c1",
      messages: [text("Count slowly to 1000 every 30 ms")],
      streaming: true,
    });
    const { context, page } = await open(`/tasks/${task?.taskId}`);
    await page.locator(".event-text", { hasText: '"count":15' }).first().waitFor();
    await page.getByRole("button", { name: "Cancel task" }).click();
    await screenshot(page, "task-cancel-dialog");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel the task" }).click();
    await page.locator(".title-line").getByText("Canceled").waitFor();
    await page.getByText("canceled in the console").first().waitFor();
    const found = await program.tasks.getTask({ taskId: task?.taskId ?? "" });
    expect(found.task?.state).toBe(TaskState.CANCELED);
    await context.close();
  });

  test("redrives a failed task from its page, and follows it anew", async () => {
    const { task } = await program.tasks.submitTask({
      agentId: "failing",
      sessionId: "r1",
      messages: [text("do it")],
    });
    const { context, page } = await open(`/tasks/${task?.taskId}`);
    await page.getByRole("button", { name: "Redrive" }).click();
    await page.getByText("1 times").waitFor();
    await page.locator(".attempt", { hasText: "Attempt 4" }).waitFor();
    await context.close();
  });

  test("redrives many dead letters after a question, and tells how far it is", async () => {
    const count = 130;
    const ids: string[] = [];
    for (let index = 0; index < count; index++) {
      const messages = [text("do it")];
      const { task } = await program.tasks.submitTask({ agentId: "failing", messages });
      ids.push(task?.taskId ?? "");
    }
    for (const taskId of ids) for await (const _ of program.tasks.watchTask({ taskId }));
    const { context, page } = await open("/dead-letters?agent=failing");
    await page.getByRole("button", { name: /^Redrive all \(13\d\)$/ }).click();
    await screenshot(page, "dead-letters-redrive");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
    await page.getByText(/13\d sent back\./).waitFor();
    await screenshot(page, "dead-letters-redriven");
    await page.getByRole("button", { name: "Done" }).click();
    for (const taskId of ids) {
      const { task } = await program.tasks.getTask({ taskId });
      expect(task?.redriveCount).toBe(1);
    }
    await context.close();
  });

  test("deletes the dead letters that are selected, and no other", async () => {
    const { context, page } = await open("/dead-letters");
    await page.getByRole("button", { name: /^Delete all/ }).waitFor();
    const before = (await program.tasks.listDeadLetters({})).totalCount;
    const boxes = page.locator("tbody").getByRole("checkbox");
    await page.getByLabel("Reason", { exact: true }).fill("NO_SUCH_REASON");
    await page.getByText("No dead letter matches").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await page.getByRole("button", { name: "Delete selected (2)" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Back" }).click();
    expect((await program.tasks.listDeadLetters({})).totalCount).toBe(before);
    await page.locator("tbody").getByRole("checkbox").nth(0).check();
    await page.getByRole("button", { name: "Delete selected (1)" }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await page.getByText("1 deleted.").waitFor();
    expect((await program.tasks.listDeadLetters({})).totalCount).toBe(before - 1);
    await context.close();
  });

  test("destroys a session after a question", async () => {
    const session = { agentId: "echo", sessionId: "gone" };
    await program.agents.execute({ ...session, messages: [text("hello")] });
    const { context, page } = await open("/sessions");
    await page.getByRole("link", { name: "gone" }).click();
    await page.getByText("warm").first().waitFor();
    await page.getByRole("button", { name: "Destroy" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Destroy" }).click();
    await screenshot(page, "session-destroy");
    await page.getByRole("button", { name: "Destroy it for good" }).click();
    await page.getByRole("heading", { level: 1, name: "Sessions" }).waitFor();
    await page.getByRole("link", { name: "gone" }).waitFor({ state: "detached" });
    await expect(program.sessions.getSession(session)).rejects.toMatchObject({ code: 5 });
    await context.close();
  });

  test("says what is wrong with a definition", async () => {
    const { context, page } = await open("/agents");
    const definition = page.getByRole("textbox", { name: "Definition" });
    await definition.fill('{"template": "nothing"}');
    await page.getByRole("button", { name: "Check the definition" }).click();
    await page.locator(".note.tone-bad").getByText("template").first().waitFor();
    await definition.fill('{"template": "echo"}');
    await page.getByRole("button", { name: "Check the definition" }).click();
    await page.getByText("It is valid and can be used.").waitFor();
    await definition.fill("{");
    await page.getByRole("button", { name: "Check the definition" }).click();
    await page.getByText("Not JSON").waitFor();
    await context.close();
  });

  test("what does not exist says so", async () => {
    const { context, page } = await open("/tasks/nothing");
    await page.getByRole("alert").getByText("NOT_FOUND").first().waitFor();
    await page.goto(`${program.baseUrl}/console/agents/nobody`);
    await page.getByText("There is no agent nobody").waitFor();
    await context.close();
  });
});
