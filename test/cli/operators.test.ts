/** The operators' commands as real processes against a real server: for people and as JSON. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { connect } from "../../sdk/typescript/src/node.ts";
import { run } from "../harness/process.ts";
import { type Program, startProgram } from "../harness/program.ts";

// Many processes, each of which takes a second and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
let client: ReturnType<typeof connect>;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-cli-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  program = await startProgram();
  client = connect(program.baseUrl);
});

afterEach(async () => {
  client.close();
  await program.stop();
});

const agentlane = (line: string, input?: string) =>
  run(line.split(" "), { AGENTLANE_URL: program.baseUrl }, input);

async function json(line: string) {
  const { code, output, errors } = await agentlane(`${line} --json`);
  expect(errors).toBe("");
  return { code, document: JSON.parse(output) };
}

async function ended(ids: readonly string[]): Promise<void> {
  await Promise.all(
    ids.map(async (id) => {
      for await (const _ of client.watch(id));
    }),
  );
}

/** Ends as a dead letter at once. */
async function fail(count: number, sessionId?: string): Promise<string[]> {
  const submits = Array.from({ length: count }, () =>
    client.submit({
      ...{ agentId: "echo", sessionId, text: "go", maxAttempts: 1 },
      configurable: { failAttempts: 100 },
    }),
  );
  const ids = (await Promise.all(submits)).map(({ task }) => task?.taskId ?? "");
  await ended(ids);
  return ids;
}

const cells = (line = ""): string[] => line.trim().split(/ {2,}/);

describe("status", () => {
  it("shows queues, workers and frameworks", async () => {
    const { code, output } = await agentlane("status");
    expect(code).toBe(0);
    expect(output).toContain(program.baseUrl);
    expect(output).toContain("queue memory, store memory");
    const [head = "", row = ""] = output.slice(output.indexOf("QUEUE")).split("\n");
    expect(cells(head).slice(0, 2)).toEqual(["QUEUE", "READY"]);
    expect(row).toMatch(/^agent\.tasks +0 /);
    expect(output).toContain("0/10");
    expect(output).toMatch(/langgraph +\d/);
  });

  it("is a document with the contract's names", async () => {
    const { document } = await json("status");
    expect(document).toMatchObject({
      taskManager: { taskManagerRunning: true, workerCount: 10, runningTasks: 0 },
      queues: [{ queueName: "agent.tasks", pendingMessages: 0, maxSize: 10_000 }],
      workers: [{ slots: 10, busySlots: 0, queues: ["agent.tasks"] }],
      frameworks: [{ framework: "langgraph", executorInitialized: true }],
    });
  });
});

describe("tasks", () => {
  it("are listed by agent, session, state and metadata, page by page", async () => {
    const turn = { agentId: "echo", text: "go" };
    const labeled = await client.execute({ ...turn, sessionId: "a", metadata: { team: "x" } });
    await client.execute({ ...turn, sessionId: "b" });
    const [failed] = await fail(1, "c");
    const ids = async (filters: string) => {
      const { document } = await json(`tasks ${filters}`.trim());
      return document.tasks.map(({ taskId }: { taskId: string }) => taskId);
    };
    expect(await ids("--session a")).toEqual([labeled.taskId]);
    expect(await ids("--metadata team=x")).toEqual([labeled.taskId]);
    expect(await ids("--state failed,canceled")).toEqual([failed]);
    expect(await ids("--agent demo")).toEqual([]);
    const { document: first } = await json("tasks list --limit 2");
    expect(first.tasks).toHaveLength(2);
    const { document: rest } = await json(`tasks list --page-token ${first.nextPageToken}`);
    expect([rest.tasks.length, rest.nextPageToken]).toEqual([1, ""]);
    const { output, errors } = await agentlane("tasks --limit 1");
    const [head = "", row = ""] = output.split("\n");
    expect(cells(head)).toEqual(expect.arrayContaining(["TASK", "AGENT", "SESSION", "STATE"]));
    expect(row).toMatch(new RegExp(`^${failed} +echo +c +FAILED .* ECHO_FAILURE$`));
    expect(errors).toContain("--page-token");
  });

  it("are shown with attempts, error and answer", async () => {
    const { taskId } = await client.execute({ agentId: "echo", sessionId: "s", text: "hi there" });
    const { output } = await agentlane(`tasks show ${taskId}`);
    expect(output).toMatch(/^state +COMPLETED$/m);
    expect(output).toMatch(/^answer +hi there$/m);
    expect(output).toMatch(/^ +1 +COMPLETED/m);
    const { document } = await json(`tasks show ${taskId}`);
    expect(document).toMatchObject({ taskId, state: "TASK_STATE_COMPLETED", redriveCount: 0 });
    const [failed] = await fail(1);
    expect((await agentlane(`tasks show ${failed}`)).output).toMatch(/^error +ECHO_FAILURE: /m);
  });

  it("are canceled, several at once; the exit code is that of the first that was not", async () => {
    const slow = { agentId: "echo", text: "a b c d", configurable: { delayMs: 20_000 } };
    const submits = [await client.submit(slow), await client.submit(slow)];
    const ids = submits.map(({ task }) => task?.taskId ?? "");
    const both = await agentlane(`cancel ${ids.join(" ")} --reason because`);
    expect(both.code).toBe(0);
    expect(both.output.match(/CANCELED/g)).toHaveLength(4);
    expect((await client.getTask(ids[0] ?? "")).error?.message).toBe("because");
    const mixed = await run(["cancel", "unknown", ids[0] ?? "", "--json"], {
      AGENTLANE_URL: program.baseUrl,
    });
    expect(mixed.code).toBe(3);
    expect(JSON.parse(mixed.output).tasks).toHaveLength(1);
    expect(JSON.parse(mixed.errors).error).toMatchObject({ code: "NOT_FOUND", taskId: "unknown" });
  });
});

