import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonFrom, objectFrom } from "../../src/console/model/json-text.ts";
import { actionsOf, decision } from "../../src/console/model/review.ts";
import { type CallDraft, snippetsOf } from "../../src/console/model/snippets.ts";
import { address, routeOf } from "../../src/console/routes.ts";
import { type Program, startProgram } from "../harness/program.ts";

const run = promisify(execFile);
const PYTHON = fileURLToPath(new URL("../../sdk/python/.venv/bin/python", import.meta.url));
const GO_SDK = fileURLToPath(new URL("../../sdk/go", import.meta.url));

/** Text with what each language quotes in its own way. */
const AWKWARD = `it's "so" \\ $HOME #"# 'x' \`y\``;

let program: Program;
let folder: string;
beforeAll(async () => {
  program = await startProgram();
  folder = await mkdtemp(join(tmpdir(), "agentlane-snippets-"));
});
afterAll(async () => {
  await program.stop();
  await rm(folder, { recursive: true });
});

const draft = (overrides: Partial<CallDraft> = {}): CallDraft => ({
  agentId: "echo",
  sessionId: "s1",
  text: AWKWARD,
  configurable: { delayMs: 0, nested: { list: [1, true, null, "x"] } },
  ...overrides,
});

function codeOf(id: string, of = draft(), hasKey = false): string {
  const snippets = snippetsOf(of, { url: program.baseUrl, hasKey });
  return snippets.find((snippet) => snippet.id === id)?.code ?? "";
}

test("TypeScript runs as it stands", async () => {
  const sdk = new URL("../../sdk/typescript/src/node.ts", import.meta.url).pathname;
  const file = join(folder, "call.mts");
  await writeFile(file, codeOf("typescript").replace("@agentlane/sdk", sdk));
  const { stdout } = await run(process.execPath, [file], { timeout: 60_000 });
  expect(stdout).toBe(AWKWARD);
});

test.skipIf(!existsSync(PYTHON))("Python runs as it stands", async () => {
  const file = join(folder, "call.py");
  await writeFile(file, codeOf("python"));
  // As installed; by a path of its own because the SDK's environment has only what it needs.
  const env = { PATH: process.env.PATH, PYTHONPATH: "sdk/python/src" };
  const { stdout } = await run(PYTHON, [file], { timeout: 60_000, env });
  expect(stdout.trimEnd()).toBe(AWKWARD);
});

test.skipIf(spawnSync("grpcurl", ["-version"]).status !== 0)(
  "grpcurl runs as it stands",
  async () => {
    const { stdout } = await run("sh", ["-c", codeOf("grpcurl")], { timeout: 60_000 });
    expect(stdout).toContain("TASK_STATE_COMPLETED");
  },
);

/** Whether Go is here, and what the SDK needs: nothing is downloaded. */
const hasGo =
  spawnSync("go", ["list", "-deps", "."], { cwd: GO_SDK, env: { ...process.env, GOPROXY: "off" } })
    .status === 0;

test.skipIf(!hasGo)(
  "Go compiles as it stands, formatted as gofmt has it",
  { timeout: 300_000 },
  async () => {
    const answer = draft({ text: "", input: [1, "a"], resume: null, configurable: undefined });
    const replaced: Record<string, string> = {};
    for (const [name, code] of [
      ["call", codeOf("go")],
      ["with-key", codeOf("go", draft({ sessionId: "" }), true)],
      ["answer", codeOf("go", answer)],
    ] as const) {
      const file = join(folder, `${name}.go`);
      await writeFile(file, code);
      // As if it were a folder of the module, which nothing is written to.
      replaced[join(GO_SDK, "snippet", name, "main.go")] = file;
    }
    expect((await run("gofmt", ["-l", ...Object.values(replaced)])).stdout).toBe("");
    const overlay = join(folder, "overlay.json");
    await writeFile(overlay, JSON.stringify({ Replace: replaced }));
    const packages = Object.keys(replaced).map((path) => dirname(path));
    await run("go", ["build", "-overlay", overlay, "-o", `${folder}/`, ...packages], {
      cwd: GO_SDK,
    });
  },
);

test("every language has the call, and none the key", () => {
  for (const { id, code } of snippetsOf(draft(), { url: "https://a.example", hasKey: true })) {
    expect([id, code]).toEqual([id, expect.stringContaining("AGENTLANE_API_KEY")]);
    expect(code).toContain("echo");
    expect(code).toContain("s1");
  }
  expect(codeOf("grpcurl")).not.toContain("authorization");
});

test("an answer to a question is written as one", () => {
  const answer = draft({
    text: "",
    configurable: undefined,
    resume: { approved: true, note: null },
  });
  expect(codeOf("python", answer)).toContain('resume={"approved": True, "note": None}');
  expect(codeOf("rust", answer)).toContain('.resume(serde_json::json!({"approved": true');
  expect(codeOf("go", answer)).toContain('map[string]any{"approved": true, "note": nil}');
  // Map.entry takes no null.
  expect(codeOf("java", answer)).toContain('Map.entry("note", NULL)');
  expect(codeOf("java", answer)).toContain("static final Value NULL =");
  expect(codeOf("java")).toContain("1.0, true, NULL");
  expect(codeOf("typescript", answer)).toContain('resume: {"approved":true,"note":null}');
});

test("JSON as people type it", () => {
  expect(jsonFrom(" ")).toEqual({ problem: "" });
  expect(jsonFrom("[1]")).toEqual({ value: [1], problem: "" });
  expect(jsonFrom("{").problem).toContain("Not JSON");
  expect(objectFrom("[1]").problem).toContain("object");
});

test("what the review middleware asks, and how it is answered", () => {
  const asked = { actionRequests: [{ name: "pay", args: { amount: 5 } }], reviewConfigs: [] };
  expect(actionsOf(asked)).toEqual([{ name: "pay", description: "", args: { amount: 5 } }]);
  expect(actionsOf({ question: "May I?" })).toBeUndefined();
  expect(actionsOf({ actionRequests: [1] })).toBeUndefined();
  expect(decision(undefined)).toEqual({ type: "approve" });
  expect(decision("too much")).toEqual({ type: "reject", message: "too much" });
});

test("addresses lead to their pages", () => {
  expect(routeOf("/console")).toEqual({ page: "overview" });
  expect(routeOf(address(["tasks", "a/b"]))).toEqual({ page: "task", taskId: "a/b" });
  expect(routeOf(address(["sessions", "echo", "s 1"]))).toMatchObject({ sessionId: "s 1" });
  expect(routeOf("/console/tasks/1/2")).toEqual({ page: "unknown" });
  expect(routeOf("/console/tasks/%E0")).toMatchObject({ taskId: "%E0" });
  expect(address(["tasks"], { state: "", agent: "a b" })).toBe("/console/tasks?agent=a+b");
});
