/** The commands and programs of docs/openai.md, run as they are written but for the port. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { pythonWithOpenAI } from "../harness/python-openai.ts";

const page = readFileSync(new URL("../../docs/openai.md", import.meta.url), "utf8");
const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

let server: ServingProcess;
beforeAll(async () => {
  server = await serve();
});
afterAll(async () => {
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
});

/** The only block in a language. */
function block(language: string): string {
  const text = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)?.[1] ?? "";
  expect(text).toContain("localhost:50051");
  return text.replaceAll("localhost:50051", server.address);
}

test("curl", async () => {
  const outputs: string[] = [];
  for (const line of block("sh").trim().split("\n")) {
    expect(line).toMatch(/^curl /);
    outputs.push((await run("bash", ["-c", line])).stdout);
  }
  const [models, whole, stream, first, second] = outputs;
  expect(models).toContain('"id":"demo"');
  expect(whole).toContain('"content":"hello"');
  expect(stream).toMatch(/408.*data: \[DONE\]\n\n$/s);
  expect(first).toContain("Nice to meet you, Ada.");
  expect(second).toContain("Your name is Ada.");
});

const answers = "The result is 408.\nThe result is 408.";

test("Python", async ({ skip }) => {
  const python = await pythonWithOpenAI();
  if (!python) return skip();
  expect((await python("-c", block("python"))).trim()).toBe(answers);
}, 120_000);

test("JavaScript", async () => {
  const flags = ["--input-type=module", "--eval"];
  const { stdout } = await run(process.execPath, [...flags, block("js")], { cwd: root });
  expect(stdout.trim()).toBe(answers);
});