describe("watch", () => {
  it("streams the log from any sequence, and tells how the task ended", async () => {
    const { taskId } = await client.execute({ agentId: "demo", sessionId: "s", text: "12 * 34" });
    const { code, output } = await agentlane(`watch ${taskId}`);
    const lines = output.trimEnd().split("\n");
    expect([code, lines[0]]).toEqual([0, expect.stringMatching(/^ +1 .* state +QUEUED$/)]);
    expect(output).toMatch(/tool +calculator \{"expression":"12 \* 34"\}/);
    expect(lines.at(-1)).toMatch(/state +COMPLETED$/);
    const after = await agentlane(`watch ${taskId} --after ${lines.length - 2} --json`);
    const events = after.output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ sequence }) => sequence)).toEqual([lines.length - 1, lines.length]);
    expect(events[1]).toMatchObject({
      ...{ taskId, attempt: 1, mergedCount: 0 },
      event: { stateChange: { state: "TASK_STATE_COMPLETED" } },
    });
    const [failed] = await fail(1);
    expect((await agentlane(`watch ${failed}`)).code).toBe(1);
  });
});

describe("dead letters", () => {
  it("are listed, shown and sent back by id; others are skipped", async () => {
    const [first = "", second = ""] = await fail(2);
    const { output } = await agentlane("dead-letters --reason ECHO_FAILURE");
    expect(output).toContain(first);
    expect(output).toMatch(/ECHO_FAILURE +the echo agent was told to fail/);
    const { document } = await json("dead-letters list --agent echo --limit 1");
    expect(document.tasks).toMatchObject([{ taskId: second, state: "TASK_STATE_FAILED" }]);
    expect((await agentlane(`dead-letters show ${first}`)).output).toMatch(/^state +FAILED$/m);
    const redriven = await json(`redrive ${first} ${first}`);
    expect(redriven.document).toEqual({ redrivenTaskIds: [first], skippedTaskIds: [] });
    const skipped = await agentlane("redrive unknown");
    expect([skipped.code, skipped.output]).toEqual([
      1,
      "skipped unknown: no dead letter\nredriven 0 tasks\n",
    ]);
    const done = await client.execute({ agentId: "echo", text: "x" });
    const shown = await agentlane(`dead-letters show ${done.taskId}`);
    expect([shown.code, shown.errors]).toEqual([1, expect.stringContaining("no dead letter")]);
  });

  it("are sent back in batches, each once, although they fail again", async () => {
    await fail(130);
    expect((await agentlane("redrive --all --agent demo --yes")).output).toBe("redriven 0 tasks\n");
    const { code, document } = await json("redrive --all --agent echo --reason ECHO_FAILURE --yes");
    expect([code, new Set(document.redrivenTaskIds).size]).toEqual([0, 130]);
    await ended(document.redrivenTaskIds);
    const again = await client.listDeadLetters({ pageSize: 500 });
    expect(again.tasks.map(({ redriveCount }) => redriveCount)).toEqual(Array(130).fill(1));
  });

  it("are deleted by id, and in batches by age and reason", async () => {
    const [first = ""] = await fail(120);
    expect((await agentlane(`dead-letters purge ${first} --yes`)).output).toBe(
      "purged 1 dead letter\n",
    );
    expect((await json("dead-letters purge --all --older-than 1h --yes")).document).toEqual({
      purgedCount: 0,
    });
    expect((await json("dead-letters purge --all --reason OTHER --yes")).document).toEqual({
      purgedCount: 0,
    });
    expect((await json("dead-letters purge --all --reason ECHO_FAILURE --yes")).document).toEqual({
      purgedCount: 119,
    });
    expect((await json("dead-letters")).document.tasks).toEqual([]);
  });

  it.each([
    "redrive",
    "redrive id --all",
    "redrive id --agent echo",
    "dead-letters purge",
    "redrive --all",
    "dead-letters purge id",
    "sessions destroy echo s",
  ])("need a subject, one of two, and somebody who agrees: %s", async (line) => {
    expect(await agentlane(line)).toMatchObject({ code: 2, output: "" });
  });
});

