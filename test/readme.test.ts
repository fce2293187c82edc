import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../gen/agentlane/v1/task_service_pb.js";
import { loadAgentsFile } from "../src/executor/agents-file.ts";
import { type ServingProcess, serve } from "./harness/process.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const run = promisify(execFile);

let server: ServingProcess;
let address: string;

/** What `npm start` does, on a free port. */
beforeAll(async () => {
  server = await serve();
  address = server.address;
});

afterAll(async () => {
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
});

function blocks(language: string): string[] {
  const pattern = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs");
  return [...readme.matchAll(pattern)].map((match) => match[1] ?? "");
}

const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));

async function hasGrpcurl(): Promise<boolean> {
  return run("grpcurl", ["--version"]).then(
    () => true,
    () => false,
  );
}

test.each(commands.filter((line) => /^(grpcurl|curl) /.test(line)))("%s", async (line) => {
  if (line.startsWith("grpcurl") && !process.env.CI && !(await hasGrpcurl())) {
    console.warn("skipped: grpcurl is missing");
    return;
  }
  const { stdout } = await run("bash", ["-c", line.replaceAll("localhost:50051", address)]);
  if (line.includes("hello")) expect(stdout).toMatch(/COMPLETED/);
  else expect(stdout.length).toBeGreaterThan(0);
});

test("the code example is the file of the examples, and it runs", async () => {
  const [code] = blocks("ts");
  expect(code).toBe(readFileSync(new URL("../examples/call/call.ts", import.meta.url), "utf8"));
  const url = `http://${address}`;
  const { stdout } = await run(process.execPath, ["examples/call/call.ts", url], { cwd: root });
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toContain("hello");
  expect(lines.at(-1)).toMatch(/^\d+ events$/);
  expect(lines.at(-2)).toContain("hello");
});

test("its agents files are valid", () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-readme-"));
  const files = blocks("json").map((text, index) => {
    const path = join(folder, `agents-${index}.json`);
    writeFileSync(path, text);
    return loadAgentsFile(path, { environment: {}, onWarning: () => undefined }).map(
      (agent) => agent.template,
    );
  });
  rmSync(folder, { recursive: true });
  expect(files).toEqual([["graph"], ["react"]]);
});

test("the table of RPCs is the contract's", () => {
  for (const service of [AgentService, TaskService, SessionService, OperationsService]) {
    const names = service.methods.map((method) => `\`${method.name}\``).join(", ");
    expect(readme).toContain(`| \`${service.name}\` ${names} |`);
  }
});

test("files and scripts that it names exist", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const targets = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets) expect(existsSync(`${root}/${target}`), target).toBe(true);
  for (const [, script = ""] of readme.matchAll(/npm run ([a-z]+)/g)) {
    expect(Object.keys(scripts)).toContain(script);
  }
});

test.each(["config", "version"])("agentlane %s", async (command) => {
  const { stdout } = await run(process.execPath, ["src/main.ts", command], { cwd: root });
  expect(stdout).toMatch(command === "config" ? /PORT=50051/ : /^\d+\.\d+\.\d+/);
});