describe("sessions", () => {
  it("are listed and shown with their history, and their instances too", async () => {
    await client.execute({ agentId: "demo", sessionId: "s1", text: "my name is Ada" });
    await client.execute({ agentId: "echo", sessionId: "s2", text: "x" });
    expect((await json("sessions --agent echo")).document).toMatchObject({
      sessions: [{ sessionId: "s2", version: "1", messageCount: 2 }],
      nextPageToken: "",
    });
    expect((await agentlane("sessions")).output).toMatch(/^echo +s2 +1 +2 /m);
    const { output } = await agentlane("sessions show demo s1");
    expect(output).toMatch(/^user +my name is Ada$/m);
    expect(output).toMatch(/^assistant +Nice to meet you, Ada\.$/m);
    expect((await json("sessions show demo s1")).document).toMatchObject({
      context: { history: [{ role: "ROLE_USER" }, { role: "ROLE_ASSISTANT" }], interrupts: [] },
      unfinishedTaskIds: [],
    });
    expect((await json("sessions instances --agent demo")).document).toMatchObject({
      instances: [{ sessionKey: "demo#s1", busy: false }],
    });
    expect((await agentlane("sessions instances")).output).toMatch(/^echo +s2 +\S+ +idle/m);
  });

  it("go to a file and come back from it", async () => {
    for (const sessionId of ["a", "b", "c"]) {
      await client.execute({ agentId: "demo", sessionId, text: `my name is ${sessionId}` });
    }
    const path = join(folder, "sessions.jsonl");
    const written = await agentlane(`sessions export --all --of demo --output ${path}`);
    expect(written).toMatchObject({ code: 0, output: "exported 3 sessions\n" });
    expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(3);
    const one = await agentlane("sessions export demo b");
    expect(await agentlane("sessions destroy demo b --yes")).toMatchObject({ code: 0 });
    expect(await agentlane("sessions destroy demo b --yes")).toMatchObject({ code: 3 });
    const back = await agentlane("sessions import -", one.output);
    expect(back).toMatchObject({ code: 0, output: "imported 1 session\n" });
    const again = await agentlane("sessions import", one.output);
    expect([again.code, again.errors]).toEqual([1, expect.stringContaining("agentlane: ")]);
    const over = await agentlane(`sessions import ${path} --overwrite --json`);
    expect(JSON.parse(over.output)).toEqual({ importedCount: 3 });
    const answer = await client.execute({ agentId: "demo", sessionId: "b", text: "who am I" });
    expect(answer.text).toBe("Your name is b.");
    writeFileSync(path, '{"agentId":\n');
    const broken = await agentlane(`sessions import ${path}`);
    expect([broken.code, broken.errors]).toEqual([2, expect.stringContaining(`${path}:1`)]);
  });
});

describe("agents", () => {
  it("are listed, shown and checked", async () => {
    expect((await agentlane("agents")).output).toMatch(/^demo +demo .* An offline tool agent/m);
    expect((await agentlane("agents show demo")).output).toMatch(/calculator: Evaluates/);
    const { document } = await json("agents");
    expect(document.agents.map(({ agentId }: { agentId: string }) => agentId)).toContain("echo");
    expect((await json("agents show echo")).document).toMatchObject({ agentId: "echo", tools: [] });
    expect(await agentlane("agents show nobody")).toMatchObject({
      code: 3,
      errors: expect.stringContaining("there are chat, demo, echo, react"),
    });
    expect(await agentlane("agents validate demo")).toMatchObject({ code: 0, output: "valid\n" });
    const path = join(folder, "agent.json");
    writeFileSync(path, '{"template":"echo","options":{"delayMs":-1}}');
    const { code, document: found } = await json(`agents validate --file ${path}`);
    expect([code, found.valid, found.problems.length]).toEqual([1, false, 1]);
    writeFileSync(path, "{");
    expect((await agentlane(`agents validate --file ${path}`)).code).toBe(2);
    expect((await agentlane("agents validate --file /no/such/file")).code).toBe(1);
  });
});

describe("config", () => {
  it("is a document too, secrets masked", async () => {
    const result = await run(["config", "--json"], { AGENTLANE_API_KEY: "hunter2", PORT: "1" });
    const { settings } = JSON.parse(result.output);
    const value = (wanted: string) =>
      settings.find(({ name }: { name: string }) => name === wanted);
    expect(value("PORT")).toEqual({
      ...{ section: "Server", name: "PORT", value: "1", isDefault: false },
    });
    expect(value("AGENTLANE_API_KEY").value).toBe("***");
  });
});
